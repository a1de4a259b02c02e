/*
 * model_rows.h
 *		A model as its rows tell it, and their checksum.
 *
 * mosaic.model.checksum is taken over all that a model is but the payloads of its
 * blocks, which have hashes of their own: the graph, and each tensor's name, types,
 * shapes, cut, inline value and map.  It is made at import, and whenever maps are
 * written anew (as a new version); verified whenever a model is loaded.  Name, owner,
 * readers and places change without it.
 */
#ifndef MOSAIC_MODEL_ROWS_H
#define MOSAIC_MODEL_ROWS_H

#include "access/htup.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#include "model_cache.h"

typedef struct MosaicModelRows
{
	bytea	   *graph;			/* in one piece */
	int			ntensors;
	MosaicTensorDesc *descs;	/* ntensors, as are */
	MosaicTensorBlocks *tensors;	/* their blocks */
	int64		nblocks;		/* of all tensors */
} MosaicModelRows;

/* All in the current context.  An error (XX001) where a row or value is damaged, or a tensor missing. */
extern void mosaic_read_model(HeapTuple model_row, Snapshot snapshot, MosaicModelRows *rows);

/* All entries of a model's maps, ascending; those that can be read, where it is damaged. */
extern int32 *mosaic_model_blocks(int64 model_id, Snapshot snapshot, int64 *n);

/* An error (XX001) where the rows are not those that the checksum in the model's row was made of. */
extern void mosaic_verify_checksum(HeapTuple model_row, const MosaicModelRows *rows);
extern bool mosaic_model_has_checksum(HeapTuple model_row, Datum *checksum);

/* Writes the checksum of a model as it is stored now.  The caller holds the store's lock. */
extern void mosaic_stamp_model(int64 model_id);

#endif
