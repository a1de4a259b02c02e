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
 * Makes the model use a block with this geometry and payload: one that is stored
 * already in its sharing domain (true), or a new one (false).  Counts the model once per block.
 */
extern bool mosaic_writer_use(MosaicWriter *writer, const MosaicBlock *block,
							  int32 *block_id, ItemPointer place);
/* Bytes that the new blocks take in their pages. */
extern int64 mosaic_writer_new_bytes(const MosaicWriter *writer);

/*
 * The model no longer uses the block: the last user's leaving deletes it.  False
 * where the block, or its row of block_meta, is missing; what is there is left.
 */
extern bool mosaic_writer_leave(MosaicWriter *writer, int32 block_id);

#endif
