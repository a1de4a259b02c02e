/*
 * The boundary between shim and core, part: the checksum of a model (src/pg/model/model_rows.h).
 * The rules are those of capi.h.
 */
#ifndef MOSAIC_CAPI_CHECKSUM_H
#define MOSAIC_CAPI_CHECKSUM_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * XXH3-128 over a model: first its graph, then its tensors in order, each of which makes of the sum so
 * far the next.  ids: tensor->nblocks of them, NULL for INLINE.
 */
void mosaic_checksum_graph(const void *graph, size_t len, uint8_t sum[16]);
void mosaic_checksum_tensor(const MosaicTensorDesc *tensor, const int32_t *ids, uint8_t sum[16]);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_CHECKSUM_H */
