/*
 * like.h
 *		A stored model that another one is made of: new weights on its graph, or an adapter beside its own.
 */
#ifndef MOSAIC_LIKE_H
#define MOSAIC_LIKE_H

#include "access/htup.h"
#include "utils/snapshot.h"

#include "mosaic/capi_like.h"
#include "source.h"

typedef struct MosaicLike MosaicLike;

/*
 * The model of this name, which must be the current role's (42704, 42501).  weights and base_weights (NULL: none) are
 * safetensors files.  In the current context.
 */
extern MosaicLike *mosaic_like_open(const char *name, MosaicHostSource *weights, MosaicHostSource *base_weights);

/* The weights are a LoRA adapter; config: its adapter_config.json, which must outlive this. */
extern void mosaic_like_adapt(MosaicLike *like, const MosaicAdapterText *config);

/* Begins an import of them.  After MOSAIC_E_HOST the error is kept in weights. */
extern MosaicCode mosaic_like_import(MosaicLike *like, const MosaicImportOptions *options, MosaicImport **out,
									 MosaicError *error);

/*
 * The model's row, as the snapshot sees it; 40001 where it is gone.  What is set of it, the new model has too, so that
 * whoever stores that asks under the store's lock.
 */
extern HeapTuple mosaic_like_row(MosaicLike *like, Snapshot snapshot);

extern void mosaic_like_close(MosaicLike *like);

#endif
