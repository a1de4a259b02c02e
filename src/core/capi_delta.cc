// The C boundary, blocks stored as differences.
#include "mosaic/capi_delta.h"

#include "core/codec/delta.h"
#include "core/codec/low_bits.h"
#include "core/util/dtype.h"
#include "mosaic/capi_near.h"
#include "mosaic/page_reader.h"

uint32_t mosaic_delta_limit(uint32_t whole) {
  constexpr uint32_t kPage = MOSAIC_PAGE_BYTES - MOSAIC_PAGE_HEADER;
  constexpr uint32_t kBeside = MOSAIC_PAYLOAD_OFFSET + 4;  // tuple header and line pointer
  const uint32_t share = kPage / (kPage / (whole + kBeside) + 1);
  return share < kBeside ? 0 : (share - kBeside) / MOSAIC_TUPLE_ALIGN * MOSAIC_TUPLE_ALIGN;
}

bool mosaic_delta_possible(MosaicGeometry geometry) {
  return mosaic_near_shareable(geometry) &&
         (geometry.dtype == MOSAIC_FLOAT || geometry.dtype == MOSAIC_BFLOAT16 ||
          geometry.dtype == MOSAIC_FLOAT16);
}

uint32_t mosaic_delta_encode(MosaicGeometry geometry, const void* payload, const void* base,
                             uint32_t whole, int32_t base_id, uint32_t limit, void* out) {
  return mosaic::EncodeDelta(payload, base, whole, geometry.dtype == MOSAIC_FLOAT ? 4 : 2, base_id,
                             limit, out);
}

uint32_t mosaic_delta_encode_low(MosaicGeometry geometry, const void* payload, const void* base,
                                 uint32_t whole, int bits, int32_t base_id, uint32_t limit,
                                 void* out) {
  return mosaic::EncodeLowBits(payload, base, whole, geometry.dtype, bits, base_id, limit, out);
}

uint32_t mosaic_delta_estimate(MosaicGeometry geometry, const void* payload, const void* base,
                               uint32_t whole) {
  return mosaic::EstimateDelta(payload, base, whole, geometry.dtype == MOSAIC_FLOAT ? 4 : 2);
}

uint32_t mosaic_delta_whole(const void* delta, uint32_t bytes) {
  return mosaic::DeltaWhole(delta, bytes);
}

int32_t mosaic_delta_base(const void* delta, uint32_t bytes, uint32_t whole) {
  return mosaic::DeltaBase(delta, bytes, whole);
}

bool mosaic_delta_decode(const void* delta, uint32_t bytes, const void* base, uint32_t whole,
                         void* out) {
  return mosaic::DecodeDelta(delta, bytes, base, whole, out);
}
