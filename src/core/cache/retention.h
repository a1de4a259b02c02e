// Which pages a buffer pool that cannot hold all of them should retain.
//
// Pages come in classes: those of one class are used by the same models, so they are wanted equally
// often. All pages cost the same to read, so the order of their loss costs is that of their rates,
// whatever the horizon, and the best static choice is to keep the busiest classes as far as they
// fit. The pool is not filled with them to the brim: the models that run need room to pass through.
//
// Rates are estimated from few requests. Where the busiest class and the mean of what does not fit
// differ by no more than chance makes them differ, nothing is known that the clock sweep does not
// know, and it is left alone. But a model that is larger than the pool, and read over and over,
// drives itself out, whatever the estimates are: it is always steered, and what is not kept of it
// passes through a ring of few buffers, so that the hand does not get to the kept.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mosaic {

struct PageClass {
  uint32_t pages = 0;
  double weight = 0;  // decayed requests of its models together
  uint32_t keep = 0;  // out: how much of the class to keep, 0 .. kKeepAll
};

inline constexpr uint32_t kKeepAll = 65536;

// The part of the pool that is filled with pages to keep.
inline constexpr double kKeptPart = 0.8;

// Sets keep of all classes. order: room for n numbers. False where pages should be left to the
// clock sweep: all fit, or the estimates say nothing. Time: O(n log n).
bool DecideRetention(PageClass* classes, size_t n, uint64_t pool_pages, uint32_t* order) noexcept;

// Whether a page is among those of its class that are kept. Neighbours, which are read together,
// are kept together.
inline bool KeepsPage(uint32_t page, uint32_t keep) {
  return (page / 8 * 2654435761u) >> 16 < keep;
}

// What becomes of a page's usage count.
inline constexpr uint32_t kMaxUsage = 5;

// The usage count to set on a page in use whose count is usage. What a page is given was taken from
// others: *credit is what was taken and not yet given. So the clock hand has hardly more counts to
// take down than without us, and the pages of other tables live nearly as long. For two counts
// taken three are given: the most that costs other tables less than two points of their hit ratio
// in the simulation (docs/cache.md).
inline constexpr int64_t kTaken = 3, kGiven = 2;
uint32_t SteerUsage(uint32_t usage, bool keep, int64_t* credit) noexcept;

}  // namespace mosaic
