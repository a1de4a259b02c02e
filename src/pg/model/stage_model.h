/*
 * stage_model.h
 *		A model that is searched and judged before it is stored.
 *
 * That may take minutes, in which other writers go on: its blocks and the rows of its tensors are
 * written without the store's lock, where nobody else can see them, and there is no row of mosaic.model.
 * Settling it takes the lock and stores it as an import would, with the blocks that are there already.
 */
#ifndef MOSAIC_STAGE_MODEL_H
#define MOSAIC_STAGE_MODEL_H

#include "access/htup.h"
#include "utils/snapshot.h"

#include "store.h"
#include "store_model.h"

typedef struct MosaicStagedModel
{
	const char *name;
	MosaicModelOptions options;
	struct MosaicStagedModel *original; /* the same in float32, which is not to be stored; or NULL */
	bool		settled;

	HeapTuple	row;			/* of mosaic.model, as it was to be */
	int64		model_id;
	int32		domain;			/* 0 where it is not there yet */
	int			height;			/* of blocks */
	Snapshot	snapshot;		/* keeps vacuum from the blocks of others */
	MosaicStagedBlock *blocks;
	int64		nblocks;

	/* The version that it was to replace, 0 if none; all entries of its maps, ascending. */
	int64		replaced;
	int32	   *replaced_ids;
	int64		nreplaced;
} MosaicStagedModel;

/* In the current context, and the caller's transaction. */
extern MosaicStagedModel *mosaic_stage_model(MosaicHostSource *source, const char *name,
											 const MosaicModelOptions *options, MosaicImportStats *stats);

/* How many models other than the one replaced, and with this one, use a block that so many do. */
extern int32 mosaic_staged_users(const MosaicStagedModel *staged, int32 block_id, bool own, int32 models);

/*
 * Stores it, under the store's lock until the end of the transaction.  It keeps its model_id only if all
 * its blocks keep theirs.
 */
extern void mosaic_settle_model(MosaicStagedModel *staged);

#endif
