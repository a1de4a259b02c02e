/*
 * The boundary between shim and core, part: a stored model as an ONNX file (src/core/export/onnx_export.h).
 * The rules are those of capi.h.
 */
#ifndef MOSAIC_CAPI_EXPORT_H
#define MOSAIC_CAPI_EXPORT_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MosaicExport MosaicExport;

/* tensors, and what they point to, must outlive the export.  On error *out is NULL. */
MosaicCode mosaic_export_new(const char *name, const void *graph, size_t len, const MosaicTensorDesc *tensors, int n,
                             MosaicExport **out, MosaicError *err);
void mosaic_export_free(MosaicExport *e);

/* Tensors that must be read before mosaic_export_plan(): the i-th of them. */
int mosaic_export_list_count(const MosaicExport *e);
int mosaic_export_list(const MosaicExport *e, int i);

/* Reads a tensor that is not INLINE: its blocks follow, in the order of its map. */
MosaicCode mosaic_export_begin(MosaicExport *e, int tensor, MosaicError *err);
MosaicCode mosaic_export_block(MosaicExport *e, const void *payload, MosaicError *err);
/* It was one of the lists. */
MosaicCode mosaic_export_keep_list(MosaicExport *e, MosaicError *err);

/* *size: bytes of the file; *pieces: of how many pieces it consists. */
MosaicCode mosaic_export_plan(MosaicExport *e, uint64_t *size, int *pieces, MosaicError *err);
/* The tensor whose elements piece i is, to be read before; or -1. */
int mosaic_export_piece_tensor(const MosaicExport *e, int i);
/* The bytes of piece i, in order; valid until the next tensor begins. */
const void *mosaic_export_piece(const MosaicExport *e, int i, size_t *len);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_EXPORT_H */
