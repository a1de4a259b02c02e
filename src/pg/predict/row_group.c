/*
 * row_group.c
 *		Rows that are computed together.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "predict_item.h"
#include "row_group.h"

static bool
same_shapes(const RowGroup *g, int n, const MosaicShape *shapes)
{
	if (g->ninputs != n)
		return false;
	for (int i = 0; i < n; i++)
		if (g->inputs[i].shape.ndim != shapes[i].ndim ||
			memcmp(g->inputs[i].shape.dims, shapes[i].dims, shapes[i].ndim * sizeof(int64)) != 0)
			return false;
	return true;
}

/* Binds an input of a group; false where the shape is not that of one item of a batch, or of a batch of one. */
static bool
bind_input(RowGroup *g, int i, const MosaicShape *shape)
{
	const MosaicValueInfo *info = mosaic_model_input(mosaic_predictor_model(g->p), i);
	GroupInput *in = &g->inputs[i];

	in->shape = *shape;
	if (shape->ndim == 0 || info->item_axis < 0 ||
		!mosaic_predictor_try_bind(g->p, i, shape->ndim, shape->dims, &in->binding) ||
		(in->binding.batch ? in->binding.items != 1 : in->binding.left_out < 0))
		return false;
	in->item_bytes = mosaic_dtype_size(info->dtype);
	for (int d = 0; d < in->binding.ndim; d++)
		in->item_bytes *= in->binding.dims[d];
	return true;
}

static bool
init_group(RowGroup *g, MosaicPredictor *p, int n, const MosaicShape *shapes, bool ones, MemoryContext cxt)
{
	memset(g, 0, sizeof *g);
	g->p = p;
	g->cxt = cxt;
	g->ninputs = mosaic_model_input_count(mosaic_predictor_model(p));
	if (!mosaic_predictor_batches(p) || g->ninputs != n || n == 0)
		return false;
	g->inputs = MemoryContextAllocZero(cxt, n * sizeof *g->inputs);
	for (int i = 0; i < n; i++)
		if (!bind_input(g, i, &shapes[i]))
			return false;
	/* All inputs are alike. */
	g->ones = g->inputs[0].binding.batch;
	for (int i = 1; i < n; i++)
		if (g->inputs[i].binding.batch != g->ones)
			return false;
	return ones || !g->ones;
}

RowGroup *
mosaic_find_group(RowGroup *groups, int *ngroups, MosaicPredictor *p, int n, const MosaicShape *shapes, bool ones,
				  MemoryContext cxt)
{
	for (int i = *ngroups; i-- > 0;)
		if (groups[i].p == p && same_shapes(&groups[i], n, shapes))
			return &groups[i];
	if (!init_group(&groups[*ngroups], p, n, shapes, ones, cxt))
		return NULL;
	return &groups[(*ngroups)++];
}

void
mosaic_grow_group(RowGroup *g, int most, bool texts)
{
	bool		first = g->rows == NULL;

	if (g->n < g->room)
		return;
	g->room = Min(Max(2 * g->room, 4), most);
	g->rows = first ? MemoryContextAlloc(g->cxt, g->room * sizeof(int))
		: repalloc(g->rows, g->room * sizeof(int));
	if (texts)
		g->spans = first ? MemoryContextAlloc(g->cxt, g->room * sizeof *g->spans)
			: repalloc(g->spans, g->room * sizeof *g->spans);
	for (int i = 0; i < g->ninputs; i++)
	{
		GroupInput *in = &g->inputs[i];

		in->elements = first ? MemoryContextAllocHuge(g->cxt, g->room * in->item_bytes)
			: repalloc_huge(in->elements, g->room * in->item_bytes);
	}
}

void
mosaic_group_views(RowGroup *g, int first, int n, MosaicTensorView *views)
{
	for (int i = 0; i < g->ninputs; i++)
	{
		const MosaicValueInfo *input = mosaic_model_input(mosaic_predictor_model(g->p), i);

		views[i] = mosaic_bound_view(input->dtype, &g->inputs[i].binding,
									 g->inputs[i].elements + first * g->inputs[i].item_bytes);
		views[i].dims[input->item_axis] = n;
	}
}
