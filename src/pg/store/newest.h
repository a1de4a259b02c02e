/*
 * newest.h
 *		Rows of mosaic.block_meta that this transaction writes again and again.
 *
 * Each use of a block makes a new version of its row.  Old versions of the same transaction cannot be
 * pruned, and both indexes lead to all of them: many models that share blocks, imported in one transaction,
 * would take ever longer.  So where the newest version lies is remembered, from the second one on.  It is a
 * hint: a row counts only where the snapshot sees it, as it does not after ROLLBACK TO SAVEPOINT; then the
 * indexes tell.
 */
#ifndef MOSAIC_NEWEST_H
#define MOSAIC_NEWEST_H

#include "access/genam.h"
#include "access/htup.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/*
 * The remembered row of the block with this hash (16 bytes, in its domain) and geometry, in slot; NULL: it is not
 * remembered, or not what snapshot sees.
 */
extern HeapTuple mosaic_newest_of_hash(Relation meta, int64 geometry, const uint8 *hash, Snapshot snapshot,
									   TupleTableSlot *slot);

/* The row of a block as snapshot sees it, remembered or not; NULL: there is none.  To be ended in either case. */
typedef struct MosaicBlockRow
{
	TupleTableSlot *slot;
	SysScanDesc scan;
} MosaicBlockRow;

extern HeapTuple mosaic_find_block_row(MosaicBlockRow *found, Relation meta, Oid pkey, int32 block_id, Snapshot snapshot);
extern void mosaic_end_block_row(MosaicBlockRow *found);

/* Replaces a row of block_meta by one with another number of users: simple_heap_update with what belongs to it. */
extern void mosaic_newest_update(Relation meta, ResultRelInfo *indexes, HeapTuple old, HeapTuple row);

#endif
