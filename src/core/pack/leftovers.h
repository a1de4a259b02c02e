// Leftovers: what remains of the sharing classes when no whole page can be filled from one class.
//
// Placing them is a bin packing where a page costs the rates of all models that use a block on it,
// and where a class may be split over pages, at the price of its weight. A first solution fills
// one page after another: the heaviest class left begins a page, and the class that shares most
// with the page is added as long as it fits.
//   storage  a page is filled to the brim; if nothing fits whole, the class that costs least is
//   split reads    a class is split only when that costs nothing; then pages that fit together are
//   joined,
//            which never adds a read: w(A or B) <= w(A) + w(B)
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/pack/class_order.h"
#include "core/pack/packer.h"
#include "core/pack/slices.h"

namespace mosaic {

struct Piece {
  uint32_t cls;
  uint32_t count;  // blocks
};

struct MixedPage {
  uint32_t free;  // in units of size
  std::vector<Piece> pieces;
};

// The union of model sets, cleared in O(1).
class ModelSet {
 public:
  explicit ModelSet(const OrderedClasses& classes)
      : classes_(classes), seen_(classes.rate.size()) {}
  void Clear() { now_++; }
  // Adds the models of class c; returns the rates of those that are new.
  int64_t Add(size_t c);
  // The rates of the models of class c that are in the set.
  int64_t Overlap(size_t c) const;

 private:
  const OrderedClasses& classes_;
  std::vector<uint64_t> seen_;
  uint64_t now_ = 1;
};

class LeftoverFiller {
 public:
  // left: blocks of each class to be placed. The arguments must outlive the filler.
  LeftoverFiller(const OrderedClasses& classes, const std::vector<uint32_t>& left,
                 const PackOptions& options);
  LeftoverFiller(const LeftoverFiller&) = delete;
  LeftoverFiller& operator=(const LeftoverFiller&) = delete;

  // True when done.
  bool Step(Budget* budget);
  std::vector<MixedPage> TakePages() { return std::move(pages_); }

 private:
  void FillPage(uint32_t seed);
  void Place(uint32_t cls, uint32_t count);
  void CollectNeighbours(uint32_t seed);
  Piece Choose();
  bool JoinPages(Budget* budget);
  void Join(uint32_t page);

  const OrderedClasses& classes_;
  const PackOptions options_;
  std::vector<uint32_t> left_;
  std::vector<uint32_t> seeds_;        // classes to place: by size, then weight, descending
  size_t first_ = 0, last_ = 0;        // seeds_ outside [first_, last_) are placed
  std::vector<uint32_t> prev_, next_;  // unplaced classes in order; the last entry is the anchor
  std::vector<uint32_t> own_begin_;    // classes of model m alone: own_[own_begin_[m] ..
  std::vector<uint32_t> own_;          //   own_begin_[m + 1])
  uint32_t window_ = 0;                // candidates on each side of the seed
  std::optional<SlicedSort> sort_;

  MixedPage page_;  // being filled, with
  ModelSet models_;
  std::vector<uint32_t> candidates_;
  int64_t work_ = 0;  // spent on it

  std::vector<MixedPage> pages_;
  std::optional<SlicedSort> join_sort_;
  std::vector<uint32_t> join_order_;              // pages by what is free, ascending
  std::set<std::pair<uint32_t, uint32_t>> open_;  // (used units, page) not joined yet
  size_t next_join_ = 0;
};

}  // namespace mosaic
