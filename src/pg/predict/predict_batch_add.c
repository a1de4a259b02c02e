/*
 * predict_batch_add.c
 *		Adding rows to a batch: their features, texts, columns become elements of the inputs of a group.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/instrument.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "content.h"
#include "elements.h"
#include "json_inputs.h"
#include "predict_batch_state.h"
#include "row_map.h"
#include "text_model.h"


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
	return mosaic_find_group(call->groups, &call->ngroups, p, n, call->shapes, call->fn.json, b->cxt);
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
	RowGroup   *g = NULL;
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
	if (ok && tokens.length <= PG_INT32_MAX)
	{
		for (int i = 0; i < n; i++)
		{
			shapes[i].ndim = 1;
			shapes[i].dims[0] = tokens.length;
		}
		g = find_group(b, call, p, n);
	}
	if (g != NULL)
	{
		mosaic_grow_group(g, b->max_rows, true);
		for (int i = 0; i < n; i++)
			mosaic_text_fill(t, i, &tokens, mosaic_next_item(g, i));
		g->spans[g->n] = (TokenSpan) {tokens.first, tokens.tokens.count};
		b->stats.tokens += tokens.tokens.count;
		mosaic_predictor_tokens(p, tokens.tokens.count);
	}
	mosaic_text_done(t);
	return g != NULL && append(b, call, g);
}

/* The strings of an input, which are to stay as long as the batch. */
static void
keep_strings(MosaicBatch *b, MosaicString *strings, int64 n)
{
	for (int64 i = 0; i < n; i++)
		strings[i].data = memcpy(MemoryContextAllocHuge(b->cxt, Max(strings[i].size, 1)), strings[i].data, strings[i].size);
}

static bool
add_json(MosaicBatch *b, Call *call, MosaicPredictor *p, Jsonb *json)
{
	MosaicJsonInput *inputs = mosaic_try_json_inputs(p, json);
	int			n = mosaic_model_input_count(mosaic_predictor_model(p));
	MosaicShape *shapes = shapes_of(b, call, n);
	RowGroup   *g;

	if (inputs == NULL)
		return false;
	for (int i = 0; i < n; i++)
	{
		shapes[i].ndim = inputs[i].ndim;
		memcpy(shapes[i].dims, inputs[i].dims, sizeof shapes[i].dims);
	}
	g = find_group(b, call, p, n);
	if (g == NULL)
		return false;
	mosaic_grow_group(g, b->max_rows, false);
	for (int i = 0; i < n; i++)
	{
		if (mosaic_model_input(mosaic_predictor_model(p), i)->dtype == MOSAIC_STRING)
			keep_strings(b, inputs[i].elements, inputs[i].n);
		memcpy(mosaic_next_item(g, i), inputs[i].elements, g->inputs[i].item_bytes);
	}
	return append(b, call, g);
}

static bool
add_to_call(MosaicBatch *b, Call *call, ExprContext *econtext, bool ready)
{
	bool		null_model,
				null_features,
				null_second = false;
	Datum		model,
				features,
				second;
	ArrayType  *array = NULL;
	text	   *key;
	MosaicPredictor *p;

	call->group[b->n] = -1;
	call->values[b->n] = (Datum) 0;
	call->isnull[b->n] = true;
	if (call->constant && (call->known || b->n > 0))
		return true;
	model = ExecEvalExpr(call->model, econtext, &null_model);
	features = ExecEvalExpr(call->features, econtext, &null_features);
	second = call->second ? ExecEvalExpr(call->second, econtext, &null_second) : (Datum) 0;
	if (null_model || null_features || null_second)
		return true;
	if (!call->fn.row && !call->fn.json && call->fn.texts == 0)
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
	if (call->fn.row)
		return add_row(b, call, p, DatumGetHeapTupleHeader(features), ready);
	if (call->fn.json)
		return add_json(b, call, p, DatumGetJsonbP(features));
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
