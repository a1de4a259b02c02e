/*
 * model_cache.h
 *		This backend's plans of models: graph, operators, maps; no weights.
 *
 * A model_id names content that never changes, so an entry never becomes stale;
 * which model_id a name means is looked up with the caller's snapshot each time.
 * What an entry remembers of where blocks lie is a hint (store.h).
 */
#ifndef MOSAIC_MODEL_CACHE_H
#define MOSAIC_MODEL_CACHE_H

#include "access/htup.h"
#include "lib/ilist.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"

#include "mosaic/capi.h"
#include "usage.h"

/* The blocks of one tensor. */
typedef struct MosaicTensorBlocks
{
	int64		n;
	uint32		payload_bytes;	/* of each block */
	int32	   *ids;			/* n */
	ItemPointerData *places;	/* n, corrected as blocks are found */
} MosaicTensorBlocks;

typedef struct MosaicModelKey
{
	Oid			catalog;		/* OID of mosaic.model: another one after DROP EXTENSION */
	int32		padding;
	int64		model_id;
} MosaicModelKey;

typedef struct MosaicModelHandle
{
	MosaicModelKey key;			/* first: hash key */
	MemoryContext cxt;			/* all below */
	MosaicModel *model;
	int			ntensors;
	MosaicTensorBlocks *tensors;
	int64		nblocks;		/* of all tensors */
	int64		weight;			/* what it counts for in the cache */
	int			refs;
	MosaicUsage usage;			/* what predictions count */
	dlist_node	lru;
} MosaicModelHandle;

/* The entry of a model, made if need be from its row and its tensors' rows.  Counts a reference. */
extern MosaicModelHandle *mosaic_model_acquire(HeapTuple model_row);
extern void mosaic_model_release(MosaicModelHandle *handle);

/* Loads a model as snapshot sees it and forgets it again: raises the error where that is not possible. */
extern void mosaic_model_try_load(HeapTuple model_row, Snapshot snapshot);

#endif
