// Plans which blocks of a store move, and whereto, so that it becomes well packed.
//
// The Packer says which blocks should share a page and how pages should follow one another; this
// finds the cheapest way there from what is. Blocks of one kind (used by the same models, and of
// the same size) can stand in for each other, so a page is known by the kinds that it holds: a page
// that has the kinds of a page of the packing already is kept. What then remains is moved, if it
// pays:
//
//   match   every kept page stays where it is; only the others are written.
//   order   only runs of kRun or more kept pages stay that already follow one another on disk as
//           they should; shorter ones are moved too, since a seek costs as much as several pages.
//           Chosen where each page so moved makes one reading of all models cheaper by kMovePages.
//   none    neither saves a page (aim storage), a page read, or kMovePays of the cost of reading.
//
// The cost of reading a model is its pages + kSeekPages for each run of consecutive ones. Planning
// again after a plan was carried out finds nothing to move.
//
// Moved pages go, in the order of the packing, to runs of free pages, lowest first, and then to the
// end. With give_back, pages at the end also move to free pages below the size that the store
// needs, so that the end becomes free and can be cut off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/pack/packer.h"
#include "core/pack/store_layout.h"
#include "core/util/status.h"

namespace mosaic {

struct RepackOptions {
  PackOptions pack;
  bool give_back = false;
  bool survey = false;  // count only: plan "none"
};

// What a model, or the whole store, reads.
struct LayoutReads {
  uint64_t blocks = 0, bytes = 0;
  uint64_t pages_before = 0, pages_after = 0;
  uint64_t pages_minimum = 0;                // no packing has fewer (page_bound.h)
  uint64_t runs_before = 0, runs_after = 0;  // of consecutive pages
  uint64_t blocks_moved = 0, bytes_moved = 0;
};

// A page to write.
struct PageMove {
  uint32_t page = 0;             // kAppend: a new one at the end
  std::vector<uint32_t> blocks;  // in the order in which they should lie
  static constexpr uint32_t kAppend = UINT32_MAX;
};

// The blocks used by exactly the same models.
struct SharingClassInfo {
  std::vector<uint32_t> models;  // ascending; none: orphans
  uint64_t blocks = 0, bytes = 0;
  uint64_t pages = 0;  // that hold one of them or more
  uint64_t pages_minimum = 0;
};

class Repacker {
 public:
  static constexpr uint32_t kRun = 16;       // 128 kB, what Linux reads ahead
  static constexpr uint32_t kSeekPages = 8;  // 72 us against 8 us (docs/packing.md)
  static constexpr uint32_t kMovePages = 3;
  static constexpr double kMovePays = 0.05;

  // free_pages: wholly free, ascending, holding no block of the layout. The layout must outlive it.
  Repacker(const StoreLayout* layout, RepackOptions options, std::vector<uint32_t> free_pages);
  ~Repacker();
  Repacker(const Repacker&) = delete;
  Repacker& operator=(const Repacker&) = delete;

  // Some 10 ms of work; *done when the plan is complete.
  Status Step(bool* done);

  // ---- REQUIRES: Step() is done ----
  const std::vector<PageMove>& moves() const;
  const LayoutReads& model(uint32_t m) const;
  // pages are those that hold blocks; runs are of these pages.
  const LayoutReads& store() const;
  const std::vector<SharingClassInfo>& classes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mosaic
