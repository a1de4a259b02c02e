/*
 * model_rows.c
 *		A model as its rows tell it, and their checksum.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "damage.h"
#include "model_rows.h"
#include "mosaic/capi_checksum.h"
#include "mosaic/page_reader.h"
#include "row.h"
#include "store.h"

/* ---- reading ---- */

/* What the scan of a model's tensors collects. */
typedef struct Loader
{
	MosaicModelRows *rows;
	int64		model_id;
	int			capacity;
} Loader;

static int64
get_int64(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	switch (TupleDescAttr(desc, attnum - 1)->attlen)
	{
		case 1:
			return DatumGetBool(value);
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* A copy of a bytea column, not toasted, aligned; NULL where the column is. */
static bytea *
get_bytea(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? NULL : (bytea *) mosaic_plain(value);
}

static void
load_map(MosaicTensorBlocks *blocks, MosaicTensorDesc *desc, bytea *map, bytea *places)
{
	const int32 *ids = mosaic_map_ids(map, &blocks->n);
	Size		n = (Size) blocks->n;
	MosaicGeometry geometry = {desc->stored_dtype, desc->layout, desc->block_rows, desc->block_cols};

	desc->nblocks = blocks->n;
	/* 0 where it is none: the core names what is wrong with the tensor. */
	blocks->payload_bytes = mosaic_geometry_bytes(geometry);
	blocks->ids = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(int32) + 1);
	memcpy(blocks->ids, ids, n * sizeof(int32));
	blocks->places = MemoryContextAllocExtended(CurrentMemoryContext, n * sizeof(ItemPointerData) + 1,
												MCXT_ALLOC_HUGE);
	StaticAssertStmt(sizeof(ItemPointerData) == MOSAIC_PLACE_BYTES, "places are item pointers");
	if (places && VARSIZE(places) - VARHDRSZ == n * MOSAIC_PLACE_BYTES)
		memcpy(blocks->places, VARDATA(places), n * MOSAIC_PLACE_BYTES);
	else
		for (Size i = 0; i < n; i++)
			ItemPointerSetInvalid(&blocks->places[i]);
}

static void
read_dims(Datum value, MosaicTensorDesc *desc)
{
	struct varlena *dims = mosaic_plain(value);
	char		damage[MOSAIC_DAMAGE_BYTES];
	uint32		n;
	const void *elements = mosaic_array_parse(dims, VARSIZE(dims), INT8OID, sizeof(int64), &n, damage);

	if (elements == NULL || n > MOSAIC_MAX_DIMS)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tensor \"%s\" has a damaged shape", desc->name)));
	desc->ndim = (int) n;
	memcpy(desc->dims, elements, n * sizeof(int64));
	pfree(dims);
}

static void
load_tensor(HeapTuple tuple, TupleDesc td, void *arg)
{
	Loader	   *loader = arg;
	MosaicModelRows *rows = loader->rows;
	int			i = rows->ntensors;
	MosaicTensorDesc *desc;
	bytea	   *value,
			   *map,
			   *places;
	Datum		place_value;
	bool		isnull;

	if (i == loader->capacity)
	{
		loader->capacity *= 2;
		rows->descs = repalloc(rows->descs, loader->capacity * sizeof *rows->descs);
		rows->tensors = repalloc(rows->tensors, loader->capacity * sizeof *rows->tensors);
	}
	desc = &rows->descs[i];
	memset(desc, 0, sizeof *desc);
	memset(&rows->tensors[i], 0, sizeof rows->tensors[i]);
	if (get_int64(tuple, Anum_tensor_tensor_no, td) != i)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tensor %d of model " INT64_FORMAT " is missing", i, loader->model_id)));
	desc->name = mosaic_plain_text(heap_getattr(tuple, Anum_tensor_name, td, &isnull));
	desc->dtype = get_int64(tuple, Anum_tensor_dtype, td);
	read_dims(heap_getattr(tuple, Anum_tensor_dims, td, &isnull), desc);
	desc->layout = get_int64(tuple, Anum_tensor_layout, td);
	desc->stored_dtype = get_int64(tuple, Anum_tensor_stored_dtype, td);
	desc->transposed = get_int64(tuple, Anum_tensor_transposed, td) != 0;
	desc->rows = get_int64(tuple, Anum_tensor_matrix_rows, td);
	desc->cols = get_int64(tuple, Anum_tensor_matrix_cols, td);
	desc->block_rows = get_int64(tuple, Anum_tensor_block_rows, td);
	desc->block_cols = get_int64(tuple, Anum_tensor_block_cols, td);
	value = get_bytea(tuple, Anum_tensor_value, td);
	map = get_bytea(tuple, Anum_tensor_map, td);
	if (value)
	{
		desc->value = VARDATA(value);
		desc->value_bytes = VARSIZE(value) - VARHDRSZ;
	}
	if (map)
	{
		/* A hint, of which a prediction does not depend. */
		place_value = heap_getattr(tuple, Anum_tensor_places, td, &isnull);
		places = isnull ? NULL : (bytea *) mosaic_plain_hint(place_value);
		load_map(&rows->tensors[i], desc, map, places);
		pfree(map);
		if (places)
			pfree(places);
	}
	rows->nblocks += rows->tensors[i].n;
	rows->ntensors++;
}

void
mosaic_read_model(HeapTuple row, Snapshot snapshot, MosaicModelRows *rows)
{
	Loader		loader = {.rows = rows,.capacity = 16};

	loader.model_id = DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id));
	memset(rows, 0, sizeof *rows);
	rows->graph = (bytea *) mosaic_plain(mosaic_model_attr(row, Anum_model_graph));
	rows->descs = palloc(loader.capacity * sizeof *rows->descs);
	rows->tensors = palloc(loader.capacity * sizeof *rows->tensors);
	mosaic_scan_tensors(loader.model_id, snapshot, load_tensor, &loader);
}

typedef struct BlockIds
{
	int32	   *ids;
	int64		n;
} BlockIds;

static void
note_ids(HeapTuple tuple, TupleDesc desc, void *arg)
{
	BlockIds   *b = arg;
	char	   *damage;
	bytea	   *map = mosaic_read_map(tuple, desc, &damage);
	const int32 *ids;
	int64		n;

	if (map == NULL)
		return;
	ids = mosaic_map_ids(map, &n);
	b->ids = repalloc_huge(b->ids, (b->n + n + 1) * sizeof(int32));
	memcpy(b->ids + b->n, ids, n * sizeof(int32));
	b->n += n;
	pfree(map);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

int32 *
mosaic_model_blocks(int64 model_id, Snapshot snapshot, int64 *n)
{
	BlockIds	b = {.ids = palloc(sizeof(int32))};

	mosaic_scan_tensors(model_id, snapshot, note_ids, &b);
	qsort(b.ids, b.n, sizeof(int32), compare_ids);
	*n = b.n;
	return b.ids;
}

/* ---- the checksum ---- */

static pg_uuid_t
checksum_of(const MosaicModelRows *rows)
{
	pg_uuid_t	sum;

	mosaic_checksum_graph(VARDATA(rows->graph), VARSIZE(rows->graph) - VARHDRSZ, sum.data);
	for (int i = 0; i < rows->ntensors; i++)
		mosaic_checksum_tensor(&rows->descs[i], rows->tensors[i].ids, sum.data);
	return sum;
}

void
mosaic_verify_checksum(HeapTuple row, const MosaicModelRows *rows)
{
	Datum		stored;
	pg_uuid_t	sum;

	/* Models that 0.1.0 imported have none until the update of the extension, or repair_store(). */
	if (!mosaic_model_has_checksum(row, &stored))
		return;
	sum = checksum_of(rows);
	if (memcmp(sum.data, DatumGetUUIDP(stored)->data, UUID_LEN) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\" is damaged: it does not have the checksum of its import",
						mosaic_plain_text(mosaic_model_attr(row, Anum_model_name))),
				 errdetail("Its graph, its tensors' values, shapes or maps are not what was stored."),
				 errhint("Import it again with replace => true, or restore a backup.")));
}

bool
mosaic_model_has_checksum(HeapTuple row, Datum *checksum)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	bool		isnull;

	*checksum = heap_getattr(row, Anum_model_checksum, RelationGetDescr(rel), &isnull);
	table_close(rel, NoLock);
	return !isnull;
}

/* The row of a model, a copy; NULL where there is none. */
static HeapTuple
row_of(Relation rel, int64 model_id, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_model_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid("model_pkey"), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	return row;
}

void
mosaic_stamp_model(int64 model_id)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic checksum",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};
	Snapshot	snapshot;
	HeapTuple	row;
	MosaicModelRows rows;
	pg_uuid_t	sum;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	row = row_of(rel, model_id, snapshot);
	if (!HeapTupleIsValid(row))
		elog(ERROR, "model " INT64_FORMAT " is missing", model_id);
	mosaic_read_model(row, snapshot, &rows);
	sum = checksum_of(&rows);
	values[Anum_model_checksum - 1] = UUIDPGetDatum(&sum);
	replace[Anum_model_checksum - 1] = true;
	nulls[Anum_model_content - 1] = replace[Anum_model_content - 1] = true;
	CatalogTupleUpdate(rel, &row->t_self,
					   heap_modify_tuple(row, RelationGetDescr(rel), values, nulls, replace));
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	CommandCounterIncrement();
}

typedef struct ChecksumRead
{
	HeapTuple	row;
	pg_uuid_t	sum;
} ChecksumRead;

static void
read_checksum(void *arg)
{
	ChecksumRead *r = arg;
	MosaicModelRows rows;

	mosaic_read_model(r->row, GetActiveSnapshot(), &rows);
	r->sum = checksum_of(&rows);
}

/* NULL where there is no such model, or not all of it can be read. */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_model_checksum);
Datum
mosaic_pg_model_checksum(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	ChecksumRead *r = palloc0(sizeof *r);

	r->row = row_of(rel, PG_GETARG_INT64(0), GetActiveSnapshot());
	table_close(rel, NoLock);
	if (!HeapTupleIsValid(r->row) || mosaic_catch_damage(read_checksum, r) != NULL)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(&r->sum);
}
