/*
 * predict_batch.c
 *		Calls of predict() for many rows at once.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "elements.h"
#include "predict_batch.h"
#include "predict_item.h"

/* Rows that are computed together: same model, same shape. */
typedef struct RowGroup
{
	MosaicPredictor *p;
	int			ndim;			/* of the arrays */
	int			dims[MAXDIM];
	MosaicBinding binding;		/* of one item */
	int64		item_bytes;
	int			n,
				room;
	int		   *rows;			/* n */
	char	   *elements;		/* n items */
} RowGroup;

typedef struct Call
{
	MosaicPredictFn fn;
	ExprState  *model,
			   *features,
			   *function;		/* the call as SQL makes it */
	int			ngroups;
	RowGroup	   *groups;			/* max_rows */
	Size		value_bytes;	/* of the largest value */
	/* by row */
	Datum	   *values;
	bool	   *isnull;
	int		   *group;			/* -1: the value is there */
	int		   *place;			/* in its group */
} Call;

struct MosaicBatch
{
	int			max_rows;
	int			n;
	int			ncalls;
	Call	   *calls;
	FmgrInfo	models;			/* keeps the predictors of all calls */
	MemoryContext cxt;			/* reset with the batch */
	MemoryContext values_cxt;	/* its child, of the values */
	MemoryContext single_cxt;	/* of values that are computed when asked for: reset with the row */
	bool		added;			/* elements since the last run */
	Size		row_bytes;		/* the calls' value_bytes */
	bool		timed;			/* operators are measured, for EXPLAIN */
	MosaicBatchStats stats;
};

static void
init_call(Call *call, FuncExpr *f, PlanState *parent, int max_rows)
{
	if (!mosaic_predict_function(f->funcid, &call->fn))
		elog(ERROR, "function %u cannot be batched", f->funcid);
	call->model = ExecInitExpr(linitial(f->args), parent);
	call->features = ExecInitExpr(lsecond(f->args), parent);
	call->function = ExecInitExpr((Expr *) f, parent);	/* checks the right to execute it, too */
	call->groups = palloc0(max_rows * sizeof *call->groups);
	call->values = palloc(max_rows * sizeof *call->values);
	call->isnull = palloc(max_rows * sizeof *call->isnull);
	call->group = palloc(max_rows * sizeof *call->group);
	call->place = palloc(max_rows * sizeof *call->place);
}

MosaicBatch *
mosaic_batch_new(PlanState *parent, List *calls, int max_rows)
{
	MemoryContext saved = MemoryContextSwitchTo(parent->state->es_query_cxt);
	MosaicBatch *b = palloc0(sizeof *b);

	b->max_rows = max_rows;
	b->timed = (parent->state->es_instrument & INSTRUMENT_TIMER) != 0;
	b->ncalls = list_length(calls);
	b->calls = palloc0(b->ncalls * sizeof *b->calls);
	for (int i = 0; i < b->ncalls; i++)
		init_call(&b->calls[i], list_nth_node(FuncExpr, calls, i), parent, max_rows);
	b->models.fn_mcxt = parent->state->es_query_cxt;
	/* A row may name a model for each call, and groups refer to them. */
	mosaic_predictor_room(&b->models, b->ncalls);
	b->cxt = AllocSetContextCreate(parent->state->es_query_cxt, "pg_mosaic batch", ALLOCSET_DEFAULT_SIZES);
	b->values_cxt = AllocSetContextCreate(b->cxt, "pg_mosaic batch, values", ALLOCSET_DEFAULT_SIZES);
	b->single_cxt = AllocSetContextCreate(parent->state->es_query_cxt, "pg_mosaic row", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(saved);
	return b;
}

void
mosaic_batch_reset(MosaicBatch *b)
{
	for (int i = 0; i < b->ncalls; i++)
		b->calls[i].ngroups = 0;
	MemoryContextReset(b->values_cxt);
	MemoryContextResetOnly(b->cxt);
	b->n = 0;
	b->added = false;
}

/* ---- adding rows ---- */

static bool
same_shape(const RowGroup *g, ArrayType *array)
{
	return g->ndim == ARR_NDIM(array) &&
		memcmp(g->dims, ARR_DIMS(array), g->ndim * sizeof(int)) == 0;
}

/* A new group for the array's shape; NULL where it is not that of one item of a batch. */
static RowGroup *
new_group(Call *call, MosaicPredictor *p, ArrayType *array)
{
	RowGroup	   *g = &call->groups[call->ngroups];
	const MosaicModel *model = mosaic_predictor_model(p);
	int64		dims[MAXDIM];

	if (mosaic_model_input_count(model) != 1 || ARR_NDIM(array) == 0 ||
		!mosaic_predictor_batches(p))
		return NULL;
	memset(g, 0, sizeof *g);
	g->p = p;
	g->ndim = ARR_NDIM(array);
	for (int i = 0; i < g->ndim; i++)
		dims[i] = g->dims[i] = ARR_DIMS(array)[i];
	if (!mosaic_predictor_try_bind(p, 0, g->ndim, dims, &g->binding) || g->binding.batch ||
		g->binding.left_out < 0)
		return NULL;
	g->item_bytes = mosaic_dtype_size(mosaic_model_input(model, 0)->dtype);
	for (int i = 0; i < g->binding.ndim; i++)
		g->item_bytes *= g->binding.dims[i];
	call->ngroups++;
	return g;
}

static RowGroup *
find_group(Call *call, MosaicPredictor *p, ArrayType *array)
{
	for (int i = call->ngroups; i-- > 0;)
		if (call->groups[i].p == p && same_shape(&call->groups[i], array))
			return &call->groups[i];
	return new_group(call, p, array);
}

/* Room for one more item. */
static void
grow(MosaicBatch *b, RowGroup *g)
{
	if (g->n < g->room)
		return;
	g->room = Min(Max(2 * g->room, 4), b->max_rows);
	if (g->rows == NULL)
	{
		g->rows = MemoryContextAlloc(b->cxt, g->room * sizeof(int));
		g->elements = MemoryContextAllocHuge(b->cxt, g->room * g->item_bytes);
	}
	else
	{
		g->rows = repalloc(g->rows, g->room * sizeof(int));
		g->elements = repalloc_huge(g->elements, g->room * g->item_bytes);
	}
}

static bool
add_features(MosaicBatch *b, Call *call, MosaicPredictor *p, ArrayType *array)
{
	RowGroup	   *g = find_group(call, p, array);

	if (g == NULL)
		return false;
	grow(b, g);
	if (!mosaic_try_elements(array, mosaic_model_input(mosaic_predictor_model(p), 0)->dtype,
							 g->elements + g->n * g->item_bytes))
		return false;
	g->rows[g->n] = b->n;
	call->group[b->n] = g - call->groups;
	call->place[b->n] = g->n++;
	b->added = true;
	return true;
}

static bool
add_to_call(MosaicBatch *b, Call *call, ExprContext *econtext, bool ready)
{
	bool		null_model,
				null_features;
	Datum		model = ExecEvalExpr(call->model, econtext, &null_model);
	Datum		features = ExecEvalExpr(call->features, econtext, &null_features);
	ArrayType  *array;
	MosaicPredictor *p;

	call->group[b->n] = -1;
	call->values[b->n] = (Datum) 0;
	call->isnull[b->n] = true;
	if (null_model || null_features)
		return true;
	array = mosaic_detoast_array(features);
	if (call->fn.columns && ARR_HASNULL(array) && array_contains_nulls(array))
		return true;
	call->isnull[b->n] = false;
	p = ready ? mosaic_predictor_ready(&b->models, DatumGetTextPP(model))
		: mosaic_predictor(&b->models, DatumGetTextPP(model));
	return p && add_features(b, call, p, array);
}

/* Forgets what the calls before the n-th have of the row that is being added. */
static void
withdraw(MosaicBatch *b, int n)
{
	for (int i = 0; i < n; i++)
	{
		Call	   *call = &b->calls[i];

		if (call->group[b->n] >= 0)
			call->groups[call->group[b->n]].n--;
	}
}

bool
mosaic_batch_add(MosaicBatch *b, ExprContext *econtext, bool ready)
{
	MemoryContext saved = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	bool		added = true;

	for (int i = 0; i < b->ncalls && added; i++)
	{
		added = add_to_call(b, &b->calls[i], econtext, ready);
		if (!added)
			withdraw(b, i);
	}
	MemoryContextSwitchTo(saved);
	if (added)
		b->n++;
	return added;
}

bool
mosaic_batch_is_full(MosaicBatch *b)
{
	return MemoryContextMemAllocated(b->cxt, false) > work_mem * (Size) 1024 ||
		b->n * b->row_bytes > work_mem * (Size) 1024;
}

void
mosaic_batch_add_computed(MosaicBatch *b, ExprContext *econtext)
{
	Assert(b->n == 0);
	for (int i = 0; i < b->ncalls; i++)
	{
		Call	   *call = &b->calls[i];
		Datum		value = ExecEvalExprSwitchContext(call->function, econtext, &call->isnull[0]);
		MemoryContext saved = MemoryContextSwitchTo(b->cxt);

		call->values[0] = call->isnull[0] ? (Datum) 0 : datumCopy(value, call->fn.to_class, call->fn.to_class ? 4 : -1);
		call->group[0] = -1;
		MemoryContextSwitchTo(saved);
	}
	b->stats.single++;
	b->n = 1;
}

/* ---- computing ---- */

static void
note_value_bytes(MosaicBatch *b, Call *call, Size bytes)
{
	if (bytes <= call->value_bytes)
		return;
	b->row_bytes += bytes - call->value_bytes;
	call->value_bytes = bytes;
}

/* Sets the values of n rows of a group from their output, whose dimensions are those of one. */
static void
take_output(MosaicBatch *b, Call *call, const int *rows, int n, const MosaicTensorView *output)
{
	int64		size = mosaic_view_size(output);

	for (int i = 0; i < n; i++)
	{
		int			row = rows[i];

		if (call->fn.to_class)
			call->values[row] = Int32GetDatum((int32) mosaic_argmax(output, i * size, size));
		else
		{
			ArrayType  *array = mosaic_make_result(false, 1, output->ndim, output->dims);

			if (size > 0)
				mosaic_copy_floats((float4 *) ARR_DATA_PTR(array), output, i * size, size);
			call->values[row] = PointerGetDatum(array);
			note_value_bytes(b, call, VARSIZE(array));
		}
		call->group[row] = -1;
	}
}

/* The input of rows [first, first + n) of a group. */
static MosaicTensorView
group_view(RowGroup *g, int first, int n)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(g->p), 0);
	MosaicTensorView view = mosaic_bound_view(input->dtype, &g->binding,
											  g->elements + first * g->item_bytes);

	view.dims[input->item_axis] = n;
	return view;
}

/* Computes rows [first, first + n) of a group; false where they cannot be at once. */
static bool
run_rows(MosaicBatch *b, Call *call, RowGroup *g, int first, int n)
{
	MosaicTensorView view = group_view(g, first, n);
	MosaicTensorView output;

	mosaic_predictor_set_timed(g->p, b->timed);
	if (!mosaic_predictor_try_run(g->p, &view, n, true))
		return false;
	mosaic_predictor_item_output(g->p, 0, &output);
	/* One that an array of real can be made of. */
	if (mosaic_view_size(&output) > MaxAllocSize / sizeof(float4) ||
		(call->fn.to_class && mosaic_view_size(&output) == 0))
		return false;
	take_output(b, call, g->rows + first, n, &output);
	b->stats.batches++;
	b->stats.rows += n;
	b->stats.pinned = Max(b->stats.pinned, mosaic_predictor_pinned(g->p));
	return true;
}

/*
 * What cannot be computed at once is left for when it is asked for, row by row.
 * So is what there is no memory for: what values take is learnt from the first.
 */
static void
run_group(MosaicBatch *b, Call *call, RowGroup *g)
{
	int			n;

	for (int first = 0; first < g->n; first += n)
	{
		MosaicTensorView rest = group_view(g, first, g->n - first);

		if (MemoryContextMemAllocated(b->values_cxt, false) > work_mem * (Size) 1024)
			return;
		n = mosaic_predictor_items(g->p, &rest, g->n - first);
		if (!run_rows(b, call, g, first, n))
			return;
	}
}

void
mosaic_batch_run(MosaicBatch *b)
{
	BufferUsage before = pgBufferUsage;
	instr_time	start,
				end;
	MemoryContext saved;

	if (!b->added)
		return;
	b->added = false;
	INSTR_TIME_SET_CURRENT(start);
	saved = MemoryContextSwitchTo(b->values_cxt);
	for (int i = 0; i < b->ncalls; i++)
		for (int j = 0; j < b->calls[i].ngroups; j++)
		{
			RowGroup	   *g = &b->calls[i].groups[j];

			run_group(b, &b->calls[i], g);
		}
	MemoryContextSwitchTo(saved);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	b->stats.seconds += INSTR_TIME_GET_DOUBLE(end);
	b->stats.hit += pgBufferUsage.shared_blks_hit - before.shared_blks_hit;
	b->stats.read += pgBufferUsage.shared_blks_read - before.shared_blks_read;
}

bool
mosaic_batch_has_values(MosaicBatch *b, int row)
{
	for (int i = 0; i < b->ncalls; i++)
		if (b->calls[i].group[row] >= 0)
			return false;
	return true;
}

void
mosaic_batch_values(MosaicBatch *b, int row, Datum *values, bool *isnull)
{
	MemoryContextReset(b->single_cxt);
	for (int i = 0; i < b->ncalls; i++)
	{
		Call	   *call = &b->calls[i];

		if (call->group[row] >= 0)
		{
			RowGroup	   *g = &call->groups[call->group[row]];
			MemoryContext saved = MemoryContextSwitchTo(b->single_cxt);

			call->values[row] = mosaic_predict_item(g->p, &g->binding, g->elements + call->place[row] * g->item_bytes,
													call->fn.to_class);
			call->group[row] = -1;
			b->stats.single++;
			MemoryContextSwitchTo(saved);
		}
		values[i] = call->values[row];
		isnull[i] = call->isnull[row];
	}
}

MemoryContext
mosaic_batch_memory(MosaicBatch *b)
{
	return b->cxt;
}

MosaicBatchStats *
mosaic_batch_stats(MosaicBatch *b)
{
	return &b->stats;
}

MosaicPredictor *
mosaic_batch_model(MosaicBatch *b, int i)
{
	return mosaic_predictor_kept(&b->models, i);
}
