/*
 * near_index.c
 *		The index of near duplicates: LSH keys of blocks, in mosaic.near_key.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "errors.h"
#include "near_index.h"

/* ---- writing ---- */

/* Rows to be inserted together: in the order of an index's keys, many go to the same page. */
#define MAX_PENDING 65536
#define ROWS_PER_INSERT 256

typedef struct Pending
{
	int32		columns[Natts_near];
	ItemPointerData tid;
} Pending;

struct MosaicNearWriter
{
	Snapshot	snapshot;
	int32		domain;
	MosaicNear *maker;			/* of keys; made when first needed */
	MemoryContextCallback callback;
	Relation	rel;
	Oid			pkey;
	CatalogIndexState indexes;
	MemoryContext cxt;
	Pending    *pending;		/* MAX_PENDING, when first needed */
	int			npending;
};

static void
free_maker(void *arg)
{
	mosaic_near_free(((MosaicNearWriter *) arg)->maker);
}

MosaicNearWriter *
mosaic_near_writer_open(Snapshot snapshot, int32 domain)
{
	MosaicNearWriter *w = palloc0(sizeof *w);

	w->snapshot = snapshot;
	w->domain = domain;
	w->cxt = CurrentMemoryContext;
	w->callback.func = free_maker;
	w->callback.arg = w;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &w->callback);
	w->rel = table_open(mosaic_relid("near_key"), RowExclusiveLock);
	w->pkey = mosaic_relid("near_key_pkey");
	w->indexes = CatalogOpenIndexes(w->rel);
	return w;
}

static void
set_row(const Pending *p, Datum *values, bool *nulls)
{
	for (int i = 0; i < Natts_near; i++)
	{
		values[i] = Int32GetDatum(p->columns[i]);
		/* Key 0 is none. */
		nulls[i] = i >= Anum_near_key1 - 1 && p->columns[i] == 0;
	}
}

static void
insert_rows(MosaicNearWriter *w)
{
	CommandId	cid = GetCurrentCommandId(true);
	BulkInsertState bulk = GetBulkInsertState();
	TupleTableSlot *slots[ROWS_PER_INSERT];
	int			nslots = Min(w->npending, ROWS_PER_INSERT);

	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(w->rel), &TTSOpsVirtual);
	for (int first = 0; first < w->npending; first += ROWS_PER_INSERT)
	{
		int			n = Min(w->npending - first, ROWS_PER_INSERT);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
		{
			ExecClearTuple(slots[i]);
			set_row(&w->pending[first + i], slots[i]->tts_values, slots[i]->tts_isnull);
			ExecStoreVirtualTuple(slots[i]);
		}
		table_multi_insert(w->rel, slots, n, cid, 0, bulk);
		for (int i = 0; i < n; i++)
			w->pending[first + i].tid = slots[i]->tts_tid;
	}
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	FreeBulkInsertState(bulk);
}

static int
compare_column(const void *a, const void *b, void *arg)
{
	int			column = *(int *) arg;
	int32		x = ((const Pending *) a)->columns[column],
				y = ((const Pending *) b)->columns[column];

	return x < y ? -1 : x > y;
}

static void
insert_index(MosaicNearWriter *w, Relation index, IndexInfo *info)
{
	int			column = info->ii_IndexAttrNumbers[0] - 1;

	if (!info->ii_ReadyForInserts)
		return;
	if (info->ii_Expressions != NIL || info->ii_Predicate != NIL || column < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("mosaic.near_key has index \"%s\", which is not on plain columns",
						RelationGetRelationName(index))));
	qsort_arg(w->pending, w->npending, sizeof(Pending), compare_column, &column);
	for (int i = 0; i < w->npending; i++)
	{
		Datum		row[Natts_near],
					values[INDEX_MAX_KEYS];
		bool		row_nulls[Natts_near],
					nulls[INDEX_MAX_KEYS];

		set_row(&w->pending[i], row, row_nulls);
		for (int k = 0; k < info->ii_NumIndexAttrs; k++)
		{
			values[k] = row[info->ii_IndexAttrNumbers[k] - 1];
			nulls[k] = row_nulls[info->ii_IndexAttrNumbers[k] - 1];
		}
		index_insert(index, values, nulls, &w->pending[i].tid, w->rel,
					 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
	}
}

static void
flush(MosaicNearWriter *w)
{
	if (w->npending == 0)
		return;
	insert_rows(w);
	for (int i = 0; i < w->indexes->ri_NumIndices; i++)
	{
		CHECK_FOR_INTERRUPTS();
		insert_index(w, w->indexes->ri_IndexRelationDescs[i], w->indexes->ri_IndexRelationInfo[i]);
	}
	w->npending = 0;
}

void
mosaic_near_writer_close(MosaicNearWriter *w)
{
	flush(w);
	CatalogCloseIndexes(w->indexes);
	table_close(w->rel, NoLock);
}

static void
prepare(MosaicNearWriter *w)
{
	MosaicStoreOptions options = mosaic_store_options(NULL);
	MosaicError error;

	if (mosaic_near_new(&options.near_settings, w->domain, &w->maker, &error) != MOSAIC_OK)
		mosaic_report(&error);
	w->pending = MemoryContextAlloc(w->cxt, MAX_PENDING * sizeof(Pending));
}

void
mosaic_near_writer_add(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry, const void *payload)
{
	Pending    *p;
	MosaicError error;

	if (!mosaic_near_shareable(geometry))
		return;
	if (w->maker == NULL)
		prepare(w);
	if (w->npending == MAX_PENDING)
		flush(w);
	p = &w->pending[w->npending];
	p->columns[Anum_near_block_id - 1] = block_id;
	if (mosaic_near_keys(w->maker, geometry, payload, &p->columns[Anum_near_key1 - 1], &error) != MOSAIC_OK)
		mosaic_report(&error);
	w->npending++;
}

void
mosaic_near_writer_remove(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!mosaic_near_shareable(geometry))
		return;
	ScanKeyInit(&key, Anum_near_block_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
	scan = systable_beginscan(w->rel, w->pkey, true, w->snapshot, 1, &key);
	/* Where it is missing, the block is not found; no reason to keep it. */
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		CatalogTupleDelete(w->rel, &tuple->t_self);
	systable_endscan(scan);
}

/* ---- reading ---- */

void
mosaic_near_reader_open(MosaicNearReader *r, Snapshot snapshot)
{
	r->snapshot = snapshot;
	r->rel = table_open(mosaic_relid("near_key"), AccessShareLock);
	r->pkey = index_open(mosaic_relid("near_key_pkey"), AccessShareLock);
	for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
	{
		char		name[NAMEDATALEN];

		snprintf(name, sizeof name, "near_key_%d_idx", t + 1);
		r->indexes[t] = index_open(mosaic_relid(name), AccessShareLock);
	}
}

void
mosaic_near_reader_close(MosaicNearReader *r)
{
	for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
		index_close(r->indexes[t], NoLock);
	index_close(r->pkey, NoLock);
	table_close(r->rel, NoLock);
}

void
mosaic_near_keys_of(MosaicNearReader *r, int32 block_id, int32 *keys)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(keys, 0, MOSAIC_NEAR_TABLES * sizeof *keys);
	ScanKeyInit(&key, Anum_near_block_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(block_id));
	scan = systable_beginscan_ordered(r->rel, r->pkey, r->snapshot, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
		{
			bool		isnull;
			Datum		value = heap_getattr(tuple, Anum_near_key1 + t, RelationGetDescr(r->rel), &isnull);

			keys[t] = isnull ? 0 : DatumGetInt32(value);
		}
	systable_endscan_ordered(scan);
}

void
mosaic_near_probe(MosaicNearReader *r, int table, int32 key, MosaicNearFn fn, void *arg)
{
	ScanKeyData scan_key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull;

	ScanKeyInit(&scan_key, Anum_near_key1 + table, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(key));
	scan = systable_beginscan_ordered(r->rel, r->indexes[table], r->snapshot, 1, &scan_key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan, ForwardScanDirection)))
		if (!fn(DatumGetInt32(heap_getattr(tuple, Anum_near_block_id, RelationGetDescr(r->rel), &isnull)),
				arg))
			break;
	systable_endscan_ordered(scan);
}
