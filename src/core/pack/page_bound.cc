#include "core/pack/page_bound.h"

#include <algorithm>

namespace mosaic {

void PageBound::Add(uint32_t size, uint64_t count) {
  for (size_t i = 0; i < counts_.size(); i++) {
    if (counts_[i].first != size) continue;
    counts_[i].second += count;
    if (i > 0) std::swap(counts_[i], counts_[i - 1]);  // frequent sizes come to the front
    return;
  }
  counts_.emplace_back(size, count);
}

uint64_t PageBound::size() const {
  uint64_t sum = 0;
  for (const auto& [size, count] : counts_) sum += size * count;
  return sum;
}

uint64_t PageBound::pages() const {
  const auto ceil_div = [](uint64_t a, uint64_t b) { return (a + b - 1) / b; };
  uint64_t best = ceil_div(size(), capacity_);
  // u_k(x) = x where (k + 1) x is whole, else floor((k + 1) x) / k; in units of 1 / (k capacity).
  for (uint64_t k = 1; k <= 64 && k < capacity_; k++) {
    uint64_t sum = 0;
    for (const auto& [size, count] : counts_) {
      const uint64_t x = (k + 1) * size;
      sum += count * (x % capacity_ == 0 ? k * size : x / capacity_ * capacity_);
    }
    best = std::max(best, ceil_div(sum, k * capacity_));
  }
  return best;
}

}  // namespace mosaic
