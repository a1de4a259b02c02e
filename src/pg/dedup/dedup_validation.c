/*
 * dedup_validation.c
 *		The rows that a model is judged by, and its predictions for them with any maps.
 *
 * A row is an array of features, as predict() takes it, and where the metric
 * wants one a label.  Metrics without labels hold the candidate against the
 * original model, which is run beside it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "dedup_validation.h"
#include "elements.h"
#include "errors.h"
#include "pins.h"
#include "predict_item.h"

#define FETCH_ROWS 256

/* A model that runs with its own maps. */
typedef struct Runner
{
	MosaicModelHandle *handle;
	MosaicPins *pins;
	MosaicExec *exec;
	const void **payloads;
	MemoryContextCallback callback;
} Runner;

struct MosaicValidation
{
	MosaicModelHandle *original;
	bool		labels;
	Oid			label_type;
	Tuplestorestate *rows;
	TupleDesc	desc;
	MemoryContext row_cxt;
	int64		row;			/* 1 ..., for messages */
};

static void
bad_validation(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the validation query does not fit"),
			 errdetail("%s", detail),
			 errhint("It selects an array of features, as predict() takes it, and a number as label if the metric needs one.")));
}

static void
check_columns(MosaicValidation *v)
{
	int			expected = v->labels ? 2 : 1;

	if (v->desc->natts != expected && !(v->desc->natts == 2 && !v->labels))
		bad_validation(psprintf("It returns %d columns; the metric needs %d.", v->desc->natts, expected));
	if (!OidIsValid(get_element_type(TupleDescAttr(v->desc, 0)->atttypid)))
		bad_validation(psprintf("Column \"%s\" is no array.", NameStr(TupleDescAttr(v->desc, 0)->attname)));
	if (!v->labels)
		return;
	v->label_type = TupleDescAttr(v->desc, 1)->atttypid;
	switch (v->label_type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
		case BOOLOID:
			return;
		default:
			bad_validation(psprintf("Column \"%s\" is of type %s, not a number.",
									NameStr(TupleDescAttr(v->desc, 1)->attname),
									format_type_be(v->label_type)));
	}
}

MosaicValidation *
mosaic_validation_open(const char *query, bool labels, MosaicModelHandle *original)
{
	MosaicValidation *v = palloc0(sizeof *v);
	MemoryContext cxt = CurrentMemoryContext;
	SPIPlanPtr	plan;
	Portal		portal;

	v->original = original;
	v->labels = labels;
	v->row_cxt = AllocSetContextCreate(cxt, "pg_mosaic validation row", ALLOCSET_DEFAULT_SIZES);
	v->rows = tuplestore_begin_heap(true, false, work_mem);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_DEFINITION),
				 errmsg("the validation query must be one SELECT")));
	/* Read only: the query sees what the statement sees, and may not write. */
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (v->desc == NULL)
		{
			MemoryContext saved = MemoryContextSwitchTo(cxt);

			v->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
			MemoryContextSwitchTo(saved);
			check_columns(v);
		}
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(v->rows, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
	if (tuplestore_tuple_count(v->rows) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("the validation query returns no rows")));
	return v;
}

void
mosaic_validation_close(MosaicValidation *v)
{
	tuplestore_end(v->rows);
	MemoryContextDelete(v->row_cxt);
}

/* ---- running ---- */

static void
free_exec(void *arg)
{
	mosaic_exec_free(((Runner *) arg)->exec);
}

static Runner *
new_runner(MosaicModelHandle *handle)
{
	Runner	   *r = palloc0(sizeof *r);
	int			window;
	MosaicError error;

	r->callback.func = free_exec;
	r->callback.arg = r;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &r->callback);
	r->handle = handle;
	r->pins = mosaic_pins_new(CurrentMemoryContext, handle);
	window = mosaic_pins_window(r->pins);
	r->payloads = palloc(window * sizeof(void *));
	if (mosaic_exec_new(handle->model, window, &r->exec, &error) != MOSAIC_OK)
		mosaic_report(&error);
	return r;
}

/* The first output for one item, as float4. */
static float4 *
run(Runner *r, MosaicTensorView *input, int64 *n)
{
	MosaicBlockRequest request;
	MosaicTensorView output;
	MosaicError error;
	MosaicCode	code = mosaic_exec_start(r->exec, input, 1, &error);
	float4	   *values;

	if (code == MOSAIC_OK)
		while ((code = mosaic_exec_step(r->exec, &request, &error)) != MOSAIC_OK)
		{
			CHECK_FOR_INTERRUPTS();
			if (code == MOSAIC_NEED_BLOCKS)
			{
				mosaic_pins_get(r->pins, request.tensor, request.count, request.indexes, r->payloads);
				mosaic_exec_supply(r->exec, r->payloads);
			}
			else if (code != MOSAIC_MORE)
				break;
		}
	if (code == MOSAIC_OK)
		code = mosaic_exec_output(r->exec, 0, &output, &error);
	if (code != MOSAIC_OK)
		mosaic_report(&error);
	*n = mosaic_view_size(&output);
	values = palloc(Max(*n, 1) * sizeof(float4));
	mosaic_copy_floats(values, &output, 0, *n);
	return values;
}

static double
label_of(MosaicValidation *v, Datum datum)
{
	switch (v->label_type)
	{
		case INT2OID:
			return DatumGetInt16(datum);
		case INT4OID:
			return DatumGetInt32(datum);
		case INT8OID:
			return (double) DatumGetInt64(datum);
		case FLOAT4OID:
			return DatumGetFloat4(datum);
		case FLOAT8OID:
			return DatumGetFloat8(datum);
		case BOOLOID:
			return DatumGetBool(datum);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, datum));
	}
}

static MosaicTensorView
bind_features(MosaicValidation *v, ArrayType *array)
{
	const MosaicModel *model = v->original->model;
	const MosaicValueInfo *info = mosaic_model_input(model, 0);
	int64		dims[MAXDIM];
	MosaicBinding binding;
	MosaicError error;

	if (ARR_NDIM(array) == 0)
		bad_validation("An array of features is empty.");
	for (int i = 0; i < ARR_NDIM(array); i++)
		dims[i] = ARR_DIMS(array)[i];
	if (mosaic_model_bind(model, 0, ARR_NDIM(array), dims, &binding, &error) != MOSAIC_OK)
		mosaic_report(&error);
	if (binding.batch)
		bad_validation("An array of features holds a batch; a row is one item.");
	return mosaic_bound_view(info->dtype, &binding,
							 mosaic_elements_of_array(array, info->dtype, info->name));
}

static void
judge_row(MosaicValidation *v, Runner *candidate, Runner *original, TupleTableSlot *slot,
		  MosaicDedup *dedup)
{
	MosaicTensorView input;
	bool		isnull;
	Datum		features = slot_getattr(slot, 1, &isnull);
	int64		n,
				m;
	float4	   *outputs;
	double	   *expected;
	MosaicError error;

	if (isnull || (v->labels && (slot_getattr(slot, 2, &isnull), isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the validation query returns a NULL")));
	input = bind_features(v, DatumGetArrayTypeP(features));
	outputs = run(candidate, &input, &n);
	expected = palloc(Max(n, 1) * sizeof(double));
	if (v->labels)
		expected[0] = label_of(v, slot_getattr(slot, 2, &isnull));
	else
	{
		float4	   *reference = run(original, &input, &m);

		if (m != n)
			elog(ERROR, "outputs of different sizes");
		for (int64 i = 0; i < n; i++)
			expected[i] = reference[i];
	}
	if (mosaic_dedup_row(dedup, outputs, n, expected, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

static void
show_row(void *arg)
{
	errcontext("row " INT64_FORMAT " of the validation query", ((MosaicValidation *) arg)->row);
}

void
mosaic_validation_run(MosaicValidation *v, MosaicModelHandle *candidate, MosaicDedup *dedup)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic evaluation",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(v->desc, &TTSOpsMinimalTuple);
	Runner	   *runner = new_runner(candidate);
	Runner	   *original = v->labels ? NULL : new_runner(v->original);
	ErrorContextCallback callback = {error_context_stack, show_row, v};

	error_context_stack = &callback;
	tuplestore_rescan(v->rows);
	for (v->row = 1; tuplestore_gettupleslot(v->rows, true, false, slot); v->row++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(v->row_cxt);
		judge_row(v, runner, original, slot, dedup);
		MemoryContextReset(v->row_cxt);
	}
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(saved);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(cxt);
}
