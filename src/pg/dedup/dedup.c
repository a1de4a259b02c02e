/*
 * dedup.c
 *		dedup_model() and plan_dedup(): near duplicates of a stored model's blocks, merged
 *		as far as a metric over a validation set allows (docs/dedup.md).
 *
 * Only blocks that no other model uses are worth merging, and only blocks of
 * other models of the same owner may take their place.  Everything is decided
 * and measured before anything is written; the writing gives the model a new
 * identity (model_id), because its content is another.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "dedup_validation.h"
#include "errors.h"
#include "model_cache.h"
#include "store.h"

/* A block that a model uses; the id comes first, for compare_ids. */
typedef struct BlockRef
{
	int32		id;
	uint32		bytes;			/* of its tuple */
} BlockRef;

/* A block that may stand in; likewise. */
typedef struct Offer
{
	int32		id;
	ItemPointerData place;		/* where it lies */
	uint64		geometry;
} Offer;

typedef struct DedupJob
{
	char	   *name;
	HeapTuple	row;
	Snapshot	snapshot;
	MosaicModelHandle *handle;
	MosaicModelHandle candidate;	/* the same with maps of its own */
	MosaicTensorDesc *descs;
	MosaicDedup *dedup;
	MemoryContextCallback callback;
	MosaicReader reader;
	BlockRef   *own;			/* the model's blocks, ascending, each once */
	int64		nown;
	Offer	   *offers;			/* likewise, of the others */
	int64		noffers,
				capacity;
} DedupJob;

static void
free_job(void *arg)
{
	DedupJob   *job = arg;

	mosaic_dedup_free(job->dedup);
	if (job->handle)
		mosaic_model_release(job->handle);
}

static void
check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK && code != MOSAIC_MORE)
		mosaic_report(error);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

static bool
has_id(const BlockRef *refs, int64 n, int32 id)
{
	return n > 0 && bsearch(&id, refs, n, sizeof(BlockRef), compare_ids) != NULL;
}

/* All blocks of a model's maps, ascending, each once. */
static BlockRef *
distinct_blocks(const MosaicModelHandle *handle, int64 *n)
{
	BlockRef   *refs = MemoryContextAllocHuge(CurrentMemoryContext,
											  (handle->nblocks + 1) * sizeof(BlockRef));
	int64		all = 0;

	for (int t = 0; t < handle->ntensors; t++)
		for (int64 i = 0; i < handle->tensors[t].n; i++)
			refs[all++] = (BlockRef) {handle->tensors[t].ids[i],
				MOSAIC_PAYLOAD_OFFSET + handle->tensors[t].payload_bytes};
	qsort(refs, all, sizeof(BlockRef), compare_ids);
	*n = 0;
	for (int64 i = 0; i < all; i++)
		if (i == 0 || refs[i].id != refs[*n - 1].id)
			refs[(*n)++] = refs[i];
	return refs;
}

/* ---- what there is ---- */

static int64
int_attr(HeapTuple tuple, TupleDesc desc, int attnum, int len)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return len == 1 ? DatumGetBool(value) : len == 2 ? DatumGetInt16(value) :
		len == 4 ? DatumGetInt32(value) : DatumGetInt64(value);
}

static void
describe_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	DedupJob   *job = arg;
	MosaicTensorDesc *t = &job->descs[int_attr(tuple, desc, Anum_tensor_tensor_no, 4)];
	MosaicError error;

	t->layout = int_attr(tuple, desc, Anum_tensor_layout, 2);
	t->stored_dtype = int_attr(tuple, desc, Anum_tensor_stored_dtype, 2);
	t->rows = int_attr(tuple, desc, Anum_tensor_matrix_rows, 8);
	t->cols = int_attr(tuple, desc, Anum_tensor_matrix_cols, 8);
	t->block_rows = int_attr(tuple, desc, Anum_tensor_block_rows, 4);
	t->block_cols = int_attr(tuple, desc, Anum_tensor_block_cols, 4);
	check(mosaic_dedup_add_tensor(job->dedup, t, &error), &error);
}

static MosaicGeometry
tensor_geometry(const MosaicTensorDesc *t)
{
	MosaicGeometry g = {t->stored_dtype, t->layout, t->block_rows, t->block_cols};

	return g;
}

/* Whether the model has blocks of this geometry that may have near duplicates. */
static bool
wanted(DedupJob *job, uint64 geometry)
{
	for (int i = 0; i < job->handle->ntensors; i++)
		if (mosaic_dedup_shareable(job->dedup, i) &&
			mosaic_geometry_pack(tensor_geometry(&job->descs[i])) == geometry)
			return true;
	return false;
}

static void
collect_offers(HeapTuple tuple, TupleDesc desc, void *arg)
{
	DedupJob   *job = arg;
	MosaicTensorDesc t = {0};
	uint64		geometry;
	bool		isnull;
	Datum		map = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	const int32 *ids;
	int64		n;

	if (isnull)
		return;
	t.layout = int_attr(tuple, desc, Anum_tensor_layout, 2);
	t.stored_dtype = int_attr(tuple, desc, Anum_tensor_stored_dtype, 2);
	t.block_rows = int_attr(tuple, desc, Anum_tensor_block_rows, 4);
	t.block_cols = int_attr(tuple, desc, Anum_tensor_block_cols, 4);
	geometry = mosaic_geometry_pack(tensor_geometry(&t));
	if (!wanted(job, geometry))
		return;
	ids = mosaic_map_ids(DatumGetByteaP(map), &n);
	while (job->noffers + n > job->capacity)
	{
		job->capacity *= 2;
		job->offers = repalloc_huge(job->offers, job->capacity * sizeof(Offer));
	}
	for (int64 i = 0; i < n; i++)
		job->offers[job->noffers++] = (Offer) {.id = ids[i],.geometry = geometry};
}

/* Offers the blocks of the owner's other models. */
static void
offer_blocks(DedupJob *job)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	Oid			owner = DatumGetObjectId(mosaic_model_attr(job->row, Anum_model_owner));
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, job->snapshot, 0, NULL);
	HeapTuple	row;
	int64		n = 0;

	job->capacity = 1024;
	job->offers = palloc(job->capacity * sizeof(Offer));
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		int64		model_id = int_attr(row, desc, Anum_model_model_id, 8);
		bool		isnull;

		if (model_id != job->handle->key.model_id &&
			DatumGetObjectId(heap_getattr(row, Anum_model_owner, desc, &isnull)) == owner)
			mosaic_scan_tensors(model_id, job->snapshot, collect_offers, job);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	qsort(job->offers, job->noffers, sizeof(Offer), compare_ids);
	for (int64 i = 0; i < job->noffers; i++)
		if (i == 0 || job->offers[i].id != job->offers[n - 1].id)
			job->offers[n++] = job->offers[i];
	job->noffers = n;
	for (int64 i = 0; i < n; i++)
	{
		Offer	   *offer = &job->offers[i];
		MosaicGeometry g = mosaic_geometry_unpack(offer->geometry);
		Buffer		buffer;
		const void *payload;
		MosaicError error;

		CHECK_FOR_INTERRUPTS();
		ItemPointerSetInvalid(&offer->place);
		payload = mosaic_read_block(&job->reader, offer->id, mosaic_payload_bytes(g), &offer->place,
									CurrentResourceOwner, &buffer);
		check(mosaic_dedup_offer(job->dedup, g, payload, offer->id, &error), &error);
		ReleaseBuffer(buffer);
	}
}

static Offer *
find_offer(DedupJob *job, int32 id)
{
	Offer	   *found = bsearch(&id, job->offers, job->noffers, sizeof(Offer), compare_ids);

	if (found == NULL)
		elog(ERROR, "block %d was not offered", id);
	return found;
}

/* ---- what may be merged ---- */

static void
search_block(DedupJob *job, int tensor, int64 index)
{
	MosaicTensorBlocks *blocks = &job->candidate.tensors[tensor];
	const int32 *ids;
	int64		n;
	Buffer		own,
				other;
	MosaicError error;
	const void *payload = mosaic_read_block(&job->reader, blocks->ids[index], blocks->payload_bytes,
											&blocks->places[index], CurrentResourceOwner, &own);

	check(mosaic_dedup_search(job->dedup, tensor, index, payload, &ids, &n, &error), &error);
	for (int64 i = 0; i < n; i++)
	{
		payload = mosaic_read_block(&job->reader, ids[i], blocks->payload_bytes,
									&find_offer(job, ids[i])->place, CurrentResourceOwner, &other);
		check(mosaic_dedup_compare(job->dedup, ids[i], payload, &error), &error);
		ReleaseBuffer(other);
	}
	check(mosaic_dedup_choose(job->dedup, &error), &error);
	ReleaseBuffer(own);
}

/* Whether other models use the block too: then merging it would free nothing. */
static bool
is_shared(Relation meta, Oid index, Snapshot snapshot, int32 id)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		shared;

	ScanKeyInit(&key, Anum_meta_block_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
	scan = systable_beginscan(meta, index, true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	shared = !HeapTupleIsValid(tuple) ||
		int_attr(tuple, RelationGetDescr(meta), Anum_meta_models, 4) > 1;
	systable_endscan(scan);
	return shared;
}

static void
find_candidates(DedupJob *job)
{
	Relation	meta = table_open(mosaic_relid("block_meta"), AccessShareLock);
	Oid			index = mosaic_relid("block_meta_pkey");
	MosaicError error;

	for (int t = 0; job->noffers > 0 && t < job->handle->ntensors; t++)
		for (int64 i = 0; mosaic_dedup_shareable(job->dedup, t) && i < job->handle->tensors[t].n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!is_shared(meta, index, job->snapshot, job->handle->tensors[t].ids[i]))
				search_block(job, t, i);
		}
	table_close(meta, NoLock);
	check(mosaic_dedup_plan(job->dedup, &error), &error);
}

/* Sets the candidate's maps to the original's with partners put in. */
static void
apply(DedupJob *job, bool accepted)
{
	for (int t = 0; t < job->handle->ntensors; t++)
	{
		MosaicTensorBlocks *from = &job->handle->tensors[t],
				   *to = &job->candidate.tensors[t];

		if (from->n == 0)
			continue;
		memcpy(to->ids, from->ids, from->n * sizeof(int32));
		memcpy(to->places, from->places, from->n * sizeof(ItemPointerData));
		mosaic_dedup_apply(job->dedup, accepted, t, to->ids);
		for (int64 i = 0; i < from->n; i++)
			if (to->ids[i] != from->ids[i])
				to->places[i] = find_offer(job, to->ids[i])->place;
	}
}

static void
pass_gate(DedupJob *job, const char *query)
{
	MosaicValidation *validation =
		mosaic_validation_open(query, mosaic_dedup_uses_labels(job->dedup), job->handle);
	MosaicError error;
	MosaicCode	code;

	while ((code = mosaic_dedup_next(job->dedup, &error)) == MOSAIC_MORE)
	{
		apply(job, false);
		mosaic_validation_run(validation, &job->candidate, job->dedup);
		check(mosaic_dedup_report(job->dedup, &error), &error);
	}
	check(code, &error);
	mosaic_validation_close(validation);
	apply(job, true);
}

/* ---- what is written ---- */

typedef struct TensorUpdate
{
	DedupJob   *job;
	Relation	rel;
	CatalogIndexState indexes;
	int64		model_id;
} TensorUpdate;

static void
update_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	TensorUpdate *u = arg;
	MosaicTensorBlocks *blocks =
		&u->job->candidate.tensors[int_attr(tuple, desc, Anum_tensor_tensor_no, 4)];
	Datum		values[Natts_tensor] = {0};
	bool		nulls[Natts_tensor] = {false};
	bool		replace[Natts_tensor] = {false};
	bool		is_inline;

	heap_getattr(tuple, Anum_tensor_map, desc, &is_inline);
	values[Anum_tensor_model_id - 1] = Int64GetDatum(u->model_id);
	replace[Anum_tensor_model_id - 1] = true;
	if (!is_inline)
	{
		Size		bytes = blocks->n * sizeof(ItemPointerData);
		bytea	   *places = palloc(VARHDRSZ + bytes);

		SET_VARSIZE(places, VARHDRSZ + bytes);
		memcpy(VARDATA(places), blocks->places, bytes);
		values[Anum_tensor_map - 1] = PointerGetDatum(mosaic_make_map(blocks->ids, blocks->n));
		values[Anum_tensor_places - 1] = PointerGetDatum(places);
		replace[Anum_tensor_map - 1] = replace[Anum_tensor_places - 1] = true;
	}
	CatalogTupleUpdateWithInfo(u->rel, &tuple->t_self,
							   heap_modify_tuple(tuple, desc, values, nulls, replace), u->indexes);
}

/* Makes the maps of the accepted state the model's, as a new version. */
static void
write_maps(DedupJob *job)
{
	TensorUpdate u = {.job = job};
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};

	u.model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	u.rel = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	u.indexes = CatalogOpenIndexes(u.rel);
	mosaic_scan_tensors(job->handle->key.model_id, job->snapshot, update_tensor, &u);
	CatalogCloseIndexes(u.indexes);
	table_close(u.rel, NoLock);

	values[Anum_model_model_id - 1] = Int64GetDatum(u.model_id);
	replace[Anum_model_model_id - 1] = true;
	CatalogTupleUpdate(rel, &job->row->t_self,
					   heap_modify_tuple(job->row, RelationGetDescr(rel), values, nulls, replace));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

/* Counts the model as a user of what it uses now, and no longer of what it does not. */
static void
count_users(DedupJob *job, const BlockRef *now, int64 n)
{
	MosaicWriter *writer = mosaic_writer_open(job->snapshot);
	char	   *copy = palloc(MOSAIC_MAX_PAYLOAD);

	for (int64 i = 0; i < n; i++)
	{
		MosaicBlock block = {0};
		ItemPointerData place;
		Offer	   *offer;
		Buffer		buffer;
		int32		id;

		CHECK_FOR_INTERRUPTS();
		if (has_id(job->own, job->nown, now[i].id))
			continue;
		offer = find_offer(job, now[i].id);
		block.geometry = mosaic_geometry_unpack(offer->geometry);
		block.length = mosaic_payload_bytes(block.geometry);
		memcpy(copy, mosaic_read_block(&job->reader, now[i].id, block.length, &offer->place,
									   CurrentResourceOwner, &buffer), block.length);
		ReleaseBuffer(buffer);
		block.payload = copy;
		mosaic_block_hash(block.geometry, copy, block.length, block.hash);
		if (!mosaic_writer_use(writer, &block, &id, &place) || id != now[i].id)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("block %d is not found by its hash", now[i].id)));
	}
	for (int64 i = 0; i < job->nown; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!has_id(now, n, job->own[i].id))
			mosaic_writer_leave(writer, job->own[i].id);
	}
	mosaic_writer_close(writer);
	pfree(copy);
	CommandCounterIncrement();
}

/* ---- functions ---- */

/* A copy of the handle whose maps can be changed. */
static void
copy_handle(DedupJob *job)
{
	const MosaicModelHandle *h = job->handle;

	job->candidate = *h;
	job->candidate.tensors = palloc(Max(h->ntensors, 1) * sizeof *h->tensors);
	for (int t = 0; t < h->ntensors; t++)
	{
		MosaicTensorBlocks *to = &job->candidate.tensors[t];

		*to = h->tensors[t];
		if (to->n == 0)
			continue;
		to->ids = MemoryContextAllocHuge(CurrentMemoryContext, to->n * sizeof(int32));
		to->places = MemoryContextAllocHuge(CurrentMemoryContext, to->n * sizeof(ItemPointerData));
		memcpy(to->ids, h->tensors[t].ids, to->n * sizeof(int32));
		memcpy(to->places, h->tensors[t].places, to->n * sizeof(ItemPointerData));
	}
}

/* Bytes of the blocks that the accepted state does not use: they had no other user. */
static int64
freed_bytes(const DedupJob *job, const BlockRef *now, int64 n)
{
	int64		bytes = 0;

	for (int64 i = 0; i < job->nown; i++)
		if (!has_id(now, n, job->own[i].id))
			bytes += job->own[i].bytes;
	return bytes;
}

static void
open_job(DedupJob *job, FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"name", "validation", "metric", "max_drop", "tolerance",
	"min_similarity", "max_evaluations"};
	MosaicDedupOptions options;
	MosaicError error;

	for (int i = 0; i < 7; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", names[i])));
	job->name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	options.metric = text_to_cstring(PG_GETARG_TEXT_PP(2));
	options.max_drop = PG_GETARG_FLOAT8(3);
	options.tolerance = PG_GETARG_FLOAT4(4);
	options.min_similarity = PG_GETARG_FLOAT8(5);
	options.max_evaluations = PG_GETARG_INT32(6);
	job->callback.func = free_job;
	job->callback.arg = job;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &job->callback);
	check(mosaic_dedup_new(&options, &job->dedup, &error), &error);
	job->snapshot = mosaic_lock_store();
	job->row = mosaic_find_model(job->name, job->snapshot, RowExclusiveLock);
	if (!HeapTupleIsValid(job->row))
		mosaic_no_such_model(job->name);
	if (!mosaic_owns_model(job->row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", job->name)));
}

/* Searches and judges; afterwards the candidate's maps are those of the accepted state. */
static void
decide(DedupJob *job, const char *query)
{
	/* The cache reads a model with the active snapshot. */
	PushActiveSnapshot(job->snapshot);
	job->handle = mosaic_model_acquire(job->row);
	PopActiveSnapshot();
	if (mosaic_model_input_count(job->handle->model) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has %d inputs; only models with one can be validated",
						job->name, mosaic_model_input_count(job->handle->model))));
	copy_handle(job);
	job->descs = palloc0(Max(job->handle->ntensors, 1) * sizeof *job->descs);
	mosaic_scan_tensors(job->handle->key.model_id, job->snapshot, describe_tensor, job);
	mosaic_reader_open(&job->reader);
	offer_blocks(job);
	find_candidates(job);
	pass_gate(job, query);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_dedup_model);
Datum
mosaic_pg_dedup_model(PG_FUNCTION_ARGS)
{
	TimestampTz start = GetCurrentTimestamp();
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic dedup",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	DedupJob   *job = palloc0(sizeof *job);
	MosaicDedupResult result;
	TupleDesc	desc;
	Datum		values[9];
	bool		nulls[9] = {false};
	BlockRef   *now;
	int64		n,
				blocks,
				bytes;

	open_job(job, fcinfo);
	decide(job, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	mosaic_dedup_result(job->dedup, &result);
	job->own = distinct_blocks(job->handle, &job->nown);
	now = distinct_blocks(&job->candidate, &n);
	bytes = freed_bytes(job, now, n);
	blocks = job->handle->nblocks;
	if (result.merged > 0)
	{
		count_users(job, now, n);
		write_maps(job);
	}
	mosaic_reader_close(&job->reader);
	UnregisterSnapshot(job->snapshot);
	MemoryContextSwitchTo(saved);
	values[0] = PG_GETARG_DATUM(0);
	MemoryContextDelete(cxt);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[1] = Int64GetDatum(blocks);
	values[2] = Int64GetDatum(result.candidates);
	values[3] = Int64GetDatum(result.merged);
	values[4] = Int64GetDatum(bytes);
	values[5] = Float8GetDatum(result.metric_before);
	values[6] = Float8GetDatum(result.metric_after);
	values[7] = Int32GetDatum((int32) result.evaluations);
	values[8] = Float8GetDatum((GetCurrentTimestamp() - start) / 1e6);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_plan_dedup);
Datum
mosaic_pg_plan_dedup(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	DedupJob   *job;
	MosaicDedupResult result;

	InitMaterializedSRF(fcinfo, 0);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic dedup", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	job = palloc0(sizeof *job);
	open_job(job, fcinfo);
	decide(job, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	mosaic_dedup_result(job->dedup, &result);
	for (int64 i = 0; i < result.evaluations; i++)
	{
		MosaicDedupPoint point;
		Datum		values[5];
		bool		nulls[5] = {false};

		mosaic_dedup_point(job->dedup, i, &point);
		values[0] = Int32GetDatum((int32) i + 1);
		values[1] = Int64GetDatum(point.merged);
		values[2] = Int64GetDatum(point.bytes);
		values[3] = Float8GetDatum(point.metric);
		values[4] = BoolGetDatum(point.kept);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	mosaic_reader_close(&job->reader);
	UnregisterSnapshot(job->snapshot);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	return (Datum) 0;
}
