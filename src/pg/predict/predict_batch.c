/*
 * predict_batch.c
 *		Calls of predict() for many rows at once.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "content.h"
#include "elements.h"
#include "predict_batch.h"
#include "predict_item.h"
#include "row_group.h"
#include "row_map.h"
#include "text_model.h"

typedef struct Call
{
	MosaicPredictFn fn;
	ExprState  *model,
			   *features,		/* or a text, */
			   *second,			/* or two; else NULL */
			   *function;		/* the call as SQL makes it */
	Oid			model_type;		/* text, or uuid: a content */
	text	   *output;			/* that is asked for, or NULL */
	int			ngroups;
	RowGroup   *groups;			/* max_rows */
	MosaicShape *shapes;		/* of the inputs of the row that is added, as many as any model of this call has */
	int			nshapes;
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
	MemoryContext query_cxt;
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
	call->model_type = exprType(linitial(f->args));
	if (call->fn.named)
		call->output = DatumGetTextPP(castNode(Const, llast(f->args))->constvalue);
	call->function = ExecInitExpr((Expr *) f, parent);	/* checks the right to execute it, too */
	/* A row may leave one without items, and another behind it: side_of(). */
	call->groups = palloc0(2 * max_rows * sizeof *call->groups);
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
	b->query_cxt = parent->state->es_query_cxt;
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

/* Room for the shapes of n inputs. */
static MosaicShape *
shapes_of(MosaicBatch *b, Call *call, int n)
{
	if (n > call->nshapes)
	{
		call->shapes = MemoryContextAlloc(b->query_cxt, n * sizeof *call->shapes);
		call->nshapes = n;
	}
	return call->shapes;
}

static RowGroup *
find_group(MosaicBatch *b, Call *call, MosaicPredictor *p, int n)
{
	return mosaic_find_group(call->groups, &call->ngroups, p, n, call->shapes, b->cxt);
}

/*
 * The item behind the last of a group is that of the row which is being added.  If its model shares items out, and
 * it is another's, it moves to that one's group; NULL where that does not take it.
 */
static RowGroup *
side_of(MosaicBatch *b, Call *call, RowGroup *g)
{
	MosaicPredictor *side;
	RowGroup   *other;
	uint64		hash = 0;

	if (!mosaic_predictor_splits(g->p))
		return g;
	for (int i = 0; i < g->ninputs; i++)
		hash = mosaic_predictor_hash(g->p, hash, i, &g->inputs[i].binding, mosaic_next_item(g, i));
	side = mosaic_predictor_side(g->p, hash);
	if (side == g->p)
		return g;
	other = find_group(b, call, side, g->ninputs);
	if (other == NULL)
		return NULL;
	mosaic_grow_group(other, b->max_rows, g->spans != NULL);
	for (int i = 0; i < g->ninputs; i++)
		memcpy(mosaic_next_item(other, i), mosaic_next_item(g, i), g->inputs[i].item_bytes);
	if (g->spans)
		other->spans[other->n] = g->spans[g->n];
	return other;
}

static bool
append(MosaicBatch *b, Call *call, RowGroup *g)
{
	g = side_of(b, call, g);
	if (g == NULL)
		return false;
	g->rows[g->n] = b->n;
	call->group[b->n] = g - call->groups;
	call->place[b->n] = g->n++;
	b->added = true;
	return true;
}

static bool
add_features(MosaicBatch *b, Call *call, MosaicPredictor *p, ArrayType *array)
{
	MosaicShape *shape = shapes_of(b, call, 1);
	RowGroup   *g;

	shape->ndim = ARR_NDIM(array);
	for (int d = 0; d < shape->ndim; d++)
		shape->dims[d] = ARR_DIMS(array)[d];
	g = find_group(b, call, p, 1);
	if (g == NULL)
		return false;
	mosaic_grow_group(g, b->max_rows, false);
	if (!mosaic_try_elements(array, mosaic_model_input(mosaic_predictor_model(p), 0)->dtype, mosaic_next_item(g, 0)))
		return false;
	return append(b, call, g);
}

/* ready: only if it is known how such rows become inputs. */
static bool
add_row(MosaicBatch *b, Call *call, MosaicPredictor *p, HeapTupleHeader row, bool ready)
{
	MosaicRowMap *map = mosaic_predictor_row_map(p, row, ready);
	int			n = mosaic_model_input_count(mosaic_predictor_model(p));
	MosaicShape *shapes = shapes_of(b, call, n);
	RowGroup   *g;

	if (map == NULL || !mosaic_row_read(map, row, true))
		return false;
	for (int i = 0; i < n; i++)
	{
		shapes[i].ndim = mosaic_row_ndim(map, i);
		memcpy(shapes[i].dims, mosaic_row_dims(map, i), shapes[i].ndim * sizeof(int64));
	}
	g = find_group(b, call, p, n);
	if (g == NULL)
		return false;
	mosaic_grow_group(g, b->max_rows, false);
	for (int i = 0; i < n; i++)
		if (!mosaic_row_fill(map, i, mosaic_next_item(g, i), b->cxt, true))
			return false;
	return append(b, call, g);
}

/* ready: only if the tokenizer is there. */
static bool
add_text(MosaicBatch *b, Call *call, MosaicPredictor *p, Datum first, Datum second, bool ready)
{
	MosaicTextModel *t = ready ? mosaic_predictor_text_ready(p) : mosaic_predictor_text(p);
	MosaicTextTokens tokens;
	int			n = mosaic_model_input_count(mosaic_predictor_model(p));
	MosaicShape *shapes = shapes_of(b, call, n);
	RowGroup   *g;
	instr_time	start,
				end;
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
	for (int i = 0; i < n; i++)
	{
		shapes[i].ndim = 1;
		shapes[i].dims[0] = tokens.length;
	}
	g = find_group(b, call, p, n);
	if (g == NULL)
		return false;
	mosaic_grow_group(g, b->max_rows, true);
	for (int i = 0; i < n; i++)
		mosaic_text_fill(t, i, &tokens, mosaic_next_item(g, i));
	g->spans[g->n] = (TokenSpan) {tokens.first, tokens.tokens.count};
	b->stats.tokens += tokens.tokens.count;
	mosaic_predictor_tokens(p, tokens.tokens.count);
	return append(b, call, g);
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
	HeapTupleHeader row = NULL;
	text	   *key;
	MosaicPredictor *p;

	call->group[b->n] = -1;
	call->values[b->n] = (Datum) 0;
	call->isnull[b->n] = true;
	if (null_model || null_features || null_second)
		return true;
	if (call->fn.row)
		row = DatumGetHeapTupleHeader(features);
	else if (call->fn.texts == 0)
	{
		array = mosaic_detoast_array(features);
		if (call->fn.columns && ARR_HASNULL(array) && array_contains_nulls(array))
			return true;
	}
	call->isnull[b->n] = false;
	key = mosaic_model_key(model, call->model_type);
	p = ready ? mosaic_predictor_ready(&b->models, key) : mosaic_predictor(&b->models, key);
	if (p == NULL)
		return false;
	if (row)
		return add_row(b, call, p, row, ready);
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
 * Sets the values of items [first, first + n) of a group from output no.  What would be an error is
 * left; how many are not.
 */
static int
take_output(MosaicBatch *b, Call *call, RowGroup *g, int first, int n, int no)
{
	MosaicPart	part = {.outputs = mosaic_answer_views(g->p, call->fn.answer, no, true)};
	int			taken = 0;

	for (int i = 0; i < n; i++)
	{
		int			row = g->rows[first + i];

		part.item = i;
		if (g->spans)
		{
			part.begin = g->spans[first + i].begin;
			part.n = g->spans[first + i].n;
		}
		if (!mosaic_try_answer(g->p, call->fn.answer, no, &part, &call->values[row]))
			continue;
		if (call->fn.answer != MOSAIC_ANSWER_CLASS)
			note_value_bytes(b, call, VARSIZE_ANY(DatumGetPointer(call->values[row])));
		call->group[row] = -1;
		taken++;
	}
	return taken;
}

/* Computes items [first, first + n) of a group, whose inputs are views; false where they cannot be at once. */
static bool
run_rows(MosaicBatch *b, Call *call, RowGroup *g, int first, int n, MosaicTensorView *views)
{
	int			no = mosaic_answer_output(g->p, call->fn.answer, call->output, true);
	int			taken;

	if (no < 0)
		return false;
	mosaic_predictor_begin(g->p);
	mosaic_group_views(g, first, n, views);
	mosaic_predictor_set_timed(g->p, b->timed);
	if (!mosaic_predictor_try_run(g->p, views, n, true))
	{
		mosaic_predictor_give_up(g->p);
		return false;
	}
	taken = take_output(b, call, g, first, n, no);
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
		mosaic_group_views(g, first, g->n - first, views);
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
		value = mosaic_predict_item(g->p, &item, call->fn.answer, call->output);
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
