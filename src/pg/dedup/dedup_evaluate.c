/*
 * dedup_evaluate.c
 *		One evaluation: the model's predictions for all rows with some maps, and what the metric
 *		says of them.
 *
 * Rows of the same shape are computed as batches; the dedup keeps of each batch
 * what the next evaluation need not compute again.  Batches are therefore the
 * same ones in each evaluation: the first is one row, whose activations tell how
 * many rows fit in work_mem.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "dedup_validation.h"
#include "mosaic/capi_delta.h"
#include "mosaic/capi_ladder.h"
#include "elements.h"
#include "errors.h"
#include "made_blocks.h"
#include "pins.h"
#include "predict_item.h"
#include "predictor.h"

#define MAX_ITEMS 256

typedef struct Evaluation
{
	MosaicValidation *v;
	MosaicPins *pins;
	MosaicExec *exec;
	const void **payloads;
	MemoryContextCallback callback;

	/* The batch: rows v->row - n ... */
	MemoryContext cxt;
	int64		number;
	int			n,
				room;
	MosaicTensorView *inputs;	/* of one item; elements for room of them */
	Datum	   *labels;

	/* What is made of its predictions. */
	bool		first;			/* the model as it is */
	int64		sample;			/* only so many rows, whose outputs are wanted; 0: all */
	TupleTableSlot *reference;	/* its outputs for a row, unless first */
	Tuplestorestate *outputs;	/* for a metric of the user's own */
	TupleDesc	outputs_desc;
	int16		label_len;
	bool		label_byval;
} Evaluation;

static void
free_exec(void *arg)
{
	mosaic_exec_free(((Evaluation *) arg)->exec);
}

/* In the current context, which is that of the evaluation. */
static Evaluation *
begin_evaluation(MosaicValidation *v, MosaicModelHandle *candidate, bool first)
{
	Evaluation *e = palloc0(sizeof *e);
	int			window;
	MosaicError error;

	e->v = v;
	e->first = first;
	e->sample = mosaic_dedup_sample(v->dedup);
	e->callback.func = free_exec;
	e->callback.arg = e;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &e->callback);
	e->pins = mosaic_pins_new(CurrentMemoryContext, candidate);
	window = mosaic_pins_window(e->pins);
	e->payloads = palloc(window * sizeof(void *));
	if (mosaic_exec_new(candidate->model, window, &e->exec, &error) != MOSAIC_OK)
		mosaic_report(&error);
	mosaic_exec_set_memory_limit(e->exec, mosaic_predict_memory * INT64CONST(1024),
								 mosaic_predict_memory * INT64CONST(1024));
	mosaic_exec_set_made_blocks(e->exec, mosaic_made_window(candidate));
	e->cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic validation batch",
								   ALLOCSET_DEFAULT_SIZES);
	e->inputs = palloc0(Max(v->ninputs, 1) * sizeof *e->inputs);
	e->labels = palloc(MAX_ITEMS * sizeof *e->labels);
	if (v->labels)
		get_typlenbyval(TupleDescAttr(v->desc, v->ninputs)->atttypid, &e->label_len, &e->label_byval);
	if (v->function != NULL && e->sample == 0)
	{
		e->outputs_desc = mosaic_metric_desc(v->function, v->labels ?
											 TupleDescAttr(v->desc, v->ninputs)->atttypid : InvalidOid);
		e->outputs = tuplestore_begin_heap(true, false, work_mem);
	}
	if (v->reference_desc != NULL && !first && e->sample == 0)
	{
		tuplestore_rescan(v->references);
		e->reference = MakeSingleTupleTableSlot(v->reference_desc, &TTSOpsMinimalTuple);
	}
	return e;
}

/* ---- running ---- */

static MosaicCode
run(Evaluation *e, MosaicCode code, MosaicTensorView *output, MosaicError *error)
{
	MosaicBlockRequest request;

	if (code != MOSAIC_OK)
		return code;
	while ((code = mosaic_exec_step(e->exec, &request, error)) != MOSAIC_OK)
	{
		CHECK_FOR_INTERRUPTS();
		if (code == MOSAIC_NEED_BLOCKS)
		{
			mosaic_pins_get(e->pins, request.tensor, request.count, request.indexes, mosaic_exec_takes_deltas(e->exec),
							e->payloads);
			mosaic_exec_supply(e->exec, e->payloads);
		}
		else if (code != MOSAIC_MORE)
			return code;
	}
	while ((code = mosaic_exec_item_output(e->exec, 0, false, output, error)) == MOSAIC_MORE)
		CHECK_FOR_INTERRUPTS();
	return code;
}

static Size
item_bytes(const MosaicTensorView *view)
{
	return mosaic_view_size(view) * mosaic_dtype_size(view->dtype);
}

/* ---- judging ---- */

static void
judge_reference(Evaluation *e, const float4 *outputs, int64 n)
{
	MosaicValidation *v = e->v;
	double	   *expected = palloc(Max(n, 1) * sizeof(double));
	const float4 *reference = outputs;
	MosaicError error;

	if (e->first)
	{
		Size		bytes = VARHDRSZ + n * sizeof(float4);
		bytea	   *kept = palloc(bytes);
		Datum		value = PointerGetDatum(kept);
		bool		isnull = false;

		SET_VARSIZE(kept, bytes);
		memcpy(VARDATA(kept), outputs, n * sizeof(float4));
		tuplestore_putvalues(v->references, v->reference_desc, &value, &isnull);
	}
	else
	{
		bool		isnull;
		bytea	   *kept;

		if (!tuplestore_gettupleslot(v->references, true, false, e->reference))
			elog(ERROR, "outputs of row " INT64_FORMAT " are missing", v->row);
		kept = DatumGetByteaPCopy(slot_getattr(e->reference, 1, &isnull));
		if (VARSIZE(kept) - VARHDRSZ != n * sizeof(float4))
			elog(ERROR, "outputs of different sizes");
		reference = memcpy(palloc(Max(n, 1) * sizeof(float4)), VARDATA(kept), n * sizeof(float4));
		/* One that was read from disk lies in the batch's memory, which the slot must not free later. */
		ExecClearTuple(e->reference);
	}
	for (int64 i = 0; i < n; i++)
		expected[i] = reference[i];
	if (mosaic_dedup_row(v->dedup, outputs, n, expected, &error) != MOSAIC_OK)
		mosaic_report(&error);
}

static void
judge_row(Evaluation *e, int item, const MosaicTensorView *output, int64 first, int64 n)
{
	MosaicValidation *v = e->v;
	ArrayType  *array = mosaic_make_result(false, 1, 1, &n);
	float4	   *outputs = (float4 *) ARR_DATA_PTR(array);
	double		number;
	MosaicError error;

	if (n > 0)
		mosaic_copy_floats(outputs, output, first, n);
	if (mosaic_dedup_sample_row(v->dedup, outputs, n, &error) != MOSAIC_OK)
		mosaic_report(&error);
	if (e->sample > 0)
		return;
	if (v->function != NULL)
	{
		Datum		values[2] = {PointerGetDatum(array), e->labels[item]};
		bool		nulls[2] = {false};

		tuplestore_putvalues(e->outputs, e->outputs_desc, values, nulls);
	}
	else if (!v->labels)
		judge_reference(e, outputs, n);
	else
	{
		number = mosaic_validation_number(v, e->labels[item]);
		if (mosaic_dedup_row(v->dedup, outputs, n, &number, &error) != MOSAIC_OK)
			mosaic_report(&error);
	}
}

/* A batch failed: row by row, for what is wrong with which of them. */
static void
run_each(Evaluation *e)
{
	int64		first = e->v->row;

	for (int i = 0; i < e->n; i++)
	{
		MosaicTensorView *inputs = palloc(Max(e->v->ninputs, 1) * sizeof *inputs);
		MosaicTensorView output;
		MosaicError error;

		e->v->row = first + i;
		for (int k = 0; k < e->v->ninputs; k++)
		{
			inputs[k] = e->inputs[k];
			inputs[k].data = (const char *) inputs[k].data + i * item_bytes(&inputs[k]);
		}
		if (run(e, mosaic_exec_start(e->exec, inputs, 1, true, &error), &output, &error) != MOSAIC_OK)
			mosaic_report(&error);
		judge_row(e, i, &output, 0, mosaic_view_size(&output));
	}
}

/* How many rows are run at once, by what one took. */
static int
items_that_fit(Evaluation *e)
{
	MosaicValidation *v = e->v;
	int64		bytes = Max(mosaic_exec_memory(e->exec), 1);

	if (!mosaic_model_items_independent(v->model))
		return 1;
	for (int i = 0; i < v->ninputs; i++)
		bytes += item_bytes(&e->inputs[i]);
	return v->ninputs == 0 ? 1 : (int) Max(1, Min(MAX_ITEMS, work_mem * INT64CONST(1024) / bytes));
}

/* Computes and judges the rows of the batch.  v->row is left at the row behind it. */
static void
run_batch(Evaluation *e)
{
	MosaicValidation *v = e->v;
	MemoryContext saved = MemoryContextSwitchTo(e->cxt);
	MosaicTensorView *inputs = palloc(Max(v->ninputs, 1) * sizeof *inputs);
	int64		behind = v->row;
	MosaicTensorView output;
	MosaicError error;
	MosaicCode	code;

	memcpy(inputs, e->inputs, v->ninputs * sizeof *inputs);
	for (int i = 0; e->n > 1 && i < v->ninputs; i++)
		inputs[i].dims[mosaic_model_input(v->model, i)->item_axis] = e->n;
	v->row = behind - e->n;
	/* What is kept of batches is of evaluations with a metric. */
	code = e->sample > 0 ? mosaic_exec_start(e->exec, inputs, e->n, true, &error) :
		mosaic_dedup_start(v->dedup, e->exec, e->number, inputs, e->n, &error);
	code = run(e, code, &output, &error);
	if (code == MOSAIC_OK)
	{
		int64		n = mosaic_view_size(&output);

		for (int i = 0; i < e->n; i++, v->row++)
			judge_row(e, i, &output, i * n, n);
	}
	else if (e->n > 1)
		run_each(e);
	else
		mosaic_report(&error);
	if (v->max_items == 0)
		v->max_items = items_that_fit(e);
	v->row = behind;
	e->n = 0;
	e->number++;
	MemoryContextSwitchTo(saved);
	MemoryContextReset(e->cxt);
}

/* Whether an item has the shape of those in the batch. */
static bool
fits(const Evaluation *e, const MosaicTensorView *item)
{
	for (int i = 0; i < e->v->ninputs; i++)
		if (item[i].ndim != e->inputs[i].ndim ||
			memcmp(item[i].dims, e->inputs[i].dims, item[i].ndim * sizeof *item[i].dims) != 0)
			return false;
	return true;
}

static void
add_to_batch(Evaluation *e, const MosaicTensorView *item, Datum label)
{
	MosaicValidation *v = e->v;
	MemoryContext saved = MemoryContextSwitchTo(e->cxt);
	bool		grow = e->n == 0 || e->n == e->room;

	if (grow)
		e->room = e->n == 0 ? Min(4, Max(v->max_items, 1)) : Min(2 * e->room, MAX_ITEMS);
	for (int i = 0; i < v->ninputs; i++)
	{
		Size		bytes = item_bytes(&item[i]);
		char	   *elements;

		if (grow)
		{
			elements = MemoryContextAllocHuge(e->cxt, Max(bytes, 1) * e->room);
			if (e->n > 0)
				memcpy(elements, e->inputs[i].data, bytes * e->n);
			e->inputs[i] = item[i];
			e->inputs[i].data = elements;
		}
		memcpy((char *) e->inputs[i].data + bytes * e->n, item[i].data, bytes);
	}
	e->labels[e->n++] = v->labels ? datumCopy(label, e->label_byval, e->label_len) : (Datum) 0;
	MemoryContextSwitchTo(saved);
}

static void
show_row(void *arg)
{
	errcontext("row " INT64_FORMAT " of the validation query", ((MosaicValidation *) arg)->row);
}

static void
run_rows(Evaluation *e)
{
	MosaicValidation *v = e->v;
	MemoryContext row_cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic validation row",
												  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(v->desc, &TTSOpsMinimalTuple);
	MosaicTensorView *item = palloc(Max(v->ninputs, 1) * sizeof *item);
	ErrorContextCallback callback = {error_context_stack, show_row, v};

	error_context_stack = &callback;
	tuplestore_rescan(v->rows);
	for (v->row = 1; (e->sample == 0 || v->row <= e->sample) && tuplestore_gettupleslot(v->rows, true, false, slot);
		 v->row++)
	{
		MemoryContext saved = MemoryContextSwitchTo(row_cxt);
		Datum		label;

		CHECK_FOR_INTERRUPTS();
		mosaic_validation_bind(v, slot, item);
		label = v->labels ? mosaic_validation_label(v, slot) : (Datum) 0;
		/* The first batch is one row in each evaluation, or none of the others were the same. */
		if (e->n > 0 && (e->number == 0 || e->n >= v->max_items || !fits(e, item)))
			run_batch(e);
		add_to_batch(e, item, label);
		MemoryContextSwitchTo(saved);
		MemoryContextReset(row_cxt);
	}
	run_batch(e);
	error_context_stack = callback.previous;
	ExecDropSingleTupleTableSlot(slot);
}

void
mosaic_validation_run(MosaicValidation *v, MosaicModelHandle *candidate)
{
	bool		first = v->max_items == 0;
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic evaluation",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = CurrentMemoryContext;
	Evaluation *e;
	MosaicError error;
	MosaicCode	code;

	if (first && v->reference_desc != NULL)
		v->references = tuplestore_begin_heap(false, false, work_mem);
	MemoryContextSwitchTo(cxt);
	e = begin_evaluation(v, candidate, first);
	run_rows(e);
	if (e->sample > 0)
	{
		mosaic_dedup_report_sample(v->dedup);
		code = MOSAIC_OK;
	}
	else if (v->function != NULL)
	{
		double		standard_error;
		double		value = mosaic_metric_value(v->function, e->outputs, e->outputs_desc, &standard_error);

		tuplestore_end(e->outputs);
		code = mosaic_dedup_report_value(v->dedup, value, standard_error, &error);
	}
	else
		code = mosaic_dedup_report(v->dedup, &error);
	if (code != MOSAIC_OK)
		mosaic_report(&error);
	if (e->reference)
		ExecDropSingleTupleTableSlot(e->reference);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
}
