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
#include "utils/memutils.h"

#include "elements.h"
#include "predictor.h"

/*
 * Items of a batch that are computed together: enough for the kernels to run at
 * full speed, few enough for activations to stay in the CPU's caches.
 */
#define BATCH_ITEMS 256

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

static MosaicTensorView
view_of(int dtype, const MosaicBinding *binding, const void *data)
{
	MosaicTensorView view = {.dtype = dtype,.ndim = binding->ndim,.data = data};

	memcpy(view.dims, binding->dims, sizeof view.dims);
	return view;
}

/* Runs the model on an array of one item; its first output. */
static MosaicTensorView
run_item(MosaicPredictor *p, const MosaicBinding *binding, const void *elements)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(p), 0);
	MosaicTensorView view = view_of(input->dtype, binding, elements);
	MosaicTensorView output;

	mosaic_predictor_run(p, &view, 1);
	mosaic_predictor_output(p, 0, &output);
	return output;
}

/* The item's own dimensions of an output of one item or a batch. */
static void
item_shape(MosaicPredictor *p, const MosaicTensorView *output, int *ndim, const int64 **dims)
{
	bool		batch_input = mosaic_has_batch_dimension(mosaic_model_input(mosaic_predictor_model(p), 0));
	int			skip = batch_input && output->ndim >= 1 ? 1 : 0;

	*ndim = output->ndim - skip;
	*dims = output->dims + skip;
}

/*
 * An array of real for items x the item's shape: [items][dims...], or just
 * [dims...] where it is no batch.  A scalar item is an array of one.
 */
static ArrayType *
make_result(bool batch, int64 items, int ndim, const int64 *item_dims)
{
	int			dims[MAXDIM];
	int			lbs[MAXDIM];
	int			n = 0;
	int64		size = batch ? items : 1;
	ArrayType  *result;

	if (batch)
		dims[n++] = (int) items;
	for (int i = 0; i < ndim; i++)
	{
		size *= item_dims[i];
		if (item_dims[i] > PG_INT32_MAX || size > MaxAllocSize / sizeof(float4))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the predictions do not fit in one array"),
					 errhint("Predict fewer items at a time.")));
	}
	if (n + Max(ndim, 1) > MAXDIM || ndim == 0)
		dims[n++] = batch ? (items ? (int) (size / items) : 0) : (int) size;
	else
		for (int i = 0; i < ndim; i++)
			dims[n++] = (int) item_dims[i];
	if (size == 0)
		return construct_empty_array(FLOAT4OID);
	if (size > MaxAllocSize / sizeof(float4))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the predictions do not fit in one array"),
				 errhint("Predict fewer items at a time.")));
	result = palloc(ARR_OVERHEAD_NONULLS(n) + size * sizeof(float4));
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(n) + size * sizeof(float4));
	result->ndim = n;
	result->dataoffset = 0;
	result->elemtype = FLOAT4OID;
	for (int i = 0; i < n; i++)
		lbs[i] = 1;
	memcpy(ARR_DIMS(result), dims, n * sizeof(int));
	memcpy(ARR_LBOUND(result), lbs, n * sizeof(int));
	return result;
}

static void
copy_floats(float4 *to, const MosaicTensorView *from)
{
	int64		n = mosaic_view_size(from);

	if (from->dtype == MOSAIC_FLOAT)
		memcpy(to, from->data, n * sizeof(float4));
	else
		for (int64 i = 0; i < n; i++)
			to[i] = (float4) mosaic_element_to_double(from, i);
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

		piece.items = piece.dims[0] = Min(BATCH_ITEMS, binding->items - done);
		view = view_of(input->dtype, &piece, elements + done * item_bytes);
		mosaic_predictor_run(p, &view, piece.items);
		mosaic_predictor_output(p, 0, &output);
		if (result == NULL)
		{
			int			ndim;
			const int64 *dims;

			item_shape(p, &output, &ndim, &dims);
			item_size = 1;
			for (int i = 0; i < ndim; i++)
				item_size *= dims[i];
			result = make_result(true, binding->items, ndim, dims);
			if (item_size == 0)
				break;
		}
		if (mosaic_view_size(&output) != piece.items * item_size)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the output of the model has %lld elements for %lld items",
							(long long) mosaic_view_size(&output), (long long) piece.items),
					 errhint("The model does not predict item by item; call predict() for one item.")));
		copy_floats((float4 *) ARR_DATA_PTR(result) + done * item_size, &output);
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

static ArrayType *
item_result(MosaicPredictor *p, const MosaicTensorView *output)
{
	int			ndim;
	const int64 *dims;
	ArrayType  *result;

	item_shape(p, output, &ndim, &dims);
	result = make_result(false, 1, ndim, dims);
	if (ARR_NDIM(result) > 0)
		copy_floats((float4 *) ARR_DATA_PTR(result), output);
	return result;
}

static int32
item_class(const MosaicTensorView *output)
{
	int64		n = mosaic_view_size(output);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the output of the model has no elements")));
	return (int32) mosaic_argmax(output, 0, n);
}

/* predict(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict);
Datum
mosaic_pg_predict(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	MosaicBinding binding;
	const void *elements = bind_array(p, array, &binding);
	ArrayType  *result;

	if (binding.batch)
		result = run_batch(p, &binding, elements);
	else
	{
		MosaicTensorView output = run_item(p, &binding, elements);

		result = item_result(p, &output);
	}
	PG_RETURN_ARRAYTYPE_P(result);
}

/* predict_class(model text, features real[] | anyarray) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class);
Datum
mosaic_pg_predict_class(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	MosaicBinding binding;
	const void *elements = bind_array(p, PG_GETARG_ARRAYTYPE_P(1), &binding);
	MosaicTensorView output;

	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("predict_class() takes one item, not a batch of %lld", (long long) binding.items),
				 errhint("Call it for each row; queries need no batches to be fast.")));
	output = run_item(p, &binding, elements);
	PG_RETURN_INT32(item_class(&output));
}

/* One item given as columns; false where one of them is NULL. */
static bool
run_columns(FunctionCallInfo fcinfo, MosaicPredictor **predictor, MosaicTensorView *output)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	MosaicBinding binding;
	const void *elements;

	if (ARR_HASNULL(array) && array_contains_nulls(array))
		return false;
	*predictor = single_input(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	elements = bind_array(*predictor, array, &binding);
	if (binding.batch)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("columns are one item, not a batch of %lld", (long long) binding.items)));
	*output = run_item(*predictor, &binding, elements);
	return true;
}

/* predict(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_variadic);
Datum
mosaic_pg_predict_variadic(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p;
	MosaicTensorView output;

	if (!run_columns(fcinfo, &p, &output))
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(item_result(p, &output));
}

/* predict_class(model text, VARIADIC double precision[]) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_predict_class_variadic);
Datum
mosaic_pg_predict_class_variadic(PG_FUNCTION_ARGS)
{
	MosaicPredictor *p;
	MosaicTensorView output;

	if (!run_columns(fcinfo, &p, &output))
		PG_RETURN_NULL();
	PG_RETURN_INT32(item_class(&output));
}
