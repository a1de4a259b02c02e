/*
 * dedup_run.c
 *		Near duplicates of one stored model, from its arguments to the accepted state.
 *
 * Only blocks that no other model uses are worth merging, and only blocks of
 * other models of the same sharing domain may take their place.  Everything is
 * decided and measured before anything is written, and before the store is
 * locked; the writing gives the model a new identity (model_id), because its
 * content is another.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "dedup.h"
#include "dedup_job.h"
#include "domain.h"
#include "errors.h"
#include "progress.h"
#include "store.h"
#include "versions.h"

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
	MosaicTensorDesc *t = &job->descs[mosaic_tensor_number(job, tuple, desc)];
	bool		isnull;
	MosaicError error;

	t->name = mosaic_plain_text(heap_getattr(tuple, Anum_tensor_name, desc, &isnull));
	t->layout = mosaic_int_attr(tuple, desc, Anum_tensor_layout, 2);
	t->stored_dtype = mosaic_int_attr(tuple, desc, Anum_tensor_stored_dtype, 2);
	t->rows = mosaic_int_attr(tuple, desc, Anum_tensor_matrix_rows, 8);
	t->cols = mosaic_int_attr(tuple, desc, Anum_tensor_matrix_cols, 8);
	t->block_rows = mosaic_int_attr(tuple, desc, Anum_tensor_block_rows, 4);
	t->block_cols = mosaic_int_attr(tuple, desc, Anum_tensor_block_cols, 4);
	mosaic_dedup_check(mosaic_dedup_add_tensor(job->dedup, t, &error), &error);
}

void
mosaic_dedup_arguments(FunctionCallInfo fcinfo, int first, MosaicDedupArguments *args)
{
	static const char *const names[] = {"validation", "metric", "max_drop", "tolerance",
		"min_similarity", "max_evaluations", "metric_function", "higher_is_better", "reuse",
	"max_weight_error"};
	enum
	{
		VALIDATION, METRIC, MAX_DROP, TOLERANCE, MIN_SIMILARITY, MAX_EVALUATIONS, METRIC_FUNCTION,
		HIGHER_IS_BETTER, REUSE, MAX_WEIGHT_ERROR
	};
	MosaicDedupOptions *o = &args->options;

	memset(args, 0, sizeof *args);
	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(first + i) && i != VALIDATION && i != METRIC_FUNCTION && i != MAX_WEIGHT_ERROR)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", names[i])));
	if (PG_ARGISNULL(first + VALIDATION) && PG_ARGISNULL(first + MAX_WEIGHT_ERROR))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("near duplicates need a validation query, or max_weight_error"),
				 errhint("Without a query nothing measures what merging does to predictions; max_weight_error then bounds what it does to each weight.")));
	if (!PG_ARGISNULL(first + VALIDATION))
		args->validation = text_to_cstring(PG_GETARG_TEXT_PP(first + VALIDATION));
	if (!PG_ARGISNULL(first + METRIC_FUNCTION))
	{
		args->metric_function = PG_GETARG_OID(first + METRIC_FUNCTION);
		/* What regproc prints as "-": neither a function nor NULL. */
		if (!OidIsValid(args->metric_function))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("metric_function must be a function"),
					 errhint("Leave it out, or give NULL, for one of the metrics that have a name.")));
	}
	else
		o->metric = text_to_cstring(PG_GETARG_TEXT_PP(first + METRIC));
	args->reuse = PG_GETARG_BOOL(first + REUSE);
	o->higher_is_better = PG_GETARG_BOOL(first + HIGHER_IS_BETTER);
	o->max_drop = PG_GETARG_FLOAT8(first + MAX_DROP);
	o->tolerance = PG_GETARG_FLOAT4(first + TOLERANCE);
	o->min_similarity = PG_GETARG_FLOAT8(first + MIN_SIMILARITY);
	o->max_evaluations = PG_GETARG_INT32(first + MAX_EVALUATIONS);
	o->max_weight_error =
		PG_ARGISNULL(first + MAX_WEIGHT_ERROR) ? INFINITY : PG_GETARG_FLOAT8(first + MAX_WEIGHT_ERROR);
}

void
mosaic_dedup_find_model(DedupJob *job, LOCKMODE lockmode)
{
	job->row = mosaic_find_model(job->name, job->snapshot, lockmode);
	if (job->changes)
		mosaic_check_unchanged(job->name, job->row);
	if (!HeapTupleIsValid(job->row))
		mosaic_no_such_model(job->name);
	if (!mosaic_owns_model(job->row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", job->name)));
	mosaic_check_current(job->name, job->row);
	job->domain = DatumGetInt32(mosaic_model_attr(job->row, Anum_model_domain));
	mosaic_check_domain(job->domain, job->name, job->snapshot);
}

void
mosaic_dedup_open(DedupJob *job, const char *name, const MosaicDedupArguments *args, Snapshot snapshot)
{
	MosaicDedupOptions options = args->options;
	MosaicError error;

	options.unjudged = args->validation == NULL;
	job->name = pstrdup(name);
	if (OidIsValid(args->metric_function))
		job->function = mosaic_metric_function(args->metric_function);
	job->query = args->validation;
	job->metric = job->function ? job->function->name : args->options.metric;
	job->max_drop = args->options.max_drop;
	job->reuse = args->reuse;
	job->original = args->original;
	job->exact = args->exact;
	job->ladder = args->options.ladder;
	job->callback.func = free_job;
	job->callback.arg = job;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &job->callback);
	mosaic_dedup_check(mosaic_dedup_new(&options, &job->dedup, &error), &error);
	job->snapshot = RegisterSnapshot(snapshot);
	mosaic_check_format(job->snapshot);
	if (args->staged && !args->staged->settled)
	{
		job->staged = args->staged;
		job->row = job->staged->row;
		job->domain = job->staged->domain;
	}
	else
		mosaic_dedup_find_model(job, AccessShareLock);
}

static void
plan_nothing(DedupJob *job)
{
	MosaicError error;

	mosaic_dedup_check(mosaic_dedup_plan(job->dedup, &error), &error);
}

void
mosaic_dedup_decide(DedupJob *job)
{
	/* The cache reads a model with the active snapshot. */
	PushActiveSnapshot(job->snapshot);
	job->handle = mosaic_model_acquire(job->row);
	PopActiveSnapshot();
	mosaic_copy_maps(job);
	job->descs = palloc0(Max(job->handle->ntensors, 1) * sizeof *job->descs);
	mosaic_scan_tensors(job->handle->key.model_id, job->snapshot, describe_tensor, job);
	mosaic_reader_open(&job->reader);
	job->own = mosaic_distinct_blocks(job->handle);
	if (job->exact)
		plan_nothing(job);
	else
	{
		mosaic_recall_decisions(job);
		mosaic_find_merges(job);
	}
	mosaic_pass_gate(job);
}

void
mosaic_dedup_close(DedupJob *job)
{
	mosaic_reader_close(&job->reader);
	UnregisterSnapshot(job->snapshot);
}

/*
 * A job that was decided, and that holds under the store's lock.  Where it does not, it is decided again,
 * and then nothing can change any more.  In the current context, which may be reset on the way.
 */
static DedupJob *
decide(const char *name, const MosaicDedupArguments *args)
{
	for (int attempt = 1;; attempt++)
	{
		DedupJob   *job = palloc0(sizeof *job);

		job->changes = true;
		mosaic_dedup_open(job, name, args, GetLatestSnapshot());
		mosaic_dedup_decide(job);
		if (job->staged)
			mosaic_settle_model(job->staged);
		job->staged = NULL;
		if (mosaic_dedup_holds(job))
			return job;
		if (attempt == 2)
			elog(ERROR, "model \"%s\" has changed under the store's lock", name);
		mosaic_dedup_close(job);
		MemoryContextReset(CurrentMemoryContext);
	}
}

void
mosaic_dedup_warn(const DedupJob *job, const MosaicDedupResult *result)
{
	double		standard_error = mosaic_dedup_standard_error(job->dedup);

	if (job->query == NULL || !(job->max_drop < standard_error))
		return;
	ereport(WARNING,
			(errmsg("max_drop is smaller than the standard error of %s", job->metric),
			 errdetail("The metric is %g with a standard error of %g; max_drop is %g.", result->metric_after,
					   standard_error, job->max_drop),
			 errhint("The error falls with the square root of the number of rows of the validation query.")));
}

void
mosaic_dedup_stored(const char *name, const MosaicDedupArguments *args, MosaicDedupOutcome *outcome)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic dedup",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	DedupJob   *job;
	int64		model_id;
	MosaicError error;

	mosaic_check_may_write();
	mosaic_progress_start(MOSAIC_PROGRESS_DEDUP);
	job = decide(name, args);
	mosaic_dedup_check(mosaic_dedup_result(job->dedup, &outcome->result, &error), &error);
	outcome->blocks = job->handle->nblocks;
	outcome->bytes_freed = 0;
	outcome->judged = args->validation != NULL;
	mosaic_dedup_check(mosaic_dedup_rungs(job->dedup, &outcome->rungs, &error), &error);
	outcome->standard_error = mosaic_dedup_standard_error(job->dedup);
	model_id = job->handle->key.model_id;
	if (outcome->result.merged > 0 || outcome->rungs.lossless > 0)
		model_id = mosaic_write_merges(job, &outcome->bytes_freed);
	if (!job->exact)
		mosaic_write_log(job, model_id);
	mosaic_dedup_warn(job, &outcome->result);
	mosaic_dedup_close(job);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
	if (!outcome->judged)
		ereport(NOTICE,
				(errmsg("accuracy of model \"%s\" is not checked", name),
				 errdetail("No weight differs by more than %g from the model as it was.",
						   args->options.max_weight_error)));
}
