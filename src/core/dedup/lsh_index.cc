#include "core/dedup/lsh_index.h"

#include <algorithm>

namespace mosaic {

void LshIndex::Add(const uint64_t* keys, int n, uint32_t id) {
  for (int i = 0; i < n; ++i) {
    if (keys[i] == 0) continue;
    auto& bucket = buckets_[keys[i]];
    if (bucket.size() == kMaxBucket) continue;
    bucket.push_back(id);
    ++entries_;
  }
}

void LshIndex::Probe(const uint64_t* keys, int n, std::vector<uint32_t>* ids) const {
  ids->clear();
  for (int i = 0; i < n; ++i) {
    const auto found = buckets_.find(keys[i]);
    if (keys[i] == 0 || found == buckets_.end()) continue;
    ids->insert(ids->end(), found->second.begin(), found->second.end());
  }
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

}  // namespace mosaic
