/*
 * near_index.c
 *		The index of near duplicates: LSH keys of blocks, in mosaic.near_key.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "errors.h"
#include "mosaic/page_reader.h"
#include "near_index.h"
#include "row.h"

#define MAX_ENTRIES 64			/* of a row */
#define FILL 48					/* at most, of rows that come of one that was too large */

static int64
make_entry(int32 key, uint32 block_id)
{
	return (int64) ((uint64) (uint32) key << 32 | block_id);
}

static void
free_maker(void *arg)
{
	mosaic_near_free(arg);
}

/* Lives in the current context. */
static MosaicNear *
make_maker(const MosaicNearSettings *settings, int32 domain)
{
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	MosaicNear *maker;
	MosaicError error;

	if (mosaic_near_new(settings, domain, &maker, &error) != MOSAIC_OK)
		mosaic_report(&error);
	callback->func = free_maker;
	callback->arg = maker;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return maker;
}

static void
make_keys(MosaicNear *maker, MosaicGeometry geometry, const void *payload, int32 *keys)
{
	MosaicError error;

	if (mosaic_near_keys(maker, geometry, payload, keys, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

/* ---- rows ---- */

static int64
first_of(Relation rel, HeapTuple row)
{
	bool		isnull;

	return DatumGetInt64(heap_getattr(row, Anum_near_first, RelationGetDescr(rel), &isnull));
}

/* The entries of a row, in place; none where they are not what we write. */
static const int64 *
entries_of(Relation rel, HeapTuple row, int *n)
{
	bool		isnull;
	const void *array = DatumGetPointer(heap_getattr(row, Anum_near_entries, RelationGetDescr(rel), &isnull));
	char		damage[MOSAIC_DAMAGE_BYTES];
	uint32		count = 0;
	/* Storage is PLAIN: whatever is not, we did not write. */
	const void *entries = VARATT_IS_4B_U(array) ?
		mosaic_array_parse(array, VARSIZE(array), INT8OID, sizeof(int64), &count, damage) : NULL;

	*n = (int) count;
	return entries;
}

/* A copy of the first row after (forward), or the last up to (backward), this value; or NULL. */
static HeapTuple
next_row(Relation rel, Relation pkey, Snapshot snapshot, ScanDirection direction, int64 value)
{
	bool		forward = ScanDirectionIsForward(direction);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_near_first,
				forward ? BTGreaterStrategyNumber : BTLessEqualStrategyNumber,
				forward ? F_INT8GT : F_INT8LE, Int64GetDatum(value));
	scan = systable_beginscan_ordered(rel, pkey, snapshot, 1, &key);
	row = mosaic_getnext_ordered(scan, direction);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan_ordered(scan);
	return row;
}

/* The row where an entry belongs: what is before the first row belongs to that.  NULL: there are none. */
static HeapTuple
find_row(Relation rel, Relation pkey, Snapshot snapshot, int64 entry)
{
	HeapTuple	row = next_row(rel, pkey, snapshot, BackwardScanDirection, entry);

	return HeapTupleIsValid(row) ? row : next_row(rel, pkey, snapshot, ForwardScanDirection, entry);
}

static HeapTuple
make_row(Relation rel, int64 first, const int64 *entries, int n)
{
	Size		bytes = ARR_OVERHEAD_NONULLS(1) + n * sizeof(int64);
	ArrayType  *array = palloc0(bytes);
	Datum		values[Natts_near];
	bool		nulls[Natts_near] = {false};

	SET_VARSIZE(array, bytes);
	array->ndim = 1;
	array->elemtype = INT8OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), entries, n * sizeof(int64));
	values[Anum_near_first - 1] = Int64GetDatum(first);
	values[Anum_near_entries - 1] = PointerGetDatum(array);
	return heap_form_tuple(RelationGetDescr(rel), values, nulls);
}

/*
 * Puts n entries, ascending, in the place of a row's, or of none.  A row that stays keeps its first, so
 * that the primary key need not know (HOT); but where entries come before all rows, it begins with them.
 */
static void
replace_row(Relation rel, CatalogIndexState indexes, HeapTuple row, const int64 *entries, int64 n)
{
	int64		pieces = n <= MAX_ENTRIES ? 1 : (n + FILL - 1) / FILL;

	if (n == 0)
	{
		if (HeapTupleIsValid(row))
			CatalogTupleDelete(rel, &row->t_self);
		return;
	}
	for (int64 i = 0; i < pieces; i++)
	{
		int64		begin = i * n / pieces,
					end = (i + 1) * n / pieces;

		CHECK_FOR_INTERRUPTS();
		if (i == 0 && HeapTupleIsValid(row))
			CatalogTupleUpdateWithInfo(rel, &row->t_self,
									   make_row(rel, Min(first_of(rel, row), entries[0]), entries, end),
									   indexes);
		else
			CatalogTupleInsertWithInfo(rel, make_row(rel, entries[begin], &entries[begin], end - begin),
									   indexes);
	}
}

/* ---- writing ---- */

/* Entries are changed in batches, in their order: many go to the same row.  8 MB of them. */
#define MAX_CHANGES 524288

typedef struct Change
{
	int64		entry;			/* first: compared as an int64 */
	bool		remove;
} Change;

struct MosaicNearWriter
{
	int32		domain;
	MosaicNear *maker;			/* made when first needed, as are the changes */
	Relation	rel;
	Relation	pkey;
	CatalogIndexState indexes;
	MemoryContext cxt;
	MemoryContext tmp;			/* of changing a row */
	Change	   *changes;
	int			nchanges,
				room;
	List	   *lost;			/* ids of blocks whose keys are not known */
};

MosaicNearWriter *
mosaic_near_writer_open(int32 domain)
{
	MosaicNearWriter *w = palloc0(sizeof *w);

	w->domain = domain;
	w->cxt = CurrentMemoryContext;
	w->tmp = AllocSetContextCreate(w->cxt, "pg_mosaic near keys", ALLOCSET_DEFAULT_SIZES);
	w->rel = table_open(mosaic_relid("near_key"), RowExclusiveLock);
	w->pkey = index_open(mosaic_relid("near_key_pkey"), RowExclusiveLock);
	w->indexes = CatalogOpenIndexes(w->rel);
	return w;
}

static int
compare_entries(const void *a, const void *b)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Makes changes, ascending, to entries of one row (NULL: there are none yet). */
static void
change_row(MosaicNearWriter *w, HeapTuple row, const Change *changes, int n)
{
	int			nold = 0;
	const int64 *old = HeapTupleIsValid(row) ? entries_of(w->rel, row, &nold) : NULL;
	int64	   *entries = palloc((nold + n) * sizeof *entries);
	int			all = 0,
				kept = 0;

	for (int i = 0; i < nold; i++)
		entries[all++] = old[i];
	for (int i = 0; i < n; i++)
		if (!changes[i].remove)
			entries[all++] = changes[i].entry;
	qsort(entries, all, sizeof *entries, compare_entries);
	for (int i = 0; i < all; i++)
	{
		const Change *change = bsearch(&entries[i], changes, n, sizeof *changes, compare_entries);

		if (!(change && change->remove) && (kept == 0 || entries[i] != entries[kept - 1]))
			entries[kept++] = entries[i];
	}
	replace_row(w->rel, w->indexes, row, entries, kept);
}

/* The row where a change belongs, to be freed; outlives what changing a row needs. */
static HeapTuple
row_of_change(MosaicNearWriter *w, Snapshot snapshot, const Change *change)
{
	MemoryContext saved = MemoryContextSwitchTo(w->cxt);
	HeapTuple	row = find_row(w->rel, w->pkey, snapshot, change->entry);

	MemoryContextSwitchTo(saved);
	return row;
}

/*
 * How many changes, from the first of n, go to its row: those up to its last entry in any case.  The row
 * of the one after them, *next, is looked up anyhow, and mostly tells that it is another.
 */
static int
changes_of_row(MosaicNearWriter *w, Snapshot snapshot, HeapTuple row, const Change *changes, int n,
			   HeapTuple *next)
{
	int			end = 1;
	int			nentries = 0;
	const int64 *entries = HeapTupleIsValid(row) ? entries_of(w->rel, row, &nentries) : NULL;

	*next = NULL;
	if (!HeapTupleIsValid(row))
		return n;				/* there are no rows yet */
	while (end < n && nentries > 0 && changes[end].entry <= entries[nentries - 1])
		end++;
	if (end == n)
		return n;
	*next = row_of_change(w, snapshot, &changes[end]);
	if (ItemPointerEquals(&row->t_self, &(*next)->t_self))
	{
		HeapTuple	bound = next_row(w->rel, w->pkey, snapshot, ForwardScanDirection,
									 Max(first_of(w->rel, row), changes[end].entry));

		heap_freetuple(*next);
		while (++end < n)
			if (HeapTupleIsValid(bound) && changes[end].entry >= first_of(w->rel, bound))
				break;
		*next = end < n ? row_of_change(w, snapshot, &changes[end]) : NULL;
	}
	return end;
}

static void
flush(MosaicNearWriter *w)
{
	MemoryContext saved = MemoryContextSwitchTo(w->tmp);
	Snapshot	snapshot;
	HeapTuple	row;

	/* What was changed before, in this transaction or another, is to be seen. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	qsort(w->changes, w->nchanges, sizeof *w->changes, compare_entries);
	row = row_of_change(w, snapshot, &w->changes[0]);
	for (int i = 0; i < w->nchanges;)
	{
		HeapTuple	next;
		int			n = changes_of_row(w, snapshot, row, &w->changes[i], w->nchanges - i, &next);

		change_row(w, row, &w->changes[i], n);
		if (HeapTupleIsValid(row))
			heap_freetuple(row);
		row = next;
		i += n;
		MemoryContextReset(w->tmp);
	}
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
	w->nchanges = 0;
	MemoryContextSwitchTo(saved);
}

static bool
is_not_lost(int32 block_id, void *arg)
{
	return !list_member_int(arg, block_id);
}

/* All of the index is read: for stores that are damaged. */
static void
sweep_lost(MosaicNearWriter *w)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	mosaic_near_sweep(snapshot, is_not_lost, w->lost);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
}

void
mosaic_near_writer_close(MosaicNearWriter *w)
{
	if (w->nchanges > 0)
		flush(w);
	if (w->lost != NIL)
		sweep_lost(w);
	CatalogCloseIndexes(w->indexes);
	index_close(w->pkey, NoLock);
	table_close(w->rel, NoLock);
	MemoryContextDelete(w->tmp);
}

static void
change_block(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry, const void *payload, bool remove)
{
	int32		keys[MOSAIC_NEAR_TABLES];

	if (!mosaic_near_shareable(geometry))
		return;
	if (w->maker == NULL)
	{
		MemoryContext saved = MemoryContextSwitchTo(w->cxt);
		MosaicStoreOptions options = mosaic_store_options(NULL);

		w->maker = make_maker(&options.near_settings, w->domain);
		w->room = 1024;
		w->changes = palloc(w->room * sizeof *w->changes);
		MemoryContextSwitchTo(saved);
	}
	if (w->nchanges > w->room - MOSAIC_NEAR_TABLES && w->room < MAX_CHANGES)
		w->changes = repalloc(w->changes, (w->room *= 2) * sizeof *w->changes);
	if (w->nchanges > w->room - MOSAIC_NEAR_TABLES)
		flush(w);
	make_keys(w->maker, geometry, payload, keys);
	for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
		if (keys[t] != 0)
			w->changes[w->nchanges++] = (Change) {make_entry(keys[t], block_id), remove};
}

void
mosaic_near_writer_add(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry, const void *payload)
{
	change_block(w, block_id, geometry, payload, false);
}

void
mosaic_near_writer_remove(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry,
						  const void *payload)
{
	change_block(w, block_id, geometry, payload, true);
}

void
mosaic_near_writer_remove_lost(MosaicNearWriter *w, int32 block_id, MosaicGeometry geometry)
{
	MemoryContext saved = MemoryContextSwitchTo(w->cxt);

	if (mosaic_near_shareable(geometry))
		w->lost = lappend_int(w->lost, block_id);
	MemoryContextSwitchTo(saved);
}

/* ---- reading ---- */

void
mosaic_near_reader_open(MosaicNearReader *r, int32 domain, Snapshot snapshot)
{
	MosaicStoreOptions options = mosaic_read_store_options(snapshot);

	r->snapshot = snapshot;
	r->rel = table_open(mosaic_relid("near_key"), AccessShareLock);
	r->pkey = index_open(mosaic_relid("near_key_pkey"), AccessShareLock);
	r->maker = make_maker(&options.near_settings, domain);
}

void
mosaic_near_reader_close(MosaicNearReader *r)
{
	index_close(r->pkey, NoLock);
	table_close(r->rel, NoLock);
}

void
mosaic_near_keys_of(MosaicNearReader *r, MosaicGeometry geometry, const void *payload, int32 *keys)
{
	make_keys(r->maker, geometry, payload, keys);
}

void
mosaic_near_probe(MosaicNearReader *r, int32 key, MosaicNearFn fn, void *arg)
{
	int64		first = make_entry(key, 0),
				last = make_entry(key, PG_UINT32_MAX);
	HeapTuple	row = find_row(r->rel, r->pkey, r->snapshot, first);

	while (HeapTupleIsValid(row))
	{
		int64		row_first = first_of(r->rel, row);
		bool		more = row_first <= last;
		int			n;
		const int64 *entries = entries_of(r->rel, row, &n);

		for (int i = 0; i < n && (more = more && entries[i] <= last); i++)
			if (entries[i] >= first && !fn((int32) entries[i], arg))
				more = false;
		heap_freetuple(row);
		row = more ? next_row(r->rel, r->pkey, r->snapshot, ForwardScanDirection, row_first) : NULL;
	}
}

/* ---- all entries ---- */

void
mosaic_near_entries(Relation rel, HeapTuple row, MosaicNearFn fn, void *arg)
{
	int			n;
	const int64 *entries = entries_of(rel, row, &n);

	for (int i = 0; i < n; i++)
		(void) fn((int32) entries[i], arg);
}

void
mosaic_near_sweep(Snapshot snapshot, MosaicNearFn fn, void *arg)
{
	Relation	rel = table_open(mosaic_relid("near_key"), RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(rel);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	row;

	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		int			n,
					kept = 0;
		const int64 *entries = entries_of(rel, row, &n);
		int64	   *left = palloc((n + 1) * sizeof *left);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			if (fn((int32) entries[i], arg))
				left[kept++] = entries[i];
		if (kept < n || n == 0)
			replace_row(rel, indexes, row, left, kept);
		pfree(left);
	}
	systable_endscan(scan);
	CatalogCloseIndexes(indexes);
	table_close(rel, NoLock);
}
