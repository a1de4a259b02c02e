// The checksum of a model: see mosaic/capi_checksum.h.
#include <cstring>

#include "mosaic/capi_checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

void Finish(const XXH3_state_t& state, uint8_t sum[16]) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
  std::memcpy(sum, canonical.digest, sizeof(canonical.digest));
}

void Add(XXH3_state_t* state, const void* bytes, size_t n) {
  if (n > 0) XXH3_128bits_update(state, bytes, n);
}

}  // namespace

void mosaic_checksum_graph(const void* graph, size_t len, uint8_t sum[16]) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  Add(&state, graph, len);
  Finish(state, sum);
}

// Lengths come before what they are of, so that no two models give the same bytes.
void mosaic_checksum_tensor(const MosaicTensorDesc* t, const int32_t* ids, uint8_t sum[16]) {
  const size_t name = std::strlen(t->name);
  const int64_t numbers[] = {static_cast<int64_t>(name),
                             t->dtype,
                             t->layout,
                             t->stored_dtype,
                             t->transposed,
                             t->rows,
                             t->cols,
                             t->block_rows,
                             t->block_cols,
                             t->nblocks,
                             static_cast<int64_t>(t->value_bytes),
                             t->ndim};
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  Add(&state, sum, 16);
  Add(&state, numbers, sizeof(numbers));
  Add(&state, t->dims, static_cast<size_t>(t->ndim) * sizeof(t->dims[0]));
  Add(&state, t->name, name);
  if (t->value != nullptr) Add(&state, t->value, t->value_bytes);
  if (ids != nullptr) Add(&state, ids, static_cast<size_t>(t->nblocks) * sizeof(*ids));
  Finish(state, sum);
}
