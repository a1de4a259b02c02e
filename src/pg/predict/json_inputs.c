/*
 * json_inputs.c
 *		The inputs of a model from a JSON object.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "mosaic/capi_text.h"

#include "elements.h"
#include "errors.h"
#include "json_inputs.h"
#include "json_value.h"

/* A value that is being taken apart. */
typedef struct Reading
{
	MosaicJsonInput *in;
	int			dtype;
	bool		is_map;			/* an object is its keys and values */
	const char *what;			/* for messages; NULL: false instead of an error */
	int64		room;
	int			depth;
	int64		counts[MAXDIM];
} Reading;

static bool
bad(const Reading *r, const char *why)
{
	if (r->what)
		mosaic_bad_json(r->what, why);
	return false;
}

static bool
add_element(Reading *r, const JsonbValue *v)
{
	MosaicJsonInput *in = r->in;

	if (in->n == r->room)
	{
		r->room = Max(2 * r->room, 16);
		in->elements = in->elements ? repalloc_huge(in->elements, r->room * mosaic_dtype_size(r->dtype))
			: palloc(r->room * mosaic_dtype_size(r->dtype));
	}
	if (r->what)
		mosaic_json_element(v, r->dtype, in->elements, in->n, r->what);
	else if (!mosaic_try_json_element(v, r->dtype, in->elements, in->n))
		return false;
	in->n++;
	return true;
}

static bool
begin_array(Reading *r)
{
	if (r->depth == MAXDIM)
		return bad(r, "is nested too deeply");
	if (r->depth > 0)
		r->counts[r->depth - 1]++;
	r->counts[r->depth++] = 0;
	/* Nothing may be deeper than the first number was. */
	return r->in->n == 0 || r->depth <= r->in->ndim || bad(r, "is not a regular array");
}

static bool
element(Reading *r, const JsonbValue *v)
{
	if (r->in->n == 0)
		r->in->ndim = r->depth;
	else if (r->depth != r->in->ndim)
		return bad(r, "is not a regular array");
	r->counts[r->depth - 1]++;
	return add_element(r, v);
}

static bool
end_array(Reading *r)
{
	int64	   *length = &r->in->dims[--r->depth];

	if (r->in->n == 0)
		return bad(r, "is empty");
	/* The first row that ends fixes the length of all. */
	if (*length == 0)
		*length = r->counts[r->depth];
	return *length == r->counts[r->depth] || bad(r, "has rows of different lengths");
}

static bool
read_array(Reading *r, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	v;
	JsonbIteratorToken token;
	bool		ok = true;

	while (ok && (token = JsonbIteratorNext(&it, &v, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				ok = begin_array(r);
				break;
			case WJB_ELEM:
				ok = element(r, &v);
				break;
			case WJB_END_ARRAY:
				ok = end_array(r);
				break;
			default:
				ok = bad(r, "is an object");
		}
		CHECK_FOR_INTERRUPTS();
	}
	return ok;
}

/* An object for a map: strings of shape [n, 2], its keys and values. */
static bool
read_map(Reading *r, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	v;
	JsonbIteratorToken token;

	r->room = 2 * Max(JsonContainerSize(container), 1);
	r->in->elements = palloc_extended(r->room * mosaic_dtype_size(r->dtype), MCXT_ALLOC_HUGE);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE && v.type == jbvNumeric)
		{
			char	   *number = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(v.val.numeric)));

			v.type = jbvString;
			v.val.string.val = number;
			v.val.string.len = (int) strlen(number);
		}
		if (token == WJB_VALUE && v.type != jbvString)
			return bad(r, "is an object with a value that is neither a number nor a string");
		if ((token == WJB_KEY || token == WJB_VALUE) && !add_element(r, &v))
			return false;
		CHECK_FOR_INTERRUPTS();
	}
	r->in->ndim = 2;
	r->in->dims[0] = r->in->n / 2;
	r->in->dims[1] = 2;
	return true;
}

static bool
read_value(Reading *r, const JsonbValue *value)
{
	if (value->type == jbvBinary && r->is_map && JsonContainerIsObject(value->val.binary.data))
		return read_map(r, value->val.binary.data);
	if (value->type == jbvBinary)
		return read_array(r, value->val.binary.data);
	r->in->ndim = 1;
	r->in->dims[0] = 1;
	return add_element(r, value);
}

/* ---- names ---- */

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

static JsonbValue *
value_of(Jsonb *json, const MosaicValueInfo *input, JsonbValue *room)
{
	return getKeyJsonValueFromContainer(&json->root, input->name, (int) strlen(input->name), room);
}

MosaicJsonInput *
mosaic_json_inputs(MosaicPredictor *p, Jsonb *json)
{
	const MosaicModel *model = mosaic_predictor_model(p);
	int			n = mosaic_model_input_count(model);
	MosaicJsonInput *inputs = palloc0(Max(n, 1) * sizeof *inputs);

	check_names(model, json, mosaic_predictor_name(p));
	for (int i = 0; i < n; i++)
	{
		Reading		r = {
			.in = &inputs[i],.dtype = mosaic_model_input(model, i)->dtype,.is_map = mosaic_model_input(model, i)->is_map,
			.what = mosaic_predictor_input_name(p, i)
		};
		JsonbValue	room;

		read_value(&r, value_of(json, mosaic_model_input(model, i), &room));
	}
	return inputs;
}

MosaicJsonInput *
mosaic_try_json_inputs(MosaicPredictor *p, Jsonb *json)
{
	const MosaicModel *model = mosaic_predictor_model(p);
	int			n = mosaic_model_input_count(model);
	MosaicJsonInput *inputs;

	/* Keys are distinct: as many as there are inputs, and all inputs among them. */
	if (!JB_ROOT_IS_OBJECT(json) || JB_ROOT_COUNT(json) != n)
		return NULL;
	inputs = palloc0(Max(n, 1) * sizeof *inputs);
	for (int i = 0; i < n; i++)
	{
		Reading		r = {
			.in = &inputs[i],.dtype = mosaic_model_input(model, i)->dtype,.is_map = mosaic_model_input(model, i)->is_map
		};
		JsonbValue	room;
		JsonbValue *value = value_of(json, mosaic_model_input(model, i), &room);

		if (value == NULL || !read_value(&r, value))
			return NULL;
	}
	return inputs;
}
