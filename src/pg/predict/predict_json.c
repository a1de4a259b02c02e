/*
 * predict_json.c
 *		predict(model, inputs jsonb): all inputs and outputs by name.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "content.h"
#include "json_inputs.h"
#include "json_writer.h"
#include "predict_item.h"
#include "predict_json.h"

typedef struct Inputs
{
	int			n;
	MosaicBinding *bindings;
	const void **elements;
	MosaicTensorView *views;
	int64		items;
	bool		batch;			/* at least one input is a batch */
	bool		item;			/* an input is an item, without the dimension that counts them */
} Inputs;

static void
bind_inputs(MosaicPredictor *p, const MosaicJsonInput *values, Inputs *in)
{
	const MosaicModel *model = mosaic_predictor_model(p);

	in->items = 1;
	for (int i = 0; i < in->n; i++)
	{
		MosaicBinding *b = &in->bindings[i];

		mosaic_predictor_bind(p, i, values[i].ndim, values[i].dims, b);
		if (b->batch && in->batch && b->items != in->items)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: %lld items, but another input has %lld", mosaic_predictor_input_name(p, i),
							(long long) b->items, (long long) in->items)));
		if (b->batch)
		{
			in->batch = true;
			in->items = b->items;
		}
		in->item |= b->left_out >= 0;
		in->elements[i] = values[i].elements;
		in->views[i] = mosaic_bound_view(mosaic_model_input(model, i)->dtype, b, values[i].elements);
	}
	/* A batch of one goes with one item. */
	for (int i = 0; i < in->n && in->batch && in->items != 1; i++)
		if (!in->bindings[i].batch)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: one item, but other inputs are a batch of %lld items",
							mosaic_predictor_input_name(p, i), (long long) in->items),
					 errhint("Give every input for every item, or call predict() item by item.")));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_json);
Datum
mosaic_pg_predict_json(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = mosaic_predictor(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	const MosaicModel *model = mosaic_predictor_model(p);
	Inputs		in = {.n = mosaic_model_input_count(model)};
	MosaicTensorView *outputs = palloc(Max(mosaic_model_output_count(model), 1) * sizeof *outputs);
	Jsonb	   *result;

	in.bindings = palloc(Max(in.n, 1) * sizeof *in.bindings);
	in.elements = palloc(Max(in.n, 1) * sizeof *in.elements);
	in.views = palloc(Max(in.n, 1) * sizeof *in.views);
	mosaic_predictor_begin(p);
	bind_inputs(p, mosaic_json_inputs(p, PG_GETARG_JSONB_P(1)), &in);
	if (in.batch)
		mosaic_check_no_split(p, in.items);
	p = mosaic_side_of(p, in.bindings, in.elements);
	model = mosaic_predictor_model(p);
	mosaic_predictor_run(p, in.views, in.items, false);
	for (int i = 0; i < mosaic_model_output_count(model); i++)
		if (in.item && !in.batch)
			mosaic_predictor_item_output(p, i, false, &outputs[i]);
		else
			mosaic_predictor_output(p, i, &outputs[i]);
	result = mosaic_json_outputs(model, outputs, 0);
	mosaic_predictor_end(p, 1, in.items, in.batch);
	PG_RETURN_JSONB_P(result);
}

bool
mosaic_predict_json_function(const FmgrInfo *info, MosaicPredictFn *fn)
{
	if (info->fn_addr != mosaic_pg_predict_json)
		return false;
	*fn = (MosaicPredictFn) {.answer = MOSAIC_ANSWER_OUTPUTS,.json = true};
	return true;
}
