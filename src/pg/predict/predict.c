/*
 * predict.c
 *		predict() and predict_class() over arrays and columns.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "elements.h"
#include "predict_item.h"
#include "predictor.h"

/* A model with one input, and that input. */
static MosaicPredictor *
single_input(FmgrInfo *flinfo, text *name)
{
	MosaicPredictor *p = mosaic_predictor(flinfo, name);

	if (mosaic_model_input_count(mosaic_predictor_model(p)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" has %d inputs", text_to_cstring(name),
						mosaic_model_input_count(mosaic_predictor_model(p))),
				 errhint("Give them by name: predict(model, '{\"input\": [...]}'::jsonb).")));
	return p;
}

/* Runs a batch in pieces that the CPU likes; every piece yields the same bits as single items. */
static ArrayType *
run_batch(MosaicPredictor *p, const MosaicBinding *binding, const char *elements)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(p), 0);
	MosaicBinding piece = *binding;
	int64		item_bytes = mosaic_dtype_size(input->dtype);
	int64		item_size = 0;
	ArrayType  *result = NULL;

	for (int i = 1; i < binding->ndim; i++)
		item_bytes *= binding->dims[i];
	for (int64 done = 0; done < binding->items; done += piece.items)
	{
		MosaicTensorView view,
					output;

		piece.items = piece.dims[0] = mosaic_predictor_items(p, binding->items - done, item_bytes);
		view = mosaic_bound_view(input->dtype, &piece, elements + done * item_bytes);
		mosaic_predictor_run(p, &view, piece.items);
		mosaic_predictor_output(p, 0, &output);
		if (result == NULL)
		{
			int			ndim;
			const int64 *dims;

			mosaic_item_shape(p, &output, piece.items, &ndim, &dims);
			item_size = 1;
			for (int i = 0; i < ndim; i++)
				item_size *= dims[i];
			result = mosaic_make_result(true, binding->items, ndim, dims);
			if (item_size == 0)
				break;
		}
		if (mosaic_view_size(&output) != piece.items * item_size)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the output of the model has %lld elements for %lld items",
							(long long) mosaic_view_size(&output), (long long) piece.items),
					 errhint("The model does not predict item by item; call predict() for one item.")));
		mosaic_copy_floats((float4 *) ARR_DATA_PTR(result) + done * item_size, &output, 0,
						   piece.items * item_size);
	}
	return result ? result : construct_empty_array(FLOAT4OID);
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

/* predict(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict);
Datum
mosaic_pg_predict(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	ArrayType  *array = mosaic_detoast_array(PG_GETARG_DATUM(1));
	MosaicBinding binding;
	const void *elements = bind_array(p, array, &binding);

	if (binding.batch)
		PG_RETURN_ARRAYTYPE_P(run_batch(p, &binding, elements));
	PG_RETURN_DATUM(mosaic_predict_item(p, &binding, elements, false));
}

/* predict_class(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class);
Datum
mosaic_pg_predict_class(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	MosaicBinding binding;
	const void *elements = bind_array(p, mosaic_detoast_array(PG_GETARG_DATUM(1)), &binding);

	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("predict_class() takes one item, not a batch of %lld", (long long) binding.items),
				 errhint("Call it for each row; queries need no batches to be fast.")));
	PG_RETURN_DATUM(mosaic_predict_item(p, &binding, elements, true));
}

/* One item given as columns; NULL where one of them is. */
static Datum
predict_columns(FunctionCallInfo fcinfo, bool to_class)
{
	ArrayType  *array = mosaic_detoast_array(PG_GETARG_DATUM(1));
	MosaicPredictor *p;
	MosaicBinding binding;
	const void *elements;

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		PG_RETURN_NULL();
	p = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	elements = bind_array(p, array, &binding);
	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns are one item, not a batch of %lld", (long long) binding.items)));
	PG_RETURN_DATUM(mosaic_predict_item(p, &binding, elements, to_class));
}

/* predict(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_variadic);
Datum
mosaic_pg_predict_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, false);
}

/* predict_class(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class_variadic);
Datum
mosaic_pg_predict_class_variadic(PG_FUNCTION_ARGS)
{
	return predict_columns(fcinfo, true);
}

bool
mosaic_predict_function(Oid funcid, MosaicPredictFn *fn)
{
	FmgrInfo	info;

	fmgr_info(funcid, &info);
	fn->to_class = info.fn_addr == mosaic_pg_predict_class || info.fn_addr == mosaic_pg_predict_class_variadic;
	fn->columns = info.fn_addr == mosaic_pg_predict_variadic || info.fn_addr == mosaic_pg_predict_class_variadic;
	return info.fn_strict && (fn->to_class || fn->columns || info.fn_addr == mosaic_pg_predict);
}
