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
#include "text_model.h"

/* One input of the model in a group: the same shape for all items. */
typedef struct GroupInput
{
	MosaicBinding binding;		/* of one item */
	int64		item_bytes;
	char	   *elements;		/* of n items */
} GroupInput;

/* Where the tokens of a text are in each input. */
typedef struct TokenSpan
{
	int64		begin,
				n;
} TokenSpan;

/* Rows that are computed together: same model, same shape. */
typedef struct RowGroup
{
	MosaicPredictor *p;
	int			ndim;			/* of the arrays; of texts: 1, the number of elements that their tokens take */
	int			dims[MAXDIM];
	int			ninputs;
	GroupInput *inputs;
	int			n,
				room;
	int		   *rows;			/* n */
	TokenSpan  *spans;			/* n; NULL where they are no texts */
} RowGroup;

typedef struct Call
{
	MosaicPredictFn fn;
	ExprState  *model,
			   *features,		/* or a text, */
			   *second,			/* or two; else NULL */
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
	call->second = call->fn.texts == 2 ? ExecInitExpr(lthird(f->args), parent) : NULL;
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
same_shape(const RowGroup *g, int ndim, const int *dims)
{
	return g->ndim == ndim && memcmp(g->dims, dims, ndim * sizeof(int)) == 0;
}

/* Binds an input of a group; false where the shape is not that of one item of a batch. */
static bool
bind_input(RowGroup *g, int i)
{
	const MosaicValueInfo *info = mosaic_model_input(mosaic_predictor_model(g->p), i);
	GroupInput *in = &g->inputs[i];
	int64		dims[MAXDIM];

	for (int d = 0; d < g->ndim; d++)
		dims[d] = g->dims[d];
	if (info->item_axis < 0 || !mosaic_predictor_try_bind(g->p, i, g->ndim, dims, &in->binding) ||
		in->binding.batch || in->binding.left_out < 0)
		return false;
	in->item_bytes = mosaic_dtype_size(info->dtype);
	for (int d = 0; d < in->binding.ndim; d++)
		in->item_bytes *= in->binding.dims[d];
	return true;
}

/* A new group for a shape; NULL where it is not that of one item of a batch. */
static RowGroup *
new_group(MosaicBatch *b, Call *call, MosaicPredictor *p, int ndim, const int *dims)
{
	RowGroup   *g = &call->groups[call->ngroups];

	if (ndim == 0 || !mosaic_predictor_batches(p))
		return NULL;
	memset(g, 0, sizeof *g);
	g->p = p;
	g->ndim = ndim;
	memcpy(g->dims, dims, ndim * sizeof(int));
	g->ninputs = mosaic_model_input_count(mosaic_predictor_model(p));
	if (call->fn.texts == 0 && g->ninputs != 1)
		return NULL;
	g->inputs = MemoryContextAllocZero(b->cxt, g->ninputs * sizeof *g->inputs);
	for (int i = 0; i < g->ninputs; i++)
		if (!bind_input(g, i))
			return NULL;
	call->ngroups++;
	return g;
}

static RowGroup *
find_group(MosaicBatch *b, Call *call, MosaicPredictor *p, int ndim, const int *dims)
{
	for (int i = call->ngroups; i-- > 0;)
		if (call->groups[i].p == p && same_shape(&call->groups[i], ndim, dims))
			return &call->groups[i];
	return new_group(b, call, p, ndim, dims);
}

/* Room for one more item. */
static void
grow(MosaicBatch *b, RowGroup *g, bool texts)
{
	bool		first = g->rows == NULL;

	if (g->n < g->room)
		return;
	g->room = Min(Max(2 * g->room, 4), b->max_rows);
	g->rows = first ? MemoryContextAlloc(b->cxt, g->room * sizeof(int))
		: repalloc(g->rows, g->room * sizeof(int));
	if (texts)
		g->spans = first ? MemoryContextAlloc(b->cxt, g->room * sizeof *g->spans)
			: repalloc(g->spans, g->room * sizeof *g->spans);
	for (int i = 0; i < g->ninputs; i++)
	{
		GroupInput *in = &g->inputs[i];

		in->elements = first ? MemoryContextAllocHuge(b->cxt, g->room * in->item_bytes)
			: repalloc_huge(in->elements, g->room * in->item_bytes);
	}
}

/* The item behind the last of a group is that of the row which is being added. */
static void
append(MosaicBatch *b, Call *call, RowGroup *g)
{
	g->rows[g->n] = b->n;
	call->group[b->n] = g - call->groups;
	call->place[b->n] = g->n++;
	b->added = true;
}

static bool
add_features(MosaicBatch *b, Call *call, MosaicPredictor *p, ArrayType *array)
{
	RowGroup   *g = find_group(b, call, p, ARR_NDIM(array), ARR_DIMS(array));

	if (g == NULL)
		return false;
	grow(b, g, false);
	if (!mosaic_try_elements(array, mosaic_model_input(mosaic_predictor_model(p), 0)->dtype,
							 g->inputs[0].elements + g->n * g->inputs[0].item_bytes))
		return false;
	append(b, call, g);
	return true;
}

/* ready: only if the tokenizer is there. */
static bool
add_text(MosaicBatch *b, Call *call, MosaicPredictor *p, Datum first, Datum second, bool ready)
{
	MosaicTextModel *t = ready ? mosaic_predictor_text_ready(p) : mosaic_predictor_text(p);
	MosaicTextTokens tokens;
	RowGroup   *g;
	instr_time	start,
				end;
	int			length;
	bool		ok;

	if (t == NULL)
		return false;
	INSTR_TIME_SET_CURRENT(start);
	ok = mosaic_text_try_tokens(t, first, second, &tokens);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	b->stats.token_seconds += INSTR_TIME_GET_DOUBLE(end);
	if (!ok || tokens.length > PG_INT32_MAX)
		return false;
	length = (int) tokens.length;
	g = find_group(b, call, p, 1, &length);
	if (g == NULL)
		return false;
	grow(b, g, true);
	for (int i = 0; i < g->ninputs; i++)
		mosaic_text_fill(t, i, &tokens, g->inputs[i].elements + g->n * g->inputs[i].item_bytes);
	g->spans[g->n] = (TokenSpan) {tokens.first, tokens.tokens.count};
	b->stats.tokens += tokens.tokens.count;
	mosaic_predictor_tokens(p, tokens.tokens.count);
	append(b, call, g);
	return true;
}

static bool
add_to_call(MosaicBatch *b, Call *call, ExprContext *econtext, bool ready)
{
	bool		null_model,
				null_features,
				null_second = false;
	Datum		model = ExecEvalExpr(call->model, econtext, &null_model);
	Datum		features = ExecEvalExpr(call->features, econtext, &null_features);
	Datum		second = call->second ? ExecEvalExpr(call->second, econtext, &null_second) : (Datum) 0;
	ArrayType  *array = NULL;
	MosaicPredictor *p;

	call->group[b->n] = -1;
	call->values[b->n] = (Datum) 0;
	call->isnull[b->n] = true;
	if (null_model || null_features || null_second)
		return true;
	if (call->fn.texts == 0)
	{
		array = mosaic_detoast_array(features);
		if (call->fn.columns && ARR_HASNULL(array) && array_contains_nulls(array))
			return true;
	}
	call->isnull[b->n] = false;
	p = ready ? mosaic_predictor_ready(&b->models, DatumGetTextPP(model))
		: mosaic_predictor(&b->models, DatumGetTextPP(model));
	if (p == NULL)
		return false;
	return array ? add_features(b, call, p, array) : add_text(b, call, p, features, second, ready);
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

/* What counts for statistics: the plan is no reason for computing it alone. */
static Datum
call_function(Call *call, ExprContext *econtext)
{
	MosaicUsageCounter saved = mosaic_predictor_single_because(MOSAIC_USAGE_SINGLE_BATCH);
	Datum		value;

	PG_TRY();
	{
		value = ExecEvalExprSwitchContext(call->function, econtext, &call->isnull[0]);
	}
	PG_FINALLY();
	{
		mosaic_predictor_single_because(saved);
	}
	PG_END_TRY();
	return value;
}

void
mosaic_batch_add_computed(MosaicBatch *b, ExprContext *econtext)
{
	Assert(b->n == 0);
	for (int i = 0; i < b->ncalls; i++)
	{
		Call	   *call = &b->calls[i];
		Datum		value = call_function(call, econtext);
		MemoryContext saved = MemoryContextSwitchTo(b->cxt);
		bool		byval;
		int			len;

		mosaic_answer_type(call->fn.answer, &byval, &len);
		call->values[0] = call->isnull[0] ? (Datum) 0 : datumCopy(value, byval, len);
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

/*
 * Sets the values of items [first, first + n) of a group from their output, whose dimensions are those
 * of one.  What would be an error is left; how many are not.
 */
static int
take_output(MosaicBatch *b, Call *call, RowGroup *g, int first, int n, const MosaicTensorView *output)
{
	int64		size = mosaic_view_size(output);
	int			taken = 0;

	for (int i = 0; i < n; i++)
	{
		int			row = g->rows[first + i];
		TokenSpan	span = g->spans ? g->spans[first + i] : (TokenSpan) {0, 0};

		if (!mosaic_try_answer(g->p, call->fn.answer, output, i * size, span.begin, span.n, &call->values[row]))
			continue;
		if (call->fn.answer != MOSAIC_ANSWER_CLASS)
			note_value_bytes(b, call, VARSIZE_ANY(DatumGetPointer(call->values[row])));
		call->group[row] = -1;
		taken++;
	}
	return taken;
}

/* The inputs of items [first, first + n) of a group, into views. */
static void
group_views(RowGroup *g, int first, int n, MosaicTensorView *views)
{
	for (int i = 0; i < g->ninputs; i++)
	{
		const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(g->p), i);

		views[i] = mosaic_bound_view(input->dtype, &g->inputs[i].binding,
									 g->inputs[i].elements + first * g->inputs[i].item_bytes);
		views[i].dims[input->item_axis] = n;
	}
}

/* Computes items [first, first + n) of a group, whose inputs are views; false where they cannot be at once. */
static bool
run_rows(MosaicBatch *b, Call *call, RowGroup *g, int first, int n, MosaicTensorView *views)
{
	MosaicTensorView output;
	int			taken;

	mosaic_predictor_begin(g->p);
	group_views(g, first, n, views);
	mosaic_predictor_set_timed(g->p, b->timed);
	if (!mosaic_predictor_try_run(g->p, views, n, true))
	{
		mosaic_predictor_give_up(g->p);
		return false;
	}
	mosaic_predictor_item_output(g->p, mosaic_answer_output(g->p, call->fn.answer), &output);
	taken = take_output(b, call, g, first, n, &output);
	mosaic_predictor_end(g->p, taken, taken, true);
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
	MosaicTensorView one,
			   *views = g->ninputs == 1 ? &one : MemoryContextAlloc(b->cxt, g->ninputs * sizeof *views);
	int			n;

	for (int first = 0; first < g->n; first += n)
	{
		if (MemoryContextMemAllocated(b->values_cxt, false) > work_mem * (Size) 1024)
			return;
		group_views(g, first, g->n - first, views);
		n = mosaic_predictor_items(g->p, views, g->n - first);
		if (!run_rows(b, call, g, first, n, views))
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

/* The value of a row that is in a group still. */
static Datum
predict_singly(Call *call, int row)
{
	RowGroup   *g = &call->groups[call->group[row]];
	int			place = call->place[row];
	MosaicItem	item = {
		.bindings = palloc(g->ninputs * sizeof *item.bindings),.elements = palloc(g->ninputs * sizeof *item.elements)
	};
	MosaicUsageCounter saved;
	Datum		value;

	for (int i = 0; i < g->ninputs; i++)
	{
		item.bindings[i] = g->inputs[i].binding;
		item.elements[i] = g->inputs[i].elements + place * g->inputs[i].item_bytes;
	}
	if (g->spans)
	{
		item.begin = g->spans[place].begin;
		item.n = g->spans[place].n;
	}
	mosaic_predictor_begin(g->p);
	saved = mosaic_predictor_single_because(MOSAIC_USAGE_SINGLE_BATCH);
	PG_TRY();
	{
		value = mosaic_predict_item(g->p, &item, call->fn.answer);
	}
	PG_FINALLY();
	{
		mosaic_predictor_single_because(saved);
	}
	PG_END_TRY();
	return value;
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
			MemoryContext saved = MemoryContextSwitchTo(b->single_cxt);

			call->values[row] = predict_singly(call, row);
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
