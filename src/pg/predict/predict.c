/*
 * predict.c
 *		predict(), predict_class(), predict_label() and predict_proba() over arrays and columns.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "content.h"
#include "elements.h"
#include "predict_item.h"
#include "predict_json.h"
#include "predict_row.h"
#include "predict_text.h"
#include "predictor.h"

/* A model with one input, and that input. */
static MosaicPredictor *
single_input(FmgrInfo *flinfo, text *name)
{
	MosaicPredictor *p = mosaic_predictor(flinfo, name);

	mosaic_predictor_begin(p);
	if (mosaic_model_input_count(mosaic_predictor_model(p)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has %d inputs", mosaic_predictor_name(p),
						mosaic_model_input_count(mosaic_predictor_model(p))),
				 errhint("Give a row, predict(model, t) of a table t or predict(model, ROW(a, b)), or each by name, predict(model, '{\"input\": [...]}'::jsonb). Texts need no names: predict(model, 'text'::text).")));
	return p;
}

/* The predictions of a batch, in the shape that the model gives them. */
static ArrayType *
run_batch(MosaicPredictor *p, const MosaicBinding *binding, const void *elements, text *output_name)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(p), 0);
	MosaicTensorView view = mosaic_bound_view(input->dtype, binding, elements);
	int			no = mosaic_answer_output(p, MOSAIC_ANSWER_NUMBERS, output_name, false);
	MosaicTensorView output;
	ArrayType  *result;

	mosaic_predictor_run(p, &view, binding->items, false);
	mosaic_predictor_output(p, no, &output);
	/* One number for each item is an array of two dimensions, as one of several is. */
	if (output.ndim == 1 && output.dims[0] == binding->items)
		result = mosaic_make_result(true, binding->items, 0, output.dims);
	else
		result = mosaic_make_result(false, 1, output.ndim, output.dims);
	if (ARR_NDIM(result) > 0)
		mosaic_output_to_real(p, no, (float4 *) ARR_DATA_PTR(result), &output, 0, mosaic_view_size(&output));
	mosaic_predictor_end(p, 1, binding->items, true);
	return result;
}

/* Converts the array to the model's input; leaves a batch to the caller. */
static const void *
bind_array(MosaicPredictor *p, ArrayType *array, MosaicBinding *binding)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(p), 0);
	int64		dims[MAXDIM];
	int			ndim = ARR_NDIM(array);

	for (int i = 0; i < ndim; i++)
		dims[i] = ARR_DIMS(array)[i];
	if (ndim == 0)				/* an empty array */
		dims[ndim++] = 0;
	mosaic_predictor_bind(p, 0, ndim, dims, binding);
	/* The name for messages is made only if there will be one: it costs more than a small model. */
	if (input->dtype == MOSAIC_FLOAT && ARR_ELEMTYPE(array) == FLOAT4OID && !ARR_HASNULL(array))
		return ARR_DATA_PTR(array);
	return mosaic_elements_of_array(array, input->dtype, mosaic_predictor_input_name(p, 0));
}

static Datum
predict_bound(MosaicPredictor *p, MosaicBinding *binding, const void *elements, MosaicAnswer answer, text *output)
{
	MosaicItem	item = {.bindings = binding,.elements = &elements};

	return mosaic_predict_item(p, &item, answer, output);
}

static Datum
predict_array(FunctionCallInfo fcinfo, text *output)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	ArrayType  *array = mosaic_detoast_array(PG_GETARG_DATUM(1));
	MosaicBinding binding;
	const void *elements = bind_array(p, array, &binding);

	if (binding.batch)
	{
		mosaic_check_no_split(p, binding.items);
		PG_RETURN_ARRAYTYPE_P(run_batch(mosaic_side_of(p, &binding, &elements), &binding, elements, output));
	}
	PG_RETURN_DATUM(predict_bound(p, &binding, elements, MOSAIC_ANSWER_NUMBERS, output));
}

/* predict(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict);
Datum
mosaic_pg_predict(PG_FUNCTION_ARGS)
{
	return predict_array(fcinfo, NULL);
}

/* predict(model text, features anyarray, output text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_output);
Datum
mosaic_pg_predict_output(PG_FUNCTION_ARGS)
{
	return predict_array(fcinfo, PG_GETARG_TEXT_PP(2));
}

/* One item given as an array.  function: for messages. */
static Datum
predict_one(FunctionCallInfo fcinfo, MosaicAnswer answer, const char *function)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	MosaicBinding binding;
	const void *elements = bind_array(p, mosaic_detoast_array(PG_GETARG_DATUM(1)), &binding);

	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s() takes one item, not a batch of %lld", function, (long long) binding.items),
				 errhint("Call it for each row; queries need no batches to be fast.")));
	PG_RETURN_DATUM(predict_bound(p, &binding, elements, answer, NULL));
}

/* predict_class(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class);
Datum
mosaic_pg_predict_class(PG_FUNCTION_ARGS)
{
	return predict_one(fcinfo, MOSAIC_ANSWER_CLASS, "predict_class");
}

/* predict_label(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_label);
Datum
mosaic_pg_predict_label(PG_FUNCTION_ARGS)
{
	return predict_one(fcinfo, MOSAIC_ANSWER_LABEL, "predict_label");
}

/* predict_outputs(model text, features anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_outputs);
Datum
mosaic_pg_predict_outputs(PG_FUNCTION_ARGS)
{
	return predict_one(fcinfo, MOSAIC_ANSWER_OUTPUTS, "predict_outputs");
}

/* predict_proba(model text, features anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_proba);
Datum
mosaic_pg_predict_proba(PG_FUNCTION_ARGS)
{
	return predict_one(fcinfo, MOSAIC_ANSWER_PROBA, "predict_proba");
}

/* One item given as columns; NULL where one of them is. */
static Datum
predict_columns(FunctionCallInfo fcinfo, MosaicAnswer answer)
{
	ArrayType  *array = mosaic_detoast_array(PG_GETARG_DATUM(1));
	MosaicPredictor *p;
	MosaicBinding binding;
	const void *elements;

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		PG_RETURN_NULL();
	p = single_input(fcinfo->flinfo, mosaic_model_argument(fcinfo));
	elements = bind_array(p, array, &binding);
	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns are one item, not a batch of %lld", (long long) binding.items)));
	PG_RETURN_DATUM(predict_bound(p, &binding, elements, answer, NULL));
}

/* predict(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_variadic);
Datum
mosaic_pg_predict_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, MOSAIC_ANSWER_NUMBERS);
}

/* predict_class(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class_variadic);
Datum
mosaic_pg_predict_class_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, MOSAIC_ANSWER_CLASS);
}

/* predict_label(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_label_variadic);
Datum
mosaic_pg_predict_label_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, MOSAIC_ANSWER_LABEL);
}

/* predict_proba(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_proba_variadic);
Datum
mosaic_pg_predict_proba_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, MOSAIC_ANSWER_PROBA);
}

/* predict_outputs(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_outputs_variadic);
Datum
mosaic_pg_predict_outputs_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, MOSAIC_ANSWER_OUTPUTS);
}

bool
mosaic_predict_function(Oid funcid, MosaicPredictFn *fn)
{
	static const struct
	{
		PGFunction	function;
		MosaicPredictFn fn;
	}			functions[] = {
		{mosaic_pg_predict, {MOSAIC_ANSWER_NUMBERS}},
		{mosaic_pg_predict_variadic, {MOSAIC_ANSWER_NUMBERS,.columns = true}},
		{mosaic_pg_predict_class, {MOSAIC_ANSWER_CLASS}},
		{mosaic_pg_predict_class_variadic, {MOSAIC_ANSWER_CLASS,.columns = true}},
		{mosaic_pg_predict_label, {MOSAIC_ANSWER_LABEL}},
		{mosaic_pg_predict_label_variadic, {MOSAIC_ANSWER_LABEL,.columns = true}},
		{mosaic_pg_predict_output, {MOSAIC_ANSWER_NUMBERS,.named = true}},
		{mosaic_pg_predict_outputs, {MOSAIC_ANSWER_OUTPUTS}},
		{mosaic_pg_predict_outputs_variadic, {MOSAIC_ANSWER_OUTPUTS,.columns = true}},
		{mosaic_pg_predict_proba, {MOSAIC_ANSWER_PROBA}},
		{mosaic_pg_predict_proba_variadic, {MOSAIC_ANSWER_PROBA,.columns = true}}
	};
	FmgrInfo	info;

	fmgr_info(funcid, &info);
	for (int i = 0; i < lengthof(functions); i++)
		if (info.fn_addr == functions[i].function)
		{
			*fn = functions[i].fn;
			return info.fn_strict;
		}
	return info.fn_strict && (mosaic_predict_text_function(&info, fn) || mosaic_predict_row_function(&info, fn) ||
							  mosaic_predict_json_function(&info, fn));
}
