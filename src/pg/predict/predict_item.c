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
mosaic_check_no_split(MosaicPredictor *p, int64 items)
{
	if (mosaic_predictor_splits(p) && items != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("alias \"%s\" shares items out between two models: a batch of %lld cannot be given as a whole",
						mosaic_predictor_name(p), (long long) items),
				 errhint("Call it for each row; queries need no batches to be fast.")));
}

MosaicPredictor *
mosaic_side_of(MosaicPredictor *p, const MosaicBinding *bindings, const void *const *elements)
{
	int			n = mosaic_model_input_count(mosaic_predictor_model(p));
	uint64		hash = 0;
	MosaicPredictor *side;

	if (!mosaic_predictor_splits(p))
		return p;
	for (int i = 0; i < n; i++)
		hash = mosaic_predictor_hash(p, hash, i, &bindings[i], elements[i]);
	side = mosaic_predictor_side(p, hash);
	if (side != p)
	{
		/* It is a call of the other now. */
		mosaic_predictor_give_up(p);
		mosaic_predictor_begin(side);
	}
	return side;
}

Datum
mosaic_predict_item(MosaicPredictor *p, const MosaicItem *item, MosaicAnswer answer, text *output)
{
	const MosaicModel *model;
	int			ninputs,
				no;
	MosaicTensorView one,
			   *views;
	MosaicPart	part = {.begin = item->begin,.n = item->n};
	bool		left_out = false;
	Datum		result;

	p = mosaic_side_of(p, item->bindings, item->elements);
	model = mosaic_predictor_model(p);
	ninputs = mosaic_model_input_count(model);
	views = ninputs == 1 ? &one : palloc(Max(ninputs, 1) * sizeof *views);
	no = mosaic_answer_output(p, answer, output, false);

	for (int i = 0; i < ninputs; i++)
	{
		views[i] = mosaic_bound_view(mosaic_model_input(model, i)->dtype, &item->bindings[i], item->elements[i]);
		left_out |= item->bindings[i].left_out >= 0;
	}
	mosaic_predictor_run(p, views, 1, true);
	/* Inputs of all dimensions give an output of all dimensions. */
	part.outputs = mosaic_answer_views(p, answer, no, left_out ? MOSAIC_GIVEN_ITEMS : MOSAIC_GIVEN_WHOLE);
	result = mosaic_answer(p, answer, no, &part);
	mosaic_predictor_end(p, 1, 1, false);
	return result;
}
