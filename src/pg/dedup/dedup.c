/*
 * dedup.c
 *		dedup_model() and plan_dedup(): near duplicates of a stored model's blocks, merged
 *		as far as a metric over a validation set allows (docs/dedup.md).
 *
 * Only blocks that no other model uses are worth merging, and only blocks of
 * other models of the same sharing domain may take their place.  Everything is decided
 * and measured before anything is written; the writing gives the model a new
 * identity (model_id), because its content is another.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "dedup_job.h"
#include "domain.h"
#include "errors.h"
#include "store.h"

static void
free_job(void *arg)
{
	DedupJob   *job = arg;

	mosaic_dedup_free(job->dedup);
	if (job->handle)
		mosaic_model_release(job->handle);
}

static void
describe_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	DedupJob   *job = arg;
	MosaicTensorDesc *t = &job->descs[mosaic_int_attr(tuple, desc, Anum_tensor_tensor_no, 4)];
	MosaicError error;

	t->layout = mosaic_int_attr(tuple, desc, Anum_tensor_layout, 2);
	t->stored_dtype = mosaic_int_attr(tuple, desc, Anum_tensor_stored_dtype, 2);
	t->rows = mosaic_int_attr(tuple, desc, Anum_tensor_matrix_rows, 8);
	t->cols = mosaic_int_attr(tuple, desc, Anum_tensor_matrix_cols, 8);
	t->block_rows = mosaic_int_attr(tuple, desc, Anum_tensor_block_rows, 4);
	t->block_cols = mosaic_int_attr(tuple, desc, Anum_tensor_block_cols, 4);
	mosaic_dedup_check(mosaic_dedup_add_tensor(job->dedup, t, &error), &error);
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
	mosaic_dedup_check(mosaic_dedup_new(&options, &job->dedup, &error), &error);
	job->snapshot = mosaic_lock_store();
	job->row = mosaic_find_model(job->name, job->snapshot, RowExclusiveLock);
	if (!HeapTupleIsValid(job->row))
		mosaic_no_such_model(job->name);
	if (!mosaic_owns_model(job->row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", job->name)));
	mosaic_check_domain(DatumGetInt32(mosaic_model_attr(job->row, Anum_model_domain)), job->name,
						job->snapshot);
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
	mosaic_copy_maps(job);
	job->descs = palloc0(Max(job->handle->ntensors, 1) * sizeof *job->descs);
	mosaic_scan_tensors(job->handle->key.model_id, job->snapshot, describe_tensor, job);
	mosaic_reader_open(&job->reader);
	mosaic_offer_blocks(job);
	mosaic_find_merges(job);
	mosaic_pass_gate(job, query);
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
	int64		blocks,
				bytes;

	open_job(job, fcinfo);
	decide(job, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	mosaic_dedup_result(job->dedup, &result);
	blocks = job->handle->nblocks;
	bytes = mosaic_freed_bytes(job);
	if (result.merged > 0)
		mosaic_write_merges(job);
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
