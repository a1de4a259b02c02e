/*
 * The boundary between shim and core, part: new weights on the graph of a stored model (src/core/import/like.h), and
 * adapters beside its weights (src/core/import/adapter.h).
 * The rules are those of capi.h.
 */
#ifndef MOSAIC_CAPI_LIKE_H
#define MOSAIC_CAPI_LIKE_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model as it is stored. */
typedef struct MosaicStored {
  const void *graph;
  size_t graph_bytes;
  const MosaicTensorDesc *tensors;
  int ntensors;
  void *ctx;
  /* Copies the payload of a block of a tensor, by its place in the map; 0, or non-zero when the host holds an error. */
  int (*read_block)(void *ctx, int tensor, int64_t index, void *payload);
} MosaicStored;

/*
 * An import like that of mosaic_import_new, whose tensors come from safetensors files and from the base.  base_weights
 * may be NULL.  All that is handed in must outlive the import.  Reads both files' headers and, where base_weights is
 * given, all of it and of the base.  options->batch_axis is not looked at.  On error *out is NULL.
 */
MosaicCode mosaic_import_like_new(const MosaicStored *base, const MosaicSource *weights, const MosaicSource *base_weights,
                                  const MosaicImportOptions *options, MosaicImport **out, MosaicError *err);

/* An adapter_config.json. */
typedef struct MosaicAdapterText {
  const char *text;
  size_t bytes;
  int in_order; /* keys are in the order of the file: not so of jsonb */
} MosaicAdapterText;

/* The same of a LoRA adapter. */
MosaicCode mosaic_import_adapter_new(const MosaicStored *base, const MosaicSource *adapter, const MosaicSource *base_weights,
                                     const MosaicAdapterText *config, const MosaicImportOptions *options,
                                     MosaicImport **out, MosaicError *err);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_LIKE_H */
