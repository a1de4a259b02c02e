/*
 * pack_store.h
 *		The whole store as the packer sees it: blocks, their pages, the models' maps.
 */
#ifndef MOSAIC_PACK_STORE_H
#define MOSAIC_PACK_STORE_H

#include "storage/itemptr.h"
#include "utils/palloc.h"
#include "utils/snapshot.h"

#include "mosaic/capi_pack.h"

typedef struct MosaicPackStore
{
	MosaicPack *pack;			/* freed with the memory context */
	MemoryContextCallback callback;
	int64		nblocks;
	int32	   *ids;			/* of the blocks, ascending */
	ItemPointerData *places;	/* where each lies */
	int32	   *bases;			/* of those that are deltas, else 0 */
	int64		ndeltas;
	int			nmodels;
	int64	   *model_ids;		/* ascending */
	char	  **names;
} MosaicPackStore;

/*
 * Reads the store as snapshot sees it, and runs the packer.  Interruptible, in
 * steps of some 10 ms.  Pages that vacuum has seen are not read: the indexes and
 * the visibility map say what lies where.  Memory: about 60 bytes a block and 4
 * a reference.
 */
extern MosaicPackStore *mosaic_pack_store_read(const MosaicPackOptions *options, Snapshot snapshot);

/* Number of a block in ids; an error where there is none. */
extern int64 mosaic_pack_store_find(const MosaicPackStore *store, int32 block_id);

#endif
