// The fewest pages that can hold a set of blocks: a lower bound.
//
// With blocks of one size it is ceil(n / blocks per page). With several it is the best of the
// bounds of Fekete and Schepers, "New classes of fast lower bounds for bin packing problems"
// (Mathematical Programming 91, 2001): a function u with u(x1) + ... + u(xn) <= 1 whenever x1 + ...
// + xn <= 1 turns sizes into weights whose sum no packing can beat; theirs are u_k for k = 1, 2,
// ...
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace mosaic {

class PageBound {
 public:
  // capacity: of a page, in the unit of the sizes; > 0.
  explicit PageBound(uint32_t capacity) : capacity_(capacity) {}

  // REQUIRES: 0 < size <= capacity.
  void Add(uint32_t size, uint64_t count = 1);
  uint64_t pages() const;
  uint64_t size() const;  // of all blocks

 private:
  uint32_t capacity_;
  std::vector<std::pair<uint32_t, uint64_t>> counts_;  // size, blocks; few sizes occur
};

}  // namespace mosaic
