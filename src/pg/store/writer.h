/*
 * writer.h
 *		What the parts of a writer of blocks (store.h) share.
 */
#ifndef MOSAIC_WRITER_H
#define MOSAIC_WRITER_H

#include "access/heapam.h"
#include "access/htup.h"
#include "catalog/indexing.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/hsearch.h"

#include "base_search.h"
#include "near_index.h"
#include "reader.h"
#include "store.h"

struct MosaicWriter
{
	MemoryContext cxt;			/* of the writer */
	MemoryContext tmp;			/* of one call */
	Snapshot	snapshot;
	int32		domain;			/* of the model */
	MosaicReader reader;
	Relation	pkey;			/* of mosaic.block */
	IndexInfo  *pkey_info;
	Relation	meta;
	Oid			meta_pkey;
	Relation	meta_hash;		/* its index on hash */
	TupleTableSlot *meta_slot;
	CatalogIndexState meta_indexes;
	MosaicNearWriter *near_writer;
	Oid			sequence;
	TupleTableSlot *slot;
	BulkInsertState bulk;
	bytea	   *data;			/* room for the largest payload */
	HTAB	   *used;			/* the blocks this model uses so far */
	int64		new_bytes;
	MosaicBaseSearch *bases;	/* or NULL: all blocks are stored whole */
	HTAB	   *based;			/* by how many deltas more or less other blocks are used; or NULL */
	bool		wrote_delta;

	/* Of a stager; its users are nobody's business yet. */
	bool		staging;
	MosaicStagedBlock *staged;	/* in the context of who opened it */
	int64		nstaged,
				capacity;
};

/* leave.c: so many users more in a row of block_meta, which is deleted (false) where that makes 0. */
extern bool mosaic_writer_count(MosaicWriter *writer, HeapTuple row, int delta);
/* A block is used by so many deltas more; counted when the writer is closed, once for all of them. */
extern void mosaic_writer_note_base(MosaicWriter *writer, int32 base_id, int deltas);
extern void mosaic_writer_count_bases(MosaicWriter *writer);
/* Deletes the visible tuple of a block; false where there is none. */
extern bool mosaic_writer_delete(MosaicWriter *writer, int32 block_id);

#endif
