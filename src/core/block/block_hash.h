// The hash by which equal blocks are found.
#pragma once

#include <cstdint>

#include "mosaic/page_format.h"

namespace mosaic {

// XXH3-128 of the packed geometry (8 bytes, little endian) and the payload; canonical (big endian).
// REQUIRES: length <= MOSAIC_MAX_PAYLOAD.
void HashBlock(MosaicGeometry geometry, const void* payload, uint32_t length, uint8_t hash[16]);

// Turns the hash of a block into that of the block in a sharing domain: what finds an equal block in
// one domain, in the same time, finds none in another.
void HashInDomain(int32_t domain, uint8_t hash[16]);

}  // namespace mosaic
