/*
 * store.h
 *		Blocks: adding and removing them (reader.h: finding them).
 *
 * A block is immutable and its id is never used again, so any tuple that carries
 * the id holds the block's bytes, whatever its visibility; a snapshot decides
 * only which models exist.  Vacuum cannot take the blocks of a model that some
 * snapshot sees, because they were deleted, if at all, together with its row.
 */
#ifndef MOSAIC_STORE_H
#define MOSAIC_STORE_H

#include "storage/itemptr.h"
#include "utils/snapshot.h"

#include "mosaic/capi.h"
#include "reader.h"

/* Bytes of the payload of a block of this geometry; 0 where it is none. */
extern uint32 mosaic_geometry_bytes(MosaicGeometry geometry);
/* The same, but an error where it is none. */
extern uint32 mosaic_payload_bytes(MosaicGeometry geometry);

/* ---- writing, for one model; the caller holds the store's lock ---- */

typedef struct MosaicWriter MosaicWriter;

/* snapshot: of mosaic_lock_store(), or newer; must stay registered.  domain: of the model. */
extern MosaicWriter *mosaic_writer_open(Snapshot snapshot, int32 domain);
extern void mosaic_writer_close(MosaicWriter *writer);
/*
 * From now on new blocks are stored as deltas of others where that is shorter (base_search.h, which
 * has what leaving is).
 */
extern void mosaic_writer_seek_bases(MosaicWriter *writer, const int32 *leaving, int64 nleaving);

/*
 * Makes the model use a block with this geometry and payload: one that is stored
 * already in its sharing domain (true), or a new one (false).  Counts the model once per block.
 */
extern bool mosaic_writer_use(MosaicWriter *writer, const MosaicBlock *block,
							  int32 *block_id, ItemPointer place);
/*
 * Likewise a block that, where it is new, is stored as this delta of another, whole one of the domain.  anew: it is
 * new to the store, whatever equals it there.
 */
extern bool mosaic_writer_use_delta(MosaicWriter *writer, const MosaicBlock *block, const void *delta,
									uint32 delta_length, int32 base_id, bool anew, int32 *block_id, ItemPointer place);
/* Bytes that the new blocks take in their pages. */
extern int64 mosaic_writer_new_bytes(const MosaicWriter *writer);

/*
 * The model no longer uses the block: the last user's leaving deletes it.  False
 * where the block, or its row of block_meta, is missing; what is there is left.
 */
extern bool mosaic_writer_leave(MosaicWriter *writer, int32 block_id);
/* A use that this writer has counted was one already; settled when it is closed. */
extern void mosaic_writer_uncount(MosaicWriter *writer, int32 block_id);

/*
 * ---- staging: a model whose blocks are there before it is stored ----
 *
 * A stager is a writer that needs no lock: for equal blocks it looks, but counts nothing, and the new
 * ones are known to nobody but the model.  Under the lock each block is settled: it becomes the
 * model's as if it were used then, and keeps its id unless an equal one has come to be meanwhile, or it
 * was another's that is gone.  Until then, the snapshot must stay registered.
 */
typedef struct MosaicStagedBlock
{
	int32		block_id;
	ItemPointerData place;
	bool		is_new;
	uint64		geometry;
	uint8		hash[16];
} MosaicStagedBlock;

extern MosaicWriter *mosaic_stager_open(Snapshot snapshot, int32 domain);
/* All that were used, each once; in the context of who opened the stager, and longer there than it. */
extern MosaicStagedBlock *mosaic_staged_blocks(const MosaicWriter *stager, int64 *n);

/* With a writer of all; what the block is then. */
extern void mosaic_writer_settle(MosaicWriter *writer, const MosaicStagedBlock *staged,
								 int32 *block_id, ItemPointer place);
/* Or it was not needed. */
extern void mosaic_writer_discard(MosaicWriter *writer, const MosaicStagedBlock *staged);

#endif
