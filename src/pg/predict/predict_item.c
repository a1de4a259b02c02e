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

Datum
mosaic_predict_item(MosaicPredictor *p, const MosaicItem *item, MosaicAnswer answer, text *output)
{
	const MosaicModel *model = mosaic_predictor_model(p);
	int			ninputs = mosaic_model_input_count(model);
	MosaicTensorView one,
			   *views = ninputs == 1 ? &one : palloc(Max(ninputs, 1) * sizeof *views);
	int			no = mosaic_answer_output(p, answer, output, false);
	MosaicPart	part = {.begin = item->begin,.n = item->n};
	Datum		result;

	for (int i = 0; i < ninputs; i++)
		views[i] = mosaic_bound_view(mosaic_model_input(model, i)->dtype, &item->bindings[i], item->elements[i]);
	mosaic_predictor_run(p, views, 1, true);
	/* An input of all dimensions gives an output of all dimensions. */
	part.outputs = mosaic_answer_views(p, answer, no, ninputs > 0 && item->bindings[0].left_out >= 0);
	result = mosaic_answer(p, answer, no, &part);
	mosaic_predictor_end(p, 1, 1, false);
	return result;
}
