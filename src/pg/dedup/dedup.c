/*
 * dedup.c
 *		dedup_model() and plan_dedup(): near duplicates of a stored model's blocks, merged
 *		as far as a metric over a validation set allows (docs/dedup.md).
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "dedup.h"
#include "dedup_job.h"
#include "progress.h"

char *
mosaic_dedup_name(FunctionCallInfo fcinfo)
{
	mosaic_check_catalogs();
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("name must not be NULL")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_dedup_model);
Datum
mosaic_pg_dedup_model(PG_FUNCTION_ARGS)
{
	TimestampTz start = GetCurrentTimestamp();
	char	   *name = mosaic_dedup_name(fcinfo);
	MosaicDedupArguments args;
	MosaicDedupOutcome outcome;
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {false};

	mosaic_dedup_arguments(fcinfo, 1, &args);
	mosaic_dedup_stored(name, &args, &outcome);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Int64GetDatum(outcome.blocks);
	values[2] = Int64GetDatum(outcome.result.candidates);
	values[3] = Int64GetDatum(outcome.result.merged);
	values[4] = Int64GetDatum(outcome.bytes_freed);
	values[5] = Float8GetDatum(outcome.result.metric_before);
	values[6] = Float8GetDatum(outcome.result.metric_after);
	nulls[5] = nulls[6] = !outcome.judged;
	values[7] = Int32GetDatum((int32) outcome.result.evaluations);
	values[8] = Float8GetDatum((GetCurrentTimestamp() - start) / 1e6);
	values[9] = Float8GetDatum(outcome.standard_error);
	nulls[9] = !outcome.judged || isnan(outcome.standard_error);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

void
mosaic_dedup_plan_rows(FunctionCallInfo fcinfo, const char *name, MosaicDedupArguments *args, int curve_points)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	DedupJob   *job;
	MosaicDedupResult result;
	MosaicError error;
	PlannedModel model = {0};

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("validation must not be NULL")));
	if (PG_ARGISNULL(curve_points))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("curve_points must not be NULL")));
	args->options.curve_points = PG_GETARG_INT32(curve_points);
	InitMaterializedSRF(fcinfo, 0);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic dedup", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	job = palloc0(sizeof *job);
	mosaic_progress_start(MOSAIC_PROGRESS_DEDUP);
	mosaic_dedup_open(job, name, args, GetActiveSnapshot());
	mosaic_dedup_decide(job);
	mosaic_dedup_check(mosaic_dedup_result(job->dedup, &result, &error), &error);
	if (job->ladder)
		model = mosaic_planned_model(job);
	for (int64 i = 0; i < result.evaluations; i++)
	{
		MosaicDedupPoint point;
		Datum		values[15];
		bool		nulls[15] = {false};

		CHECK_FOR_INTERRUPTS();
		mosaic_dedup_check(mosaic_dedup_point(job->dedup, i, &point, &error), &error);
		values[0] = Int32GetDatum((int32) i + 1);
		values[1] = Int64GetDatum(point.merged);
		values[2] = Int64GetDatum(point.bytes);
		values[3] = Float8GetDatum(point.metric);
		values[4] = BoolGetDatum(point.kept);
		values[5] = Float8GetDatum(point.standard_error);
		nulls[5] = isnan(point.standard_error);
		if (job->ladder)
			mosaic_plan_rungs(job, &model, i, point.bytes, values + 6);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	mosaic_dedup_warn(job, &result);
	mosaic_dedup_close(job);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_plan_dedup);
Datum
mosaic_pg_plan_dedup(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_dedup_name(fcinfo);
	MosaicDedupArguments args;

	mosaic_dedup_arguments(fcinfo, 1, &args);
	mosaic_dedup_plan_rows(fcinfo, name, &args, 11);
	return (Datum) 0;
}
