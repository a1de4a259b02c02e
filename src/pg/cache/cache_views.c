/*
 * cache_views.c
 *		What people see of the cache, and prewarm_model().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/instrument.h"
#include "aliases.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cache_shared.h"
#include "catalog.h"
#include "compat.h"
#include "errors.h"
#include "model_cache.h"
#include "pack_store.h"
#include "row.h"
#include "store.h"

/* Of each page of rel: whether it is in the buffer pool.  A bit each; n: pages. */
static uint8 *
resident_pages(Relation rel, BlockNumber n)
{
	RelFileLocator file = mosaic_relation_file(rel);
	uint8	   *resident = palloc0(n / 8 + 1);

	for (int i = 0; i < NBuffers; i++)
	{
		BufferDesc *desc = GetBufferDescriptor(i);
		BlockNumber page;


		if (!mosaic_buffer_is_of(desc, &file, &page))
			continue;
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (page < n)
			resident[page / 8] |= 1 << page % 8;
	}
	return resident;
}

static bool
test_bit(const uint8 *bits, BlockNumber page)
{
	return bits[page / 8] & 1 << page % 8;
}

/* ---------------------------------------------------------------- models */

/* The pages of one model after another, while its maps are read. */
typedef struct PageScan
{
	MosaicPackStore *store;
	BlockNumber npages;
	uint8	   *mine;			/* a bit for each page of this model */
	uint16	   *users;			/* models of each page; at most UINT16_MAX */
	const uint8 *resident;
	bool		counting;		/* first pass: users; second: the numbers below */
	int64		pages,
				in_pool,
				shared_in_pool;
} PageScan;

static void
scan_map(HeapTuple tuple, TupleDesc desc, void *arg)
{
	PageScan   *scan = arg;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	bytea	   *map;
	const int32 *ids;
	int64		n;

	CHECK_FOR_INTERRUPTS();
	if (isnull)
		return;
	map = (bytea *) mosaic_plain(value);
	ids = mosaic_map_ids(map, &n);
	for (int64 i = 0; i < n; i++)
	{
		ItemPointer place = &scan->store->places[mosaic_pack_store_find(scan->store, ids[i])];
		BlockNumber page = ItemPointerGetBlockNumber(place);

		if (page >= scan->npages || test_bit(scan->mine, page))
			continue;
		scan->mine[page / 8] |= 1 << page % 8;
		if (scan->counting)
		{
			if (scan->users[page] < UINT16_MAX)
				scan->users[page]++;
			continue;
		}
		scan->pages++;
		if (test_bit(scan->resident, page))
		{
			scan->in_pool++;
			scan->shared_in_pool += scan->users[page] > 1;
		}
	}
	pfree(map);
}

static void
scan_model(PageScan *scan, int model)
{
	memset(scan->mine, 0, scan->npages / 8 + 1);
	scan->pages = scan->in_pool = scan->shared_in_pool = 0;
	mosaic_scan_tensors(scan->store->model_ids[model], GetActiveSnapshot(), scan_map, scan);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_cache_models);
Datum
mosaic_pg_cache_models(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicPackOptions options = {.page_bytes = BLCKSZ - SizeOfPageHeaderData,.survey = true};
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);
	PageScan	scan = {.counting = true};

	InitMaterializedSRF(fcinfo, 0);
	scan.store = mosaic_pack_store_read(&options, GetActiveSnapshot());
	scan.npages = RelationGetNumberOfBlocks(rel);
	scan.mine = palloc(scan.npages / 8 + 1);
	scan.users = palloc0((scan.npages + 1) * sizeof(uint16));
	scan.resident = resident_pages(rel, scan.npages);
	for (int i = 0; i < scan.store->nmodels; i++)
		scan_model(&scan, i);
	scan.counting = false;
	for (int i = 0; i < scan.store->nmodels; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};
		uint64		hits = 0,
					reads = 0;
		double		rate = 0;
		MosaicCacheTable *table;

		scan_model(&scan, i);
		table = mosaic_cache_lock(rel, false);
		if (table)
		{
			int			slot = mosaic_cache_known(table, scan.store->model_ids[i]);

			if (slot != MOSAIC_CACHE_NONE)
			{
				mosaic_cache_counts(table, slot, &hits, &reads);
				rate = mosaic_cache_rate(mosaic_cache_weight(table, slot, mosaic_cache_now(),
															 mosaic_cache_half_life_ticks()),
										 mosaic_cache_half_life);
			}
			mosaic_cache_unlock();
		}
		values[0] = CStringGetTextDatum(scan.store->names[i]);
		values[1] = Int64GetDatum(scan.pages);
		values[2] = Int64GetDatum(scan.in_pool);
		values[3] = Int64GetDatum(scan.shared_in_pool);
		values[4] = Int64GetDatum((int64) hits);
		values[5] = Int64GetDatum((int64) reads);
		values[6] = Float8GetDatum(rate);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	table_close(rel, NoLock);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- classes */

/* A class copied out of the shared table, whose lock is not to be held for long. */
typedef struct ClassRow
{
	uint32		number;
	MosaicCacheClass c;
	int64	   *models;
	size_t		nmodels;
	int64		resident;
} ClassRow;

#define MAX_CLASS_MODELS 4096

/* The classes that have pages; none where there is no table. */
static ClassRow *
copy_classes(Relation rel, const uint8 *resident, BlockNumber npages, int *nrows)
{
	int64	   *ids = palloc(MAX_CLASS_MODELS * sizeof(int64));
	int64	   *in_pool;
	ClassRow   *rows;
	MosaicCacheTable *table = mosaic_cache_lock(rel, true);
	uint32		n;

	*nrows = 0;
	if (table == NULL)
		return NULL;
	n = mosaic_cache_classes(table);
	rows = palloc(n * sizeof(ClassRow));
	in_pool = palloc0(n * sizeof(int64));
	for (BlockNumber page = 0; page < Min(npages, mosaic_cache_capacity(table)); page++)
		if (test_bit(resident, page))
			in_pool[mosaic_cache_class_of(table, page)]++;
	for (uint32 i = 1; i < n; i++)
	{
		ClassRow   *row = &rows[*nrows];

		mosaic_cache_class(table, i, mosaic_cache_now(), mosaic_cache_half_life_ticks(), &row->c);
		row->nmodels = mosaic_cache_class_models(table, i, ids, MAX_CLASS_MODELS);
		if (row->c.pages == 0 || row->nmodels == 0)
			continue;
		row->number = i;
		row->resident = in_pool[i];
		row->models = palloc(row->nmodels * sizeof(int64));
		memcpy(row->models, ids, row->nmodels * sizeof(int64));
		(*nrows)++;
	}
	mosaic_cache_unlock();
	return rows;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_cache_classes);
Datum
mosaic_pg_cache_classes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);
	BlockNumber npages = RelationGetNumberOfBlocks(rel);
	ClassRow   *rows;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	rows = copy_classes(rel, resident_pages(rel, npages), npages, &n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[7];
		bool		nulls[7] = {false};
		Datum	   *ids = palloc(rows[i].nmodels * sizeof(Datum));

		for (size_t k = 0; k < rows[i].nmodels; k++)
			ids[k] = Int64GetDatum(rows[i].models[k]);
		values[0] = PointerGetDatum(construct_array(ids, (int) rows[i].nmodels, INT8OID, 8, true,
													TYPALIGN_DOUBLE));
		values[1] = Int64GetDatum(rows[i].c.pages);
		values[2] = Int64GetDatum(rows[i].resident);
		values[3] = Int64GetDatum((int64) rows[i].c.hits);
		values[4] = Int64GetDatum((int64) rows[i].c.reads);
		values[5] = Float8GetDatum(mosaic_cache_rate(rows[i].c.weight, mosaic_cache_half_life));
		values[6] = Float8GetDatum(rows[i].c.kept);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	table_close(rel, NoLock);
	return (Datum) 0;
}

/* ---------------------------------------------------------------- prewarming */

static int
compare_ordinals(const void *a, const void *b, void *arg)
{
	MosaicTensorBlocks *blocks = arg;

	return ItemPointerCompare(&blocks->places[*(const int32 *) a], &blocks->places[*(const int32 *) b]);
}

/* Reads the blocks of a tensor in the order of their pages, and the bases of those that are deltas. */
static void
prewarm_tensor(MosaicReader *reader, MosaicTensorBlocks *blocks)
{
	char	   *made = (char *) TYPEALIGN(MOSAIC_TUPLE_ALIGN, palloc(MOSAIC_MAX_PAYLOAD + MOSAIC_TUPLE_ALIGN));
	int32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, Max(blocks->n, 1) * sizeof(int32));
	BlockNumber last = InvalidBlockNumber;

	for (int32 i = 0; i < blocks->n; i++)
		order[i] = i;
	qsort_arg(order, blocks->n, sizeof(int32), compare_ordinals, blocks);
	for (int64 i = 0; i < blocks->n; i++)
	{
		ItemPointer place = &blocks->places[order[i]];
		ItemPointerData base_place;
		const void *payload;
		Buffer		buffer;
		uint32		stored;

		CHECK_FOR_INTERRUPTS();
		/* A page once read is that of other blocks, too. */
		if (ItemPointerIsValid(place) && ItemPointerGetBlockNumber(place) == last)
			continue;
		payload = mosaic_read_stored(reader, blocks->ids[order[i]], blocks->payload_bytes, place,
									 CurrentResourceOwner, &buffer, &stored);
		last = ItemPointerGetBlockNumber(place);
		if (stored < blocks->payload_bytes)
		{
			ItemPointerSetInvalid(&base_place);
			(void) mosaic_make_block(reader, payload, stored, blocks->payload_bytes, &base_place, NULL, made);
			last = InvalidBlockNumber;
		}
		ReleaseBuffer(buffer);
	}
	pfree(order);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_prewarm_model);
Datum
mosaic_pg_prewarm_model(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HeapTuple	row = mosaic_usable_model(name, NULL);
	int64		read = pgBufferUsage.shared_blks_read;
	MosaicModelHandle *handle;
	MosaicReader reader;

	handle = mosaic_model_acquire(row);
	PG_TRY();
	{
		mosaic_reader_open(&reader);
		read = pgBufferUsage.shared_blks_read;
		for (int i = 0; i < handle->ntensors; i++)
			prewarm_tensor(&reader, &handle->tensors[i]);
		read = pgBufferUsage.shared_blks_read - read;
		mosaic_reader_close(&reader);
	}
	PG_FINALLY();
	{
		mosaic_model_release(handle);
	}
	PG_END_TRY();
	PG_RETURN_INT64(read);
}
