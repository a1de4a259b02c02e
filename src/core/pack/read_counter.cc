#include "core/pack/read_counter.h"

#include <algorithm>

namespace mosaic {

void ReadCounter::Start(const std::vector<uint32_t>* page_of, Reading* out) {
  page_of_ = page_of;
  out_ = out;
  *out_ = Reading();
  out_->pages.resize(layout_.models());
  out_->runs.resize(layout_.models());
  const auto last = std::max_element(page_of->begin(), page_of->end());
  user_.assign(last == page_of->end() ? 1 : size_t{*last} + 2, 0);
  counted_.assign(user_.size(), false);
  cursor_ = 0;
}

bool ReadCounter::Step(Budget* budget) {
  return RunSlice(&cursor_, layout_.models(), budget,
                  [this](size_t m) { return CountModel(static_cast<uint32_t>(m)); });
}

int64_t ReadCounter::CountModel(uint32_t m) {
  const std::vector<uint32_t>& uses = layout_.uses();
  const size_t end = layout_.begin(m + 1);
  uint32_t pages = 0, runs = 0;
  for (size_t i = layout_.begin(m); i < end; i++) {
    uint32_t* user = &user_[(*page_of_)[uses[i]] + 1];  // page p at p + 1: p - 1 needs no check
    pages += *user != m + 1;
    *user = m + 1;
  }
  // A run begins at each page whose predecessor is not read.
  for (size_t i = layout_.begin(m); i < end; i++) {
    const uint32_t page = (*page_of_)[uses[i]];
    if (counted_[page + 1]) continue;
    counted_[page + 1] = true;
    runs += user_[page] != m + 1;
  }
  for (size_t i = layout_.begin(m); i < end; i++) counted_[(*page_of_)[uses[i]] + 1] = false;
  out_->pages[m] = pages;
  out_->runs[m] = runs;
  const double rate = layout_.rate(m) * 1000;
  out_->weighted_pages += static_cast<uint64_t>(rate * pages);
  out_->weighted_cost += static_cast<uint64_t>(rate * (pages + double(runs) * seek_pages_));
  return 4 * static_cast<int64_t>(end - layout_.begin(m)) + 4;
}

}  // namespace mosaic
