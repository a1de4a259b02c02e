#include "core/dedup/recall.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {

uint64_t Fingerprint(const int32_t* keys, size_t n, const NearSettings& settings) {
  uint64_t seed = 0;
  std::memcpy(&seed, &settings.tolerance, sizeof(settings.tolerance));
  seed ^= XXH3_64bits(&settings.min_similarity, sizeof(settings.min_similarity));
  return XXH3_64bits_withSeed(keys, n * sizeof(int32_t), seed);
}

void Recall::Add(const Decision& decision) {
  const size_t t = static_cast<size_t>(decision.tensor);
  if (t >= tensors_.size()) tensors_.resize(t + 1);
  tensors_[t][decision.index] = decision;
}

const Decision* Recall::Find(int tensor, int64_t index, uint64_t fingerprint) const {
  const size_t t = static_cast<size_t>(tensor);
  if (t >= tensors_.size()) return nullptr;
  const auto found = tensors_[t].find(index);
  if (found == tensors_[t].end() || found->second.fingerprint != fingerprint) return nullptr;
  return &found->second;
}

}  // namespace mosaic
