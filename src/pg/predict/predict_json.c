/*
 * predict_json.c
 *		predict(model, inputs jsonb): all inputs and outputs by name.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "mosaic/capi_text.h"

#include "elements.h"
#include "errors.h"
#include "json_value.h"
#include "json_writer.h"
#include "predict_item.h"
#include "predictor.h"

/* A nested JSON array of numbers, taken apart. */
typedef struct Numbers
{
	const char *what;			/* for messages */
	int			dtype;
	int			ndim;
	int64		dims[MAXDIM];
	int64		n;				/* elements */
	void	   *elements;
} Numbers;

static void
add_element(Numbers *out, const JsonbValue *v)
{
	mosaic_json_element(v, out->dtype, out->elements, out->n, out->what);
	out->n++;
}

/* Reads one input's value: two passes, for the number of elements and for the elements. */
static void
read_numbers(JsonbValue *value, Numbers *out)
{
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken token;
	int			depth = 0;
	int64		counts[MAXDIM] = {0};
	int64		capacity = 16;

	out->ndim = 0;
	out->n = 0;
	out->elements = palloc(capacity * sizeof(MosaicString));
	if (value->type != jbvBinary)
	{
		add_element(out, value);
		out->ndim = 1;
		out->dims[0] = 1;
		return;
	}
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				if (depth == MAXDIM)
					mosaic_bad_json(out->what, "is nested too deeply");
				if (depth > 0)
					counts[depth - 1]++;
				counts[depth++] = 0;
				/* Nothing may be deeper than the first number was. */
				if (out->n > 0 && depth > out->ndim)
					mosaic_bad_json(out->what, "is not a regular array");
				break;
			case WJB_ELEM:
				if (out->n == 0)
					out->ndim = depth;
				else if (depth != out->ndim)
					mosaic_bad_json(out->what, "is not a regular array");
				if (out->n == capacity)
				{
					capacity *= 2;
					out->elements = repalloc_huge(out->elements, capacity * sizeof(MosaicString));
				}
				add_element(out, &v);
				counts[depth - 1]++;
				break;
			case WJB_END_ARRAY:
				depth--;
				if (out->n == 0)
					mosaic_bad_json(out->what, "is empty");
				/* The first row that ends fixes the length of all. */
				if (out->dims[depth] == 0)
					out->dims[depth] = counts[depth];
				else if (out->dims[depth] != counts[depth])
					mosaic_bad_json(out->what, "has rows of different lengths");
				break;
			default:
				mosaic_bad_json(out->what, "is an object");
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- inputs ---- */

typedef struct Inputs
{
	int			n;
	Numbers    *numbers;
	MosaicBinding *bindings;
	MosaicTensorView *views;
	int64		items;
	bool		batch;			/* at least one input is a batch */
	bool		item;			/* an input is an item, without the dimension that counts them */
} Inputs;

/* For the hint: the inputs' names, as many as a reader can take in. */
static int
hint_inputs(const MosaicModel *model)
{
	StringInfoData list;
	int			n = mosaic_model_input_count(model);

	initStringInfo(&list);
	for (int i = 0; i < n && list.len < 1000; i++)
	{
		const char *name = mosaic_model_input(model, i)->name;

		appendStringInfo(&list, "%s\"%s\"", i ? ", " : "", mosaic_shown_name(name, (int) strlen(name)));
		if (list.len >= 1000 && i + 1 < n)
			appendStringInfoString(&list, ", ...");
	}
	return errhint("Its inputs are %s.", list.data);
}

static void
check_names(const MosaicModel *model, Jsonb *json, const char *name)
{
	int			n = mosaic_model_input_count(model);
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken token;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\": inputs must be a JSON object", name),
				 hint_inputs(model)));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		bool		known = false;

		if (token != WJB_KEY)
			continue;
		for (int i = 0; i < n && !known; i++)
			known = strlen(mosaic_model_input(model, i)->name) == v.val.string.len &&
				memcmp(mosaic_model_input(model, i)->name, v.val.string.val, v.val.string.len) == 0;
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has no input \"%s\"", name,
							mosaic_shown_name(v.val.string.val, v.val.string.len)),
					 hint_inputs(model)));
	}
	for (int i = 0; i < n; i++)
	{
		const char *input = mosaic_model_input(model, i)->name;

		if (getKeyJsonValueFromContainer(&json->root, input, strlen(input), NULL) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\": input \"%s\" is missing", name,
							mosaic_shown_name(input, (int) strlen(input))),
					 hint_inputs(model)));
	}
}

static void
read_inputs(MosaicPredictor *p, Jsonb *json, const char *name, Inputs *in)
{
	const MosaicModel *model = mosaic_predictor_model(p);

	check_names(model, json, name);
	in->n = mosaic_model_input_count(model);
	in->numbers = palloc0(Max(in->n, 1) * sizeof *in->numbers);
	in->bindings = palloc0(Max(in->n, 1) * sizeof *in->bindings);
	in->views = palloc0(Max(in->n, 1) * sizeof *in->views);
	in->items = 1;
	in->batch = false;
	in->item = false;
	for (int i = 0; i < in->n; i++)
	{
		const MosaicValueInfo *info = mosaic_model_input(model, i);
		MosaicBinding *b = &in->bindings[i];
		JsonbValue *value = getKeyJsonValueFromContainer(&json->root, info->name,
														 strlen(info->name), NULL);

		in->numbers[i].what = mosaic_predictor_input_name(p, i);
		in->numbers[i].dtype = info->dtype;
		read_numbers(value, &in->numbers[i]);
		mosaic_predictor_bind(p, i, in->numbers[i].ndim, in->numbers[i].dims, b);
		if (b->batch && in->batch && b->items != in->items)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: %lld items, but another input has %lld", in->numbers[i].what,
							(long long) b->items, (long long) in->items)));
		if (b->batch)
		{
			in->batch = true;
			in->items = b->items;
		}
		in->item |= b->left_out >= 0;
		in->views[i].dtype = info->dtype;
		in->views[i].ndim = b->ndim;
		memcpy(in->views[i].dims, b->dims, sizeof b->dims);
		in->views[i].data = in->numbers[i].elements;
	}
	/* A batch of one goes with one item. */
	for (int i = 0; i < in->n && in->batch && in->items != 1; i++)
		if (!in->bindings[i].batch)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: one item, but other inputs are a batch of %lld items",
							in->numbers[i].what, (long long) in->items),
					 errhint("Give every input for every item, or call predict() item by item.")));
}

static MosaicPredictor *
side_of(MosaicPredictor *p, const Inputs *in)
{
	const void **elements = palloc(Max(in->n, 1) * sizeof *elements);

	for (int i = 0; i < in->n; i++)
		elements[i] = in->views[i].data;
	return mosaic_side_of(p, in->bindings, elements);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_json);
Datum
mosaic_pg_predict_json(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = mosaic_predictor(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	const MosaicModel *model = mosaic_predictor_model(p);
	Inputs		in;
	MosaicTensorView *outputs = palloc(Max(mosaic_model_output_count(model), 1) * sizeof *outputs);
	Jsonb	   *result;

	mosaic_predictor_begin(p);
	read_inputs(p, PG_GETARG_JSONB_P(1), text_to_cstring(PG_GETARG_TEXT_PP(0)), &in);
	if (in.batch)
		mosaic_check_no_split(p, in.items);
	p = side_of(p, &in);
	model = mosaic_predictor_model(p);
	mosaic_predictor_run(p, in.views, in.items, false);
	for (int i = 0; i < mosaic_model_output_count(model); i++)
		if (in.item && !in.batch)
			mosaic_predictor_item_output(p, i, &outputs[i]);
		else
			mosaic_predictor_output(p, i, &outputs[i]);
	result = mosaic_json_outputs(model, outputs, 0);
	mosaic_predictor_end(p, 1, in.items, in.batch);
	PG_RETURN_JSONB_P(result);
}
