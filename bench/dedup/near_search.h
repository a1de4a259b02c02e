// Finds and judges near duplicates over a BlockStore, with the parts of core/dedup: what the
// database does with its tables, here with the index in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "block_store.h"
#include "core/dedup/gate.h"
#include "core/dedup/likeness.h"
#include "core/dedup/lsh.h"
#include "core/dedup/lsh_index.h"
#include "core/dedup/merge_order.h"

namespace bench {

// Keys of blocks by id; computed once and kept.
class KeyCache {
 public:
  KeyCache(const BlockStore& store, const mosaic::LshSettings& settings)
      : store_(store), settings_(settings) {}

  // Empty where blocks of that geometry are not shared with near duplicates.
  const std::vector<uint64_t>& Of(uint32_t id) {
    if (id >= keys_.size()) keys_.resize(store_.size());
    auto& keys = keys_[id];
    const StoredBlock& b = store_.block(id);
    if (!keys.empty() || !mosaic::NearShareable(b.geometry)) return keys;
    auto& family = families_[mosaic_geometry_pack(b.geometry)];
    if (!family) family = std::make_unique<mosaic::LshFamily>(b.geometry, settings_);
    keys.resize(static_cast<size_t>(family->tables()));
    family->Keys(store_.values(id), keys.data());
    return keys;
  }

 private:
  const BlockStore& store_;
  const mosaic::LshSettings settings_;
  std::map<uint64_t, std::unique_ptr<mosaic::LshFamily>> families_;
  std::vector<std::vector<uint64_t>> keys_;
};

// The best of the candidates; accepted = false where there is none.
inline mosaic::Match BestOf(const BlockStore& store, const mosaic::BlockShape& shape, uint32_t id,
                            const std::vector<uint32_t>& candidates,
                            const mosaic::NearSettings& settings) {
  mosaic::Match best;
  const StoredBlock& b = store.block(id);
  for (uint32_t other : candidates) {
    const StoredBlock& o = store.block(other);
    if (mosaic_geometry_pack(o.geometry) != mosaic_geometry_pack(b.geometry)) continue;
    mosaic::Match match;
    match.partner = other;
    match.likeness = mosaic::Compare(shape, store.values(id), store.values(other), settings);
    if (!match.likeness.accepted) continue;
    if (!best.likeness.accepted || mosaic::Better(match, best)) best = match;
  }
  return best;
}

}  // namespace bench
