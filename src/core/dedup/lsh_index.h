// An index of LSH keys in memory: for planning over blocks at hand, benchmarks and tests. The
// persistent index of a store keeps the same keys in a table of the database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace mosaic {

class LshIndex {
 public:
  // Most blocks of a bucket that a probe returns, those with the smallest ids: a bucket that holds
  // more tells nothing, and would make probes grow with the store.
  static constexpr size_t kMaxBucket = 64;

  // Key 0 is no key. REQUIRES: ids are added in ascending order.
  void Add(const uint64_t* keys, int n, uint32_t id);
  // The ids that share a key, ascending, each once.
  void Probe(const uint64_t* keys, int n, std::vector<uint32_t>* ids) const;
  size_t entries() const { return entries_; }

 private:
  std::unordered_map<uint64_t, std::vector<uint32_t>> buckets_;
  size_t entries_ = 0;
};

}  // namespace mosaic
