// The rules of BPE, by the pair that they merge.
#pragma once

#include <cstdint>
#include <vector>

#include "core/text/model.h"

namespace mosaic::text {

class MergeTable {
 public:
  struct Rule {
    int32_t left = -1, right = -1;  // left < 0: free
    uint32_t rank = 0;
    int32_t result = 0;
  };

  explicit MergeTable(size_t rules) {
    size_t slots = 16;
    while (slots < rules * 2) slots *= 2;
    slots_.resize(slots);
  }

  // Of equal pairs the last one counts. False: the pairs were made to collide.
  bool Add(const Merge& merge) {
    const size_t slot = Slot(merge.left, merge.right);
    probes_ += (slot - Home(merge.left, merge.right)) & (slots_.size() - 1);
    slots_[slot] = {merge.left, merge.right, merge.rank, merge.result};
    return probes_ <= 8 * slots_.size();
  }

  const Rule* Find(int32_t left, int32_t right) const {
    const Rule& rule = slots_[Slot(left, right)];
    return rule.left < 0 ? nullptr : &rule;
  }
  size_t bytes() const { return slots_.capacity() * sizeof(Rule); }

 private:
  size_t Home(int32_t left, int32_t right) const {
    const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
    // Multiplicative hashing: the high bits are the good ones.
    return ((key * 0x9E3779B97F4A7C15u) ^ (key * 0xC2B2AE3D27D4EB4Fu >> 29)) >> 20 & (slots_.size() - 1);
  }
  size_t Slot(int32_t left, int32_t right) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = Home(left, right);
    while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right))
      slot = (slot + 1) & mask;
    return slot;
  }

  std::vector<Rule> slots_;
  size_t probes_ = 0;
};

}  // namespace mosaic::text
