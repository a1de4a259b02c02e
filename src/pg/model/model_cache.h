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
#include "storage/buf.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"

#include "mosaic/capi.h"
#include "usage.h"

/* Blocks of a tensor that are read as what they would be as differences of few bits: of a model that is judged. */
typedef struct MosaicLoweredBlocks
{
	MosaicGeometry geometry;
	uint8	   *rungs;			/* n; capi_ladder.h */
	int32	   *bases;			/* n, ids, where the rung has a base */
} MosaicLoweredBlocks;

/* The blocks of one tensor. */
typedef struct MosaicTensorBlocks
{
	int64		n;
	uint32		payload_bytes;	/* of each block */
	int32	   *ids;			/* n */
	ItemPointerData *places;	/* n, corrected as blocks are found */
	ItemPointerData *base_places;	/* likewise of the bases of deltas; NULL before the first is met, as is: */
	Buffer	   *base_buffers;	/* n, where these were seen last; InvalidBuffer: never */
	const void **made;			/* n, of deltas: the blocks, where they are made (made_blocks.h) */
	const MosaicLoweredBlocks *lowered; /* or NULL */
} MosaicTensorBlocks;

/* The blocks of a model that were made of deltas. */
typedef struct MosaicMadeBlocks
{
	char	  **pieces;			/* of memory, in the order of their use, not aligned */
	int			npieces,
				piece_capacity;
	int			piece;			/* in use */
	Size		used;			/* of it */
	int64		bytes;			/* of the blocks */
	const void ***entries;		/* where the pointers to them are */
	int64		nentries,
				capacity;
	int64		expected;		/* bytes of all tensors that were met with deltas */
	int64		memory;			/* for them, if more than pg_mosaic.delta_memory */
} MosaicMadeBlocks;

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
	MosaicMadeBlocks made;
	int64		weight;			/* what it counts for in the cache */
	int64		made_bytes;		/* made.bytes, when it was last counted */
	dlist_node	made_lru;		/* while that is not 0 */
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
