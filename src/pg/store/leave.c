/*
 * leave.c
 *		Blocks: who uses them, and what nobody uses any more is removed.
 *
 * A delta is a user of its base, as a model is of its blocks.  Many deltas may have one base, and a model may
 * use it too: so these users are counted last, each base once.  So is what was counted twice.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "compat.h"
#include "newest.h"
#include "row.h"
#include "writer.h"

typedef struct BaseUse
{
	int32		block_id;		/* hash key */
	int			deltas;
} BaseUse;

bool
mosaic_writer_count(MosaicWriter *w, HeapTuple tuple, int delta)
{
	TupleDesc	desc = RelationGetDescr(w->meta);
	Datum		values[Natts_meta] = {0};
	bool		nulls[Natts_meta] = {false};
	bool		replace[Natts_meta] = {false};
	bool		isnull;
	int32		models = DatumGetInt32(heap_getattr(tuple, Anum_meta_models, desc, &isnull)) + delta;

	if (models <= 0)
	{
		CatalogTupleDelete(w->meta, &tuple->t_self);
		return false;
	}
	values[Anum_meta_models - 1] = Int32GetDatum(models);
	replace[Anum_meta_models - 1] = true;
	mosaic_newest_update(w->meta, w->meta_indexes, tuple, heap_modify_tuple(tuple, desc, values, nulls, replace));
	return true;
}

void
mosaic_writer_note_base(MosaicWriter *w, int32 base_id, int deltas)
{
	BaseUse    *use;
	bool		known;

	if (w->based == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(int32),.entrysize = sizeof(BaseUse),.hcxt = w->cxt};

		w->based = hash_create("pg_mosaic bases", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	use = hash_search(w->based, &base_id, HASH_ENTER, &known);
	if (!known)
		use->deltas = 0;
	use->deltas += deltas;
}

bool
mosaic_writer_delete(MosaicWriter *w, int32 block_id)
{
	ScanKeyData key;
	IndexScanDesc scan;
	TupleTableSlot *slot = table_slot_create(w->reader.rel, NULL);
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
	scan = mosaic_index_beginscan(w->reader.rel, w->pkey, w->snapshot, 1, 0);
	index_rescan(scan, &key, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (found)
		simple_table_tuple_delete(w->reader.rel, &slot->tts_tid, w->snapshot);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/* Takes the keys of a block that is to be deleted out of the index of near duplicates. */
static void
forget_keys(MosaicWriter *w, int32 block_id, MosaicGeometry geometry)
{
	ItemPointerData place;
	Buffer		buffer;
	const void *payload;

	if (!mosaic_near_shareable(geometry))
		return;
	ItemPointerSetInvalid(&place);
	payload = mosaic_find_block(&w->reader, block_id, mosaic_geometry_bytes(geometry), &place,
								CurrentResourceOwner, &buffer);
	if (payload == NULL)
	{
		mosaic_near_writer_remove_lost(w->near_writer, block_id, geometry);
		return;
	}
	mosaic_near_writer_remove(w->near_writer, block_id, geometry, payload);
	ReleaseBuffer(buffer);
}

/* The last user of a block is gone, of which row was the one of block_meta. */
static bool
remove_block(MosaicWriter *w, int32 block_id, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(w->meta);
	bool		isnull,
				is_whole;
	Datum		geometry = heap_getattr(row, Anum_meta_geometry, desc, &isnull);
	Datum		base = heap_getattr(row, Anum_meta_base, desc, &is_whole);

	if (is_whole)
		forget_keys(w, block_id, mosaic_geometry_unpack((uint64) DatumGetInt64(geometry)));
	else
		mosaic_writer_note_base(w, DatumGetInt32(base), -1);
	return mosaic_writer_delete(w, block_id);
}

/* So many users more of a block; false where it, or its row of block_meta, is missing. */
static bool
change_users(MosaicWriter *w, int32 block_id, int delta)
{
	MemoryContext saved = MemoryContextSwitchTo(w->tmp);
	MosaicBlockRow found;
	HeapTuple	tuple = mosaic_find_block_row(&found, w->meta, w->meta_pkey, block_id, w->snapshot);
	bool		is_there = HeapTupleIsValid(tuple);

	if (is_there && !mosaic_writer_count(w, tuple, delta))
		is_there = remove_block(w, block_id, tuple);
	mosaic_end_block_row(&found);
	MemoryContextSwitchTo(saved);
	MemoryContextReset(w->tmp);
	return is_there;
}

void
mosaic_writer_count_bases(MosaicWriter *w)
{
	HASH_SEQ_STATUS status;
	BaseUse    *use;
	Snapshot	before = w->snapshot;

	/* The model may have come to use, or left, some of them itself. */
	CommandCounterIncrement();
	w->snapshot = RegisterSnapshot(GetLatestSnapshot());
	hash_seq_init(&status, w->based);
	while ((use = hash_seq_search(&status)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (use->deltas != 0)
			(void) change_users(w, use->block_id, use->deltas);
	}
	UnregisterSnapshot(w->snapshot);
	w->snapshot = before;
}

bool
mosaic_writer_leave(MosaicWriter *w, int32 block_id)
{
	return change_users(w, block_id, -1);
}

void
mosaic_writer_uncount(MosaicWriter *w, int32 block_id)
{
	mosaic_writer_note_base(w, block_id, -1);
}
