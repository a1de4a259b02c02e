/*
 * predict_item.c
 *		One item in, one SQL value out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "elements.h"
#include "predict_item.h"

MosaicTensorView
mosaic_bound_view(int dtype, const MosaicBinding *binding, const void *elements)
{
	MosaicTensorView view = {.dtype = dtype,.ndim = binding->ndim,.data = elements};

	memcpy(view.dims, binding->dims, sizeof view.dims);
	return view;
}

static void
too_large(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the predictions do not fit in one array"),
			 errhint("Predict fewer items at a time.")));
}

ArrayType *
mosaic_make_result(bool batch, int64 items, int ndim, const int64 *item_dims)
{
	int			dims[MAXDIM];
	int			n = 0;
	int64		size = batch ? items : 1;
	ArrayType  *result;

	if (batch)
		dims[n++] = (int) items;
	for (int i = 0; i < ndim; i++)
	{
		size *= item_dims[i];
		if (item_dims[i] > PG_INT32_MAX || size > MaxAllocSize / sizeof(float4))
			too_large();
	}
	if (n + Max(ndim, 1) > MAXDIM || ndim == 0)
		dims[n++] = batch ? (items ? (int) (size / items) : 0) : (int) size;
	else
		for (int i = 0; i < ndim; i++)
			dims[n++] = (int) item_dims[i];
	if (size == 0)
		return construct_empty_array(FLOAT4OID);
	if (size > MaxAllocSize / sizeof(float4))
		too_large();
	result = palloc(ARR_OVERHEAD_NONULLS(n) + size * sizeof(float4));
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(n) + size * sizeof(float4));
	result->ndim = n;
	result->dataoffset = 0;
	result->elemtype = FLOAT4OID;
	for (int i = 0; i < n; i++)
	{
		ARR_DIMS(result)[i] = dims[i];
		ARR_LBOUND(result)[i] = 1;
	}
	return result;
}

void
mosaic_copy_floats(float4 *to, const MosaicTensorView *from, int64 first, int64 n)
{
	if (from->dtype == MOSAIC_FLOAT)
		memcpy(to, (const float4 *) from->data + first, n * sizeof(float4));
	else
		for (int64 i = 0; i < n; i++)
			to[i] = (float4) mosaic_element_to_double(from, first + i);
}

static Datum
item_array(const MosaicTensorView *output)
{
	ArrayType  *result = mosaic_make_result(false, 1, output->ndim, output->dims);

	if (ARR_NDIM(result) > 0)
		mosaic_copy_floats((float4 *) ARR_DATA_PTR(result), output, 0, mosaic_view_size(output));
	return PointerGetDatum(result);
}

static Datum
item_class(const MosaicTensorView *output)
{
	int64		n = mosaic_view_size(output);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the output of the model has no elements")));
	return Int32GetDatum((int32) mosaic_argmax(output, 0, n));
}

Datum
mosaic_predict_item(MosaicPredictor *p, const MosaicBinding *binding, const void *elements,
					bool to_class)
{
	const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(p), 0);
	MosaicTensorView view = mosaic_bound_view(input->dtype, binding, elements);
	MosaicTensorView output;

	mosaic_predictor_run(p, &view, 1, true);
	/* An input of all dimensions gives an output of all dimensions. */
	if (binding->left_out >= 0)
		mosaic_predictor_item_output(p, 0, &output);
	else
		mosaic_predictor_output(p, 0, &output);
	return to_class ? item_class(&output) : item_array(&output);
}
