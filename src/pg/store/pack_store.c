/*
 * pack_store.c
 *		The whole store as the packer sees it: blocks, their pages, the models' maps.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "pack_store.h"
#include "progress.h"
#include "row.h"
#include "store.h"

/*
 * A page counts as free when the free space map, which is coarse and only a
 * hint, records nearly all of it; whoever writes there looks again.
 */
#define FREE_PAGE_BYTES (BLCKSZ - 128)

static void
free_pack(void *arg)
{
	mosaic_pack_free(((MosaicPackStore *) arg)->pack);
}

static void
check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK && code != MOSAIC_MORE)
		mosaic_report(error);
}

/* ---- blocks ---- */

typedef struct BlockScan
{
	Relation	rel;			/* mosaic.block */
	Relation	pkey;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	Buffer		vmbuffer;
	Relation	meta;
	Relation	meta_pkey;
	SysScanDesc meta_scan;
	HeapTuple	meta_tuple;		/* the next one */
} BlockScan;

static void
begin_blocks(BlockScan *s, Snapshot snapshot)
{
	s->rel = table_open(mosaic_relid("block"), AccessShareLock);
	s->pkey = index_open(mosaic_relid("block_pkey"), AccessShareLock);
	s->scan = mosaic_index_beginscan(s->rel, s->pkey, snapshot, 0, 0);
	s->scan->xs_want_itup = true;
	index_rescan(s->scan, NULL, 0, NULL, 0);
	s->slot = table_slot_create(s->rel, NULL);
	s->vmbuffer = InvalidBuffer;
	s->meta = table_open(mosaic_relid("block_meta"), AccessShareLock);
	s->meta_pkey = index_open(mosaic_relid("block_meta_pkey"), AccessShareLock);
	s->meta_scan = systable_beginscan_ordered(s->meta, s->meta_pkey, snapshot, 0, NULL);
	s->meta_tuple = mosaic_getnext_ordered(s->meta_scan, ForwardScanDirection);
}

static void
end_blocks(BlockScan *s)
{
	systable_endscan_ordered(s->meta_scan);
	index_close(s->meta_pkey, NoLock);
	table_close(s->meta, NoLock);
	if (s->vmbuffer != InvalidBuffer)
		ReleaseBuffer(s->vmbuffer);
	ExecDropSingleTupleTableSlot(s->slot);
	index_endscan(s->scan);
	index_close(s->pkey, NoLock);
	table_close(s->rel, NoLock);
}

/* The next visible block, as an index-only scan finds it. */
static bool
next_block(BlockScan *s, int32 *block_id, ItemPointer place)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(s->scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;

		*place = *tid;
		*block_id = DatumGetInt32(index_getattr(s->scan->xs_itup, 1, s->scan->xs_itupdesc, &isnull));
		if (VM_ALL_VISIBLE(s->rel, ItemPointerGetBlockNumber(tid), &s->vmbuffer) ||
			index_fetch_heap(s->scan, s->slot))
			return true;
	}
	return false;
}

/* Bytes that a block takes in its page, by its row in block_meta; *base: of a delta, else 0. */
static uint32
block_bytes(BlockScan *s, int32 block_id, int32 *base)
{
	TupleDesc	desc = RelationGetDescr(s->meta);
	bool		isnull;
	uint64		geometry;
	Datum		value;

	while (HeapTupleIsValid(s->meta_tuple) &&
		   DatumGetInt32(heap_getattr(s->meta_tuple, Anum_meta_block_id, desc, &isnull)) < block_id)
		s->meta_tuple = mosaic_getnext_ordered(s->meta_scan, ForwardScanDirection);
	if (!HeapTupleIsValid(s->meta_tuple) ||
		DatumGetInt32(heap_getattr(s->meta_tuple, Anum_meta_block_id, desc, &isnull)) != block_id)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %d is missing from mosaic.block_meta", block_id),
				 errhint("check_store() tells what is wrong with the store, repair_store() repairs it.")));
	*base = 0;
	value = heap_getattr(s->meta_tuple, Anum_meta_delta_bytes, desc, &isnull);
	if (!isnull)
	{
		*base = DatumGetInt32(heap_getattr(s->meta_tuple, Anum_meta_base, desc, &isnull));
		return MOSAIC_PAYLOAD_OFFSET + DatumGetInt32(value) + sizeof(ItemIdData);
	}
	geometry = DatumGetInt64(heap_getattr(s->meta_tuple, Anum_meta_geometry, desc, &isnull));
	return MOSAIC_PAYLOAD_OFFSET + mosaic_payload_bytes(mosaic_geometry_unpack(geometry)) +
		sizeof(ItemIdData);
}

static void
read_blocks(MosaicPackStore *store, Snapshot snapshot)
{
	BlockScan	s;
	int64		capacity = 1024;
	BlockNumber npages;
	uint8	   *occupied;
	int32		block_id;
	ItemPointerData place;
	MosaicError error;

	begin_blocks(&s, snapshot);
	npages = RelationGetNumberOfBlocks(s.rel);
	occupied = palloc0(npages / 8 + 1);
	store->ids = palloc(capacity * sizeof(int32));
	store->places = palloc(capacity * sizeof(ItemPointerData));
	store->bases = palloc(capacity * sizeof(int32));
	while (next_block(&s, &block_id, &place))
	{
		BlockNumber page = ItemPointerGetBlockNumber(&place);
		int32		base;
		uint32		bytes = block_bytes(&s, block_id, &base);

		CHECK_FOR_INTERRUPTS();
		check(mosaic_pack_add_block(store->pack, block_id, bytes, page, &error), &error);
		if (store->nblocks == capacity)
		{
			capacity *= 2;
			store->ids = repalloc_huge(store->ids, capacity * sizeof(int32));
			store->places = repalloc_huge(store->places, capacity * sizeof(ItemPointerData));
			store->bases = repalloc_huge(store->bases, capacity * sizeof(int32));
		}
		store->ids[store->nblocks] = block_id;
		store->bases[store->nblocks] = base;
		store->ndeltas += base != 0;
		store->places[store->nblocks++] = place;
		if (page < npages)
			occupied[page / 8] |= 1 << page % 8;
	}
	for (BlockNumber page = 0; page < npages; page++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((occupied[page / 8] & 1 << page % 8) == 0 &&
			GetRecordedFreeSpace(s.rel, page) >= FREE_PAGE_BYTES)
			check(mosaic_pack_add_free_page(store->pack, page, &error), &error);
	}
	pfree(occupied);
	end_blocks(&s);
}

/* ---- models ---- */

/* Number of a block in ids, or -1. */
static int64
find_number(const MosaicPackStore *store, int32 block_id)
{
	int64		low = 0,
				high = store->nblocks;

	while (low < high)
	{
		int64		middle = (low + high) / 2;

		if (store->ids[middle] < block_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < store->nblocks && store->ids[low] == block_id ? low : -1;
}

/* Who reads a delta reads its base. */
static void
add_bases(MosaicPackStore *store, const int32 *ids, int64 n)
{
	int32	   *bases = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(int32));
	int64		nbases = 0;
	MosaicError error;

	for (int64 i = 0; i < n; i++)
	{
		int64		number = find_number(store, ids[i]);

		if (number >= 0 && store->bases[number] != 0)
			bases[nbases++] = store->bases[number];
	}
	check(mosaic_pack_add_map(store->pack, bases, nbases, &error), &error);
	pfree(bases);
}

static void
add_map(HeapTuple tuple, TupleDesc desc, void *arg)
{
	MosaicPackStore *store = arg;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	bytea	   *map;
	const int32 *ids;
	int64		n;
	MosaicError error;

	CHECK_FOR_INTERRUPTS();
	if (isnull)
		return;
	map = (bytea *) mosaic_plain(value);
	ids = mosaic_map_ids(map, &n);
	check(mosaic_pack_add_map(store->pack, ids, n, &error), &error);
	if (store->ndeltas > 0)
		add_bases(store, ids, n);
	pfree(map);
}

static void
read_models(MosaicPackStore *store, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	Relation	index = index_open(mosaic_relid("model_pkey"), AccessShareLock);
	SysScanDesc scan = systable_beginscan_ordered(rel, index, snapshot, 0, NULL);
	int			capacity = 64;
	HeapTuple	tuple;
	MosaicError error;

	store->model_ids = palloc(capacity * sizeof(int64));
	store->names = palloc(capacity * sizeof(char *));
	while (HeapTupleIsValid(tuple = mosaic_getnext_ordered(scan, ForwardScanDirection)))
	{
		bool		isnull;

		if (store->nmodels == capacity)
		{
			capacity *= 2;
			store->model_ids = repalloc(store->model_ids, capacity * sizeof(int64));
			store->names = repalloc(store->names, capacity * sizeof(char *));
		}
		store->model_ids[store->nmodels] =
			DatumGetInt64(heap_getattr(tuple, Anum_model_model_id, RelationGetDescr(rel), &isnull));
		store->names[store->nmodels] =
			mosaic_plain_text(heap_getattr(tuple, Anum_model_name, RelationGetDescr(rel), &isnull));
		/* All count the same: rates change, and a packing is to last. */
		check(mosaic_pack_add_model(store->pack, 1, &error), &error);
		mosaic_scan_tensors(store->model_ids[store->nmodels], snapshot, add_map, store);
		store->nmodels++;
	}
	systable_endscan_ordered(scan);
	index_close(index, NoLock);
	table_close(rel, NoLock);
	if (mosaic_pack_missing(store->pack) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("maps name " UINT64_FORMAT " blocks that are missing from mosaic.block",
						mosaic_pack_missing(store->pack)),
				 errhint("check_store() tells which.")));
}

MosaicPackStore *
mosaic_pack_store_read(const MosaicPackOptions *options, Snapshot snapshot)
{
	MosaicPackStore *store = palloc0(sizeof *store);
	MosaicError error;
	MosaicCode	code;

	store->callback.func = free_pack;
	store->callback.arg = store;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &store->callback);
	check(mosaic_pack_new(options, &store->pack, &error), &error);
	mosaic_progress_phase(MOSAIC_PHASE_READING_MAPS, 0);
	read_blocks(store, snapshot);
	read_models(store, snapshot);
	mosaic_progress_phase(MOSAIC_PHASE_PLANNING, store->nblocks);
	while ((code = mosaic_pack_step(store->pack, &error)) == MOSAIC_MORE)
		CHECK_FOR_INTERRUPTS();
	check(code, &error);
	return store;
}

int64
mosaic_pack_store_find(const MosaicPackStore *store, int32 block_id)
{
	int64		number = find_number(store, block_id);

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %d is missing from mosaic.block", block_id)));
	return number;
}
