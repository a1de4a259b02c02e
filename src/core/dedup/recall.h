// Decisions on a model's blocks, and which of them still hold for the version that follows it: the
// paper's rule for updates, which keeps the decision on a block whose LSH keys did not change.
//
// Recalled decisions save evaluations, not verification: what was merged before is tried first, as
// one, and what would have broken the bound before is not tried; every accepted state is measured.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/dedup/likeness.h"

namespace mosaic {

enum class Outcome : char {
  kMerged = 'm',
  kOverBound = 'b',        // with it, or those before it in the order, the bound is not kept
  kNotReached = 'e',       // the most evaluations came first
  kOverBoundBefore = 'p',  // kOverBound for the predecessor
  // Down the ladder, beside kMerged and the bits of a weight as a digit:
  kLossless = 'l',
  kAsItIs = 'w'
};

struct Decision {
  int tensor = 0;
  int64_t index = 0;     // place in the tensor's map
  uint32_t partner = 0;  // block_id
  double similarity = 0;
  Outcome outcome = Outcome::kMerged;
  uint64_t fingerprint = 0;
};

// What the block is recognised by: all its LSH keys, and what decides beside them.
uint64_t Fingerprint(const int32_t* keys, size_t n, const NearSettings& settings);

class Recall {
 public:
  void Add(const Decision& decision);
  // The decision on the predecessor's block at that place, if it has the same fingerprint.
  const Decision* Find(int tensor, int64_t index, uint64_t fingerprint) const;

 private:
  std::vector<std::unordered_map<int64_t, Decision>> tensors_;
};

}  // namespace mosaic
