/*
 * pack.c
 *		pack_models(): blocks move to the pages where the packer wants them.
 *
 * A block moves by being deleted and inserted again, with the same id and bytes,
 * on another page, in the caller's transaction and under the store's lock.
 * Readers are not disturbed: any tuple that carries the id will do (store.h), the
 * old ones stay until vacuum takes them, and no lock that a reader needs is held.
 * What is interrupted, or crashes, has moved nothing.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cache.h"
#include "catalog.h"
#include "errors.h"
#include "mosaic_am.h"
#include "pack_store.h"
#include "progress.h"
#include "row.h"
#include "store.h"

/* Bytes of a page that tuples and their line pointers can take. */
#define PAGE_BYTES (BLCKSZ - SizeOfPageHeaderData)

/* No page holds more blocks. */
#define MAX_PAGE_BLOCKS (PAGE_BYTES / (MOSAIC_PAYLOAD_OFFSET + MOSAIC_MIN_PAYLOAD))

/* A tensor's places are written anew when one in so many is outdated: each costs 6 bytes of WAL. */
#define STALE_PLACES 16

/* ---------------------------------------------------------------- moving */

typedef struct Mover
{
	MosaicPackStore *store;
	Snapshot	snapshot;
	Relation	rel;			/* mosaic.block */
	Relation	pkey;
	IndexInfo  *pkey_info;
	MemoryContext tmp;			/* of one page */
	TupleTableSlot *slots[MAX_PAGE_BLOCKS];
	int64		moved;
} Mover;

static void
open_mover(Mover *m, MosaicPackStore *store, Snapshot snapshot)
{
	memset(m, 0, sizeof *m);
	m->store = store;
	m->snapshot = snapshot;
	m->rel = table_open(mosaic_relid("block"), RowExclusiveLock);
	m->pkey = index_open(mosaic_relid("block_pkey"), RowExclusiveLock);
	m->pkey_info = BuildIndexInfo(m->pkey);
	m->tmp = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic packed page",
								   ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < MAX_PAGE_BLOCKS; i++)
		m->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(m->rel), &TTSOpsVirtual);
}

static void
close_mover(Mover *m)
{
	for (int i = 0; i < MAX_PAGE_BLOCKS; i++)
		ExecDropSingleTupleTableSlot(m->slots[i]);
	MemoryContextDelete(m->tmp);
	index_close(m->pkey, NoLock);
	table_close(m->rel, NoLock);
}

/* A copy of the payload of the block at place. */
static bytea *
copy_payload(Mover *m, int32 block_id, ItemPointer place)
{
	Buffer		buffer = ReadBuffer(m->rel, ItemPointerGetBlockNumber(place));
	const void *payload;
	int32		found;
	uint32		length;
	bytea	   *copy;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	payload = mosaic_page_payload(BufferGetPage(buffer), ItemPointerGetOffsetNumber(place),
								  &found, &length);
	if (payload == NULL || found != block_id)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %d is not at (%u,%u), where its index says", block_id,
						ItemPointerGetBlockNumber(place), ItemPointerGetOffsetNumber(place)),
				 errhint("REINDEX INDEX mosaic.block_pkey may help.")));
	copy = palloc(VARHDRSZ + length);
	SET_VARSIZE(copy, VARHDRSZ + length);
	memcpy(VARDATA(copy), payload, length);
	UnlockReleaseBuffer(buffer);
	return copy;
}

/* Makes the next tuples go to this page, if there is room for them; otherwise to a new one. */
static void
aim_at_page(Mover *m, BlockNumber page, Size bytes)
{
	Buffer		buffer;

	if (page != MOSAIC_PACK_APPEND && page < RelationGetNumberOfBlocks(m->rel))
	{
		Page		p;
		bool		fits;

		buffer = ReadBuffer(m->rel, page);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		p = BufferGetPage(buffer);
		/* A page that was never used is initialised by the insertion. */
		fits = PageIsNew(p) || PageGetExactFreeSpace(p) >= bytes;
		UnlockReleaseBuffer(buffer);
		if (fits)
		{
			RelationSetTargetBlock(m->rel, page);
			return;
		}
	}
	/* As heapam extends a table: what fills the page is what is logged. */
	buffer = mosaic_extend_relation(m->rel);
	PageInit(BufferGetPage(buffer), BufferGetPageSize(buffer), 0);
	MarkBufferDirty(buffer);
	RelationSetTargetBlock(m->rel, BufferGetBlockNumber(buffer));
	UnlockReleaseBuffer(buffer);
}

/* The store's lock keeps other sessions from changing blocks, but not what logical replication applies. */
static void
delete_at(Mover *m, int32 block_id, ItemPointer place)
{
	TM_FailureData failure;

	if (table_tuple_delete(m->rel, place, GetCurrentCommandId(true), m->snapshot, InvalidSnapshot, true, &failure, false) != TM_Ok)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the store was changed while it was packed"),
				 errdetail("Block %d was changed by another transaction.", block_id),
				 errhint("Logical replication applies changes of another server; call pack_models() again.")));
}

/* Puts n blocks together on a page. */
static void
fill_page(Mover *m, BlockNumber page, const int32 *ids, int n)
{
	MemoryContext saved = MemoryContextSwitchTo(m->tmp);
	int64		numbers[MAX_PAGE_BLOCKS];
	Size		bytes = 0;

	if (n > MAX_PAGE_BLOCKS)
		elog(ERROR, "%d blocks for one page", n);
	for (int i = 0; i < n; i++)
	{
		TupleTableSlot *slot = m->slots[i];
		ItemPointer place;
		bytea	   *data;

		numbers[i] = mosaic_pack_store_find(m->store, ids[i]);
		place = &m->store->places[numbers[i]];
		data = copy_payload(m, ids[i], place);
		bytes += MOSAIC_PAYLOAD_OFFSET + VARSIZE(data) - VARHDRSZ + sizeof(ItemIdData);
		delete_at(m, ids[i], place);
		ExecClearTuple(slot);
		slot->tts_values[Anum_block_block_id - 1] = Int32GetDatum(ids[i]);
		slot->tts_values[Anum_block_data - 1] = PointerGetDatum(data);
		memset(slot->tts_isnull, 0, Natts_block * sizeof(bool));
		ExecStoreVirtualTuple(slot);
	}
	aim_at_page(m, page, bytes);
	table_multi_insert(m->rel, m->slots, n, GetCurrentCommandId(true), TABLE_INSERT_SKIP_FSM, NULL);
	for (int i = 0; i < n; i++)
	{
		Datum		values[1] = {Int32GetDatum(ids[i])};
		bool		nulls[1] = {false};

		m->store->places[numbers[i]] = m->slots[i]->tts_tid;
		index_insert(m->pkey, values, nulls, &m->slots[i]->tts_tid, m->rel, UNIQUE_CHECK_YES, false,
					 m->pkey_info);
		ExecClearTuple(m->slots[i]);
	}
	m->moved += n;
	MemoryContextSwitchTo(saved);
	MemoryContextReset(m->tmp);
}

static void
move_blocks(MosaicPackStore *store, Snapshot snapshot)
{
	int64		pages = mosaic_pack_move_count(store->pack);
	MosaicPackReads all;
	Mover		mover;

	mosaic_pack_store(store->pack, &all);
	mosaic_progress_phase(MOSAIC_PHASE_MOVING_BLOCKS, all.blocks_moved);
	if (pages == 0)
		return;
	mosaic_cache_moves();
	open_mover(&mover, store, snapshot);
	for (int64 i = 0; i < pages; i++)
	{
		uint32_t	page;
		const int32_t *ids;
		int			n;
		MosaicError error;

		CHECK_FOR_INTERRUPTS();
		if (mosaic_pack_move(store->pack, i, &page, &ids, &n, &error) != MOSAIC_OK)
			mosaic_report(&error);
		fill_page(&mover, page, ids, n);
		mosaic_progress_done(mover.moved);
	}
	close_mover(&mover);
	CommandCounterIncrement();
}

/* ---------------------------------------------------------------- places */

typedef struct PlaceWriter
{
	MosaicPackStore *store;
	Snapshot	snapshot;
	Relation	tensors;
	TupleTableSlot *slot;
	CatalogIndexState indexes;
	int64		done;
} PlaceWriter;

/* False: logical replication has changed the row since, and its places with it. */
static bool
lock_row(PlaceWriter *w, ItemPointer place)
{
	TM_FailureData failure;
	bool		is_there = table_tuple_lock(w->tensors, place, w->snapshot, w->slot, GetCurrentCommandId(true), LockTupleNoKeyExclusive,
											LockWaitBlock, 0, &failure) == TM_Ok;

	ExecClearTuple(w->slot);
	return is_there;
}

static void
write_places(HeapTuple tuple, TupleDesc desc, void *arg)
{
	PlaceWriter *w = arg;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	bytea	   *map,
			   *places = NULL;
	const int32 *ids;
	int64		n,
				stale = 0,
				number = -1;

	CHECK_FOR_INTERRUPTS();
	if (isnull)
		return;
	map = (bytea *) mosaic_plain(value);
	ids = mosaic_map_ids(map, &n);
	value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (!isnull)
		places = (bytea *) mosaic_plain_hint(value);
	if (places == NULL || VARSIZE(places) - VARHDRSZ != n * MOSAIC_PLACE_BYTES)
	{
		places = palloc0(VARHDRSZ + n * MOSAIC_PLACE_BYTES);
		SET_VARSIZE(places, VARHDRSZ + n * MOSAIC_PLACE_BYTES);
		stale = n;
	}
	for (int64 i = 0; i < n; i++)
	{
		char	   *place = VARDATA(places) + i * MOSAIC_PLACE_BYTES;

		if (number >= 0 && number + 1 < w->store->nblocks && w->store->ids[number + 1] == ids[i])
			number++;
		else
			number = mosaic_pack_store_find(w->store, ids[i]);
		if (memcmp(place, &w->store->places[number], MOSAIC_PLACE_BYTES) == 0)
			continue;
		memcpy(place, &w->store->places[number], MOSAIC_PLACE_BYTES);
		stale++;
	}
	if (stale * STALE_PLACES >= n && stale > 0 && lock_row(w, &tuple->t_self))
	{
		Datum		values[Natts_tensor] = {0};
		bool		nulls[Natts_tensor] = {false};
		bool		replace[Natts_tensor] = {false};

		values[Anum_tensor_places - 1] = PointerGetDatum(places);
		replace[Anum_tensor_places - 1] = true;
		CatalogTupleUpdateWithInfo(w->tensors, &tuple->t_self,
								   heap_modify_tuple(tuple, desc, values, nulls, replace), w->indexes);
	}
	w->done += n;
	mosaic_progress_done(w->done);
	pfree(map);
	pfree(places);
}

/* Writes where blocks lie now beside the maps of all models. */
static void
refresh_places(MosaicPackStore *store, Snapshot snapshot)
{
	PlaceWriter w = {.store = store, .snapshot = snapshot};

	mosaic_progress_phase(MOSAIC_PHASE_WRITING_PLACES, 0);
	w.tensors = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	w.slot = table_slot_create(w.tensors, NULL);
	w.indexes = CatalogOpenIndexes(w.tensors);
	for (int i = 0; i < store->nmodels; i++)
		mosaic_scan_tensors(store->model_ids[i], snapshot, write_places, &w);
	CatalogCloseIndexes(w.indexes);
	ExecDropSingleTupleTableSlot(w.slot);
	table_close(w.tensors, NoLock);
	CommandCounterIncrement();
}

/* ------------------------------------------------------------- functions */

/* model NULL: the store. */
static void
put_reads(ReturnSetInfo *result, const char *model, const MosaicPackReads *r)
{
	Datum		values[10];
	bool		nulls[10] = {false};
	const uint64 numbers[] = {r->blocks, r->bytes, r->pages_before, r->pages_after, r->pages_minimum,
	r->runs_before, r->runs_after, r->blocks_moved, r->bytes_moved};

	nulls[0] = model == NULL;
	values[0] = model ? CStringGetTextDatum(model) : (Datum) 0;
	for (int i = 0; i < lengthof(numbers); i++)
		values[i + 1] = Int64GetDatum((int64) numbers[i]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static MosaicPackOptions
pack_options(FunctionCallInfo fcinfo)
{
	MosaicPackOptions options = {.page_bytes = PAGE_BYTES};
	char	   *aim;

	mosaic_check_catalogs();
	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the arguments of pack_models() must not be NULL")));
	aim = text_to_cstring(PG_GETARG_TEXT_PP(0));
	options.reads = strcmp(aim, "reads") == 0;
	if (!options.reads && strcmp(aim, "storage") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("aim \"%s\" of packing is not known", aim),
				 errhint("The aims are \"storage\", the fewest pages, and \"reads\", the fewest page reads.")));
	options.give_back = PG_GETARG_BOOL(2);
	return options;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_pack_models);
Datum
mosaic_pg_pack_models(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicPackOptions options = pack_options(fcinfo);
	bool		dry_run = PG_GETARG_BOOL(1);
	MemoryContext cxt,
				saved;
	Snapshot	snapshot;
	MosaicPackStore *store;
	MosaicPackReads reads;

	InitMaterializedSRF(fcinfo, 0);
	mosaic_progress_start(MOSAIC_PROGRESS_PACK);
	snapshot = dry_run ? RegisterSnapshot(GetActiveSnapshot()) : mosaic_lock_store();
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic packing", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	store = mosaic_pack_store_read(&options, snapshot);
	if (!dry_run)
	{
		move_blocks(store, snapshot);
		refresh_places(store, snapshot);
	}
	mosaic_pack_store(store->pack, &reads);
	put_reads(result, NULL, &reads);
	for (int i = 0; i < store->nmodels; i++)
	{
		mosaic_pack_model(store->pack, i, &reads);
		put_reads(result, store->names[i], &reads);
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	UnregisterSnapshot(snapshot);
	mosaic_progress_end();
	return (Datum) 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_page_reads);
Datum
mosaic_pg_page_reads(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicPackOptions options = {.page_bytes = PAGE_BYTES,.survey = true};
	MosaicPackStore *store;

	InitMaterializedSRF(fcinfo, 0);
	store = mosaic_pack_store_read(&options, GetActiveSnapshot());
	for (int i = 0; i < store->nmodels; i++)
	{
		MosaicPackReads r;
		Datum		values[6];
		bool		nulls[6] = {false};

		mosaic_pack_model(store->pack, i, &r);
		values[0] = CStringGetTextDatum(store->names[i]);
		values[1] = Int64GetDatum((int64) r.blocks);
		values[2] = Int64GetDatum((int64) r.bytes);
		values[3] = Int64GetDatum((int64) r.pages_before);
		values[4] = Int64GetDatum((int64) r.pages_minimum);
		values[5] = Int64GetDatum((int64) r.runs_before);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_sharing_classes);
Datum
mosaic_pg_sharing_classes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicPackOptions options = {.page_bytes = PAGE_BYTES,.survey = true};
	MosaicPackStore *store;

	InitMaterializedSRF(fcinfo, 0);
	store = mosaic_pack_store_read(&options, GetActiveSnapshot());
	for (int64 i = 0; i < mosaic_pack_class_count(store->pack); i++)
	{
		MosaicPackClass c;
		Datum		values[6];
		bool		nulls[6] = {false};
		Datum	   *names;

		CHECK_FOR_INTERRUPTS();
		mosaic_pack_class(store->pack, i, &c);
		names = palloc(Max(c.nmodels, 1) * sizeof(Datum));
		for (size_t k = 0; k < c.nmodels; k++)
			names[k] = CStringGetTextDatum(store->names[c.models[k]]);
		values[0] = PointerGetDatum(construct_array(names, (int) c.nmodels, TEXTOID, -1, false,
													TYPALIGN_INT));
		values[1] = Int64GetDatum((int64) c.blocks);
		values[2] = Int64GetDatum((int64) c.bytes);
		values[3] = Int64GetDatum((int64) c.pages);
		values[4] = Int64GetDatum((int64) c.pages_minimum);
		values[5] = Float8GetDatum((double) c.bytes / ((double) c.pages * PAGE_BYTES));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(names);
	}
	return (Datum) 0;
}
