// Local search over the pages of mixed classes: exchanges and moves of blocks between two pages.
//
// Threshold accepting (Dueck and Scheuer, J. Comput. Phys. 90, 1990): a change is taken when it
// costs less than a threshold that falls to zero. Costs are integers and the random sequence is
// fixed, so the result is the same everywhere. The number of trials is proportional to the number
// of pieces. The result never reads more than the input, nor has it more pages.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/pack/leftovers.h"

namespace mosaic {

class PageImprover {
 public:
  PageImprover(const OrderedClasses& classes, std::vector<MixedPage> pages);
  PageImprover(const PageImprover&) = delete;
  PageImprover& operator=(const PageImprover&) = delete;

  // True when done.
  bool Step(Budget* budget);
  int64_t cost() const { return best_cost_; }  // rates of the models of each page, added up
  std::vector<MixedPage> TakePages() { return std::move(best_); }

 private:
  // Amounts of two pieces that change places; the second may be nothing.
  struct Exchange {
    uint32_t page_a, page_b;
    size_t piece_a, piece_b;
    uint32_t count_a, count_b;
  };

  uint32_t Random(size_t below);
  int64_t Try(int64_t threshold);
  bool Draw(Exchange* x);
  uint32_t RelatedPage(uint32_t page, uint32_t cls);
  int64_t CostOf(const MixedPage& page, size_t without, const Piece* with);
  void Take(uint32_t page, size_t piece, uint32_t count);
  void Put(uint32_t page, uint32_t cls, uint32_t count);

  const OrderedClasses& classes_;
  std::vector<MixedPage> pages_, best_;
  std::vector<int64_t> page_cost_;
  int64_t cost_ = 0, best_cost_ = 0;
  std::vector<size_t> user_begin_;  // classes on these pages that model m uses:
  std::vector<uint32_t> users_;     // users_[user_begin_[m] .. user_begin_[m + 1])
  std::vector<uint32_t> home_;      // of each class, a page that had it
  ModelSet models_;
  uint64_t random_ = 1;
  int64_t start_threshold_ = 0;
  size_t trial_ = 0, trials_ = 0;
  int64_t work_ = 0;
};

}  // namespace mosaic
