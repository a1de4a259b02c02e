/*
 * dedup_validation.c
 *		The rows that a model is judged by: read, kept, and bound to its inputs.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "dedup_validation.h"
#include "elements.h"
#include "errors.h"
#include "predict_item.h"
#include "read_only.h"

#define FETCH_ROWS 256

static void
bad_validation(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the validation query does not fit"),
			 errdetail("%s", detail),
			 errhint("It selects an array of features, as predict() takes it, for each input of the model, and a label if the metric needs one.")));
}

static void
check_label(MosaicValidation *v)
{
	Form_pg_attribute column = TupleDescAttr(v->desc, v->ninputs);

	/* A metric of the user's own takes labels of its own. */
	if (v->function != NULL)
		return;
	switch (column->atttypid)
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
									NameStr(column->attname), format_type_be(column->atttypid)));
	}
}

/* A label is allowed where it is not needed. */
static void
check_columns(MosaicValidation *v)
{
	int			needed = v->ninputs + v->labels;

	if (v->desc->natts != needed && v->desc->natts != v->ninputs + 1)
		bad_validation(psprintf("It returns %d columns; model and metric need %d.",
								v->desc->natts, needed));
	for (int i = 0; i < v->ninputs; i++)
		if (!OidIsValid(get_element_type(TupleDescAttr(v->desc, i)->atttypid)))
			bad_validation(psprintf("Column \"%s\" is no array.",
									NameStr(TupleDescAttr(v->desc, i)->attname)));
	if (v->labels)
		check_label(v);
}

/* Whole: what a row refers to may be gone with the query's subtransaction. */
static void
keep_row(MosaicValidation *v, HeapTuple row, TupleDesc desc)
{
	HeapTuple	whole = HeapTupleHasExternal(row) ? toast_flatten_tuple(row, desc) : row;

	tuplestore_puttuple(v->rows, whole);
	if (whole != row)
		heap_freetuple(whole);
}

typedef struct ValidationQuery
{
	MosaicValidation *v;
	const char *query;
	MemoryContext cxt;			/* of v */
} ValidationQuery;

static void
read_rows(void *arg)
{
	ValidationQuery *q = arg;
	MosaicValidation *v = q->v;
	SPIPlanPtr	plan;
	Portal		portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(q->query, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_DEFINITION),
				 errmsg("the validation query must be one SELECT")));
	/* The query sees what the statement sees. */
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (v->desc == NULL)
		{
			MemoryContext saved = MemoryContextSwitchTo(q->cxt);

			v->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
			MemoryContextSwitchTo(saved);
			check_columns(v);
		}
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
			keep_row(v, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_finish();
}

MosaicValidation *
mosaic_validation_open(const char *query, const MosaicModel *model, MosaicDedup *dedup,
					   MosaicMetricFunction *function)
{
	MosaicValidation *v = palloc0(sizeof *v);
	ValidationQuery q = {v, query, CurrentMemoryContext};

	v->model = model;
	v->dedup = dedup;
	v->function = function;
	v->ninputs = mosaic_model_input_count(model);
	v->labels = function != NULL ? function->labels : mosaic_dedup_uses_labels(dedup);
	v->rows = tuplestore_begin_heap(true, false, work_mem);
	if (function == NULL && !v->labels)
	{
		v->reference_desc = CreateTemplateTupleDesc(1);
		TupleDescInitEntry(v->reference_desc, 1, "outputs", BYTEAOID, -1, 0);
	}
	/* SPI refuses commands that write; functions that the query calls are stopped, or undone, by this. */
	mosaic_run_read_only(read_rows, &q);
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
	if (v->references)
		tuplestore_end(v->references);
}

static Datum
column(TupleTableSlot *slot, int i)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, i + 1, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the validation query returns a NULL")));
	return value;
}

static MosaicTensorView
bind_array(const MosaicModel *model, int input, ArrayType *array)
{
	const MosaicValueInfo *info = mosaic_model_input(model, input);
	int64		dims[MAXDIM];
	MosaicBinding binding;
	MosaicError error;

	if (ARR_NDIM(array) == 0)
		bad_validation("An array of features is empty.");
	for (int i = 0; i < ARR_NDIM(array); i++)
		dims[i] = ARR_DIMS(array)[i];
	if (mosaic_model_bind(model, input, ARR_NDIM(array), dims, &binding, &error) != MOSAIC_OK)
		mosaic_report(&error);
	if (binding.batch)
		bad_validation("An array of features holds a batch; a row is one item.");
	return mosaic_bound_view(info->dtype, &binding,
							 mosaic_elements_of_array(array, info->dtype, info->name));
}

void
mosaic_validation_bind(MosaicValidation *v, TupleTableSlot *slot, MosaicTensorView *inputs)
{
	for (int i = 0; i < v->ninputs; i++)
		inputs[i] = bind_array(v->model, i, DatumGetArrayTypeP(column(slot, i)));
}

Datum
mosaic_validation_label(MosaicValidation *v, TupleTableSlot *slot)
{
	return column(slot, v->ninputs);
}

double
mosaic_validation_number(MosaicValidation *v, Datum label)
{
	switch (TupleDescAttr(v->desc, v->ninputs)->atttypid)
	{
		case INT2OID:
			return DatumGetInt16(label);
		case INT4OID:
			return DatumGetInt32(label);
		case INT8OID:
			return (double) DatumGetInt64(label);
		case FLOAT4OID:
			return DatumGetFloat4(label);
		case FLOAT8OID:
			return DatumGetFloat8(label);
		case BOOLOID:
			return DatumGetBool(label);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8, label));
	}
}
