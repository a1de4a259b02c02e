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
#include "utils/datum.h"
#include "utils/memutils.h"

#include "predict_batch_state.h"

/* Whether it has something that can differ among rows, or executions of the node. */
static bool
depends_on_rows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind != PARAM_EXTERN;
	if (!IsA(node, Const) && !IsA(node, FuncExpr) && !IsA(node, OpExpr) && !IsA(node, RelabelType) && !IsA(node, CoerceViaIO) &&
		!IsA(node, ArrayExpr) && !IsA(node, RowExpr) && !IsA(node, ArrayCoerceExpr) && !IsA(node, List))
		return true;
	return expression_tree_walker(node, depends_on_rows, context);
}

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
	call->constant = !depends_on_rows((Node *) f->args, NULL);
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
	b->explained = parent->state->es_instrument != 0;
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

bool
mosaic_batch_is_full(MosaicBatch *b)
{
	return MemoryContextMemAllocated(b->cxt, false) > work_mem * (Size) 1024 ||
		b->n * b->row_bytes > work_mem * (Size) 1024;
}

/* What counts for statistics: the plan is no reason for computing it alone. */
static Datum
call_function(MosaicBatch *b, Call *call, ExprContext *econtext)
{
	MosaicSingles saved = mosaic_predictor_singles((MosaicSingles) {MOSAIC_USAGE_SINGLE_BATCH, b->explained ? &b->stats.ways : NULL});
	Datum		value;

	PG_TRY();
	{
		value = ExecEvalExprSwitchContext(call->function, econtext, &call->isnull[0]);
	}
	PG_FINALLY();
	{
		mosaic_predictor_singles(saved);
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
		Datum		value;
		MemoryContext saved;
		bool		byval;
		int			len;

		call->group[0] = -1;
		if (call->known)
			continue;
		value = call_function(b, call, econtext);
		saved = MemoryContextSwitchTo(b->cxt);
		mosaic_answer_type(call->fn.answer, &byval, &len);
		call->values[0] = call->isnull[0] ? (Datum) 0 : datumCopy(value, byval, len);
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
	MosaicPart	part = {
		.outputs = mosaic_answer_views(g->p, call->fn.answer, no, g->ones ? MOSAIC_GIVEN_ONES : MOSAIC_GIVEN_ITEMS)
	};
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
	if (b->explained)
		mosaic_note_way(&b->stats.ways, mosaic_predictor_version(g->p), mosaic_predictor_exec(g->p), n, g->n);
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
	{
		Call	   *call = &b->calls[i];

		if (call->constant ? !call->known && call->group[0] >= 0 : call->group[row] >= 0)
			return false;
	}
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
	MosaicSingles saved;
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
	saved = mosaic_predictor_singles((MosaicSingles) {MOSAIC_USAGE_SINGLE_BATCH, NULL});
	PG_TRY();
	{
		value = mosaic_predict_item(g->p, &item, call->fn.answer, call->output);
	}
	PG_FINALLY();
	{
		mosaic_predictor_singles(saved);
	}
	PG_END_TRY();
	return value;
}

static void
compute_singly(MosaicBatch *b, Call *call, int row)
{
	MemoryContext saved = MemoryContextSwitchTo(b->single_cxt);
	MosaicRowsWay *way = mosaic_rows_way(&b->stats.ways, mosaic_predictor_version(call->groups[call->group[row]].p), true);

	if (way)
		way->failed = true;
	call->values[row] = predict_singly(call, row);
	call->group[row] = -1;
	b->stats.single++;
	MemoryContextSwitchTo(saved);
}

/* What the first row has is the value of all. */
static void
keep_constant(MosaicBatch *b, Call *call)
{
	MemoryContext saved = MemoryContextSwitchTo(b->query_cxt);
	bool		byval;
	int			len;

	mosaic_answer_type(call->fn.answer, &byval, &len);
	call->constant_isnull = call->isnull[0];
	call->constant_value = call->constant_isnull ? (Datum) 0 : datumCopy(call->values[0], byval, len);
	call->known = true;
	MemoryContextSwitchTo(saved);
}

void
mosaic_batch_values(MosaicBatch *b, int row, Datum *values, bool *isnull)
{
	MemoryContextReset(b->single_cxt);
	for (int i = 0; i < b->ncalls; i++)
	{
		Call	   *call = &b->calls[i];
		int			of = call->constant ? 0 : row;

		if (!call->known && call->group[of] >= 0)
			compute_singly(b, call, of);
		if (call->constant && !call->known)
			keep_constant(b, call);
		values[i] = call->known ? call->constant_value : call->values[of];
		isnull[i] = call->known ? call->constant_isnull : call->isnull[of];
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
