// LSH keys as a store keeps them: 32 bits a table, of blocks of any geometry, in one sharing domain.
//
// 32 bits are half the index. In a store of a million blocks one probe in 4,000 then meets a block by
// chance, which the comparison that follows refuses.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/dedup/lsh.h"
#include "core/util/status.h"
#include "mosaic/capi_near.h"

namespace mosaic {

// INVALID, naming the setting, unless all are within their limits.
Status CheckNearSettings(const MosaicNearSettings& settings);

class NearKeys {
 public:
  // REQUIRES: CheckNearSettings.
  NearKeys(const MosaicNearSettings& settings, int32_t domain);

  // MOSAIC_NEAR_TABLES keys; 0: none. Keys of other domains, geometries or tables have nothing in
  // common. REQUIRES: NearShareable(geometry).
  void Of(const MosaicGeometry& geometry, const void* payload, int32_t* keys);

 private:
  LshSettings settings_;
  uint32_t domain_;
  std::map<uint64_t, LshFamily> families_;  // by packed geometry
  std::vector<float> values_;
  std::vector<uint64_t> wide_;
};

}  // namespace mosaic
