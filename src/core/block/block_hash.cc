#include "core/block/block_hash.h"

#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {

void HashBlock(MosaicGeometry geometry, const void* payload, uint32_t length, uint8_t hash[16]) {
  char bytes[sizeof(uint64_t) + MOSAIC_MAX_PAYLOAD];
  const uint64_t packed = mosaic_geometry_pack(geometry);
  std::memcpy(bytes, &packed, sizeof(packed));
  std::memcpy(bytes + sizeof(packed), payload, length);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, sizeof(packed) + length));
  std::memcpy(hash, canonical.digest, sizeof(canonical.digest));
}

void HashInDomain(int32_t domain, uint8_t hash[16]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical,
                           XXH3_128bits_withSeed(hash, 16, static_cast<uint32_t>(domain)));
  std::memcpy(hash, canonical.digest, sizeof(canonical.digest));
}

}  // namespace mosaic
