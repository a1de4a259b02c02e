#include "core/dedup/near_keys.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/dedup/block_values.h"

namespace mosaic {

Status CheckNearSettings(const MosaicNearSettings& s) {
  if (s.tables < 1 || s.tables > MOSAIC_NEAR_TABLES) {
    return Status::Invalid("near_tables must be 1 to " + std::to_string(MOSAIC_NEAR_TABLES));
  }
  if (s.hashes < 1 || s.hashes > MOSAIC_NEAR_HASHES) {
    return Status::Invalid("near_hashes must be 1 to " + std::to_string(MOSAIC_NEAR_HASHES));
  }
  if (!(s.width > 0 && std::isfinite(s.width))) {
    return Status::Invalid("near_width must be a positive number");
  }
  return {};
}

NearKeys::NearKeys(const MosaicNearSettings& settings, int32_t domain)
    : domain_(static_cast<uint32_t>(domain)) {
  settings_.tables = settings.tables;
  settings_.hashes = settings.hashes;
  settings_.tolerance = settings.width / static_cast<float>(settings_.width);
}

void NearKeys::Of(const MosaicGeometry& geometry, const void* payload, int32_t* keys) {
  const auto& family =
      families_.try_emplace(mosaic_geometry_pack(geometry), geometry, settings_).first->second;
  const BlockShape shape = ShapeOfGeometry(geometry);
  wide_.resize(static_cast<size_t>(family.tables()));
  family.Keys(BlockValues(shape, payload, &values_), wide_.data());
  std::fill(keys, keys + MOSAIC_NEAR_TABLES, 0);
  for (size_t t = 0; t < wide_.size(); ++t) {
    if (wide_[t] == 0) continue;
    const auto key =
        static_cast<uint32_t>(XXH3_64bits_withSeed(&wide_[t], sizeof(wide_[t]), domain_));
    keys[t] = static_cast<int32_t>(key == 0 ? 1 : key);
  }
}

}  // namespace mosaic
