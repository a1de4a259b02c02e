/*
 * store_model.h
 *		From the bytes of a model to its rows and blocks.
 */
#ifndef MOSAIC_STORE_MODEL_H
#define MOSAIC_STORE_MODEL_H

#include "like.h"
#include "source.h"

typedef struct MosaicModelOptions
{
	const char *domain;			/* where it shares; NULL: where the version it replaces does, else the owner's own */
	int			dtype;			/* in which matrices of weights are stored: MOSAIC_FLOAT or MOSAIC_BFLOAT16 */
	bool		lossless;		/* new blocks become deltas of others where that is shorter */
	bool		replace;		/* a model of this name, with its readers and what was decided of its blocks */
	const char *batch_axis;		/* which dimension counts items, "none"; NULL: as usual */
	MosaicLike *like;			/* whose graph has these weights; NULL: the source is a whole model */
	int			keep;			/* versions that were replaced; MOSAIC_KEEP_ALL, but not the one that is now */
} MosaicModelOptions;

typedef struct MosaicImportStats
{
	int64		tensors;
	int64		blocks;			/* entries of all maps */
	int64		shared;			/* of them, stored already */
	int64		weight_bytes;
	int64		parameters;
	int64		new_bytes;
} MosaicImportStats;

/*
 * Stores the model in the caller's transaction, as its user's: an error at any point leaves nothing
 * behind.  Takes the lock of the store's writers.
 */
extern void mosaic_store_model(MosaicHostSource *source, const char *name,
							   const MosaicModelOptions *options, MosaicImportStats *stats);

#endif
