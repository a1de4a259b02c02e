/*
 * row_group.h
 *		Rows that are computed together: same model, same shapes.
 */
#ifndef MOSAIC_ROW_GROUP_H
#define MOSAIC_ROW_GROUP_H

#include "utils/array.h"

#include "predictor.h"

/* Of what one input is given for a row. */
typedef struct MosaicShape
{
	int			ndim;
	int64		dims[MAXDIM];
} MosaicShape;

/* One input of the model in a group: the same shape for all items. */
typedef struct GroupInput
{
	MosaicShape shape;
	MosaicBinding binding;		/* of one item */
	int64		item_bytes;
	char	   *elements;		/* of n items */
} GroupInput;

/* Where the tokens of a text are in each input. */
typedef struct TokenSpan
{
	int64		begin,
				n;
} TokenSpan;

typedef struct RowGroup
{
	MosaicPredictor *p;
	MemoryContext cxt;
	int			ninputs;
	GroupInput *inputs;
	int			n,
				room;
	int		   *rows;			/* n */
	TokenSpan  *spans;			/* n; NULL where they are no texts */
	bool		ones;			/* items are given as batches of one: so are their outputs */
} RowGroup;

/*
 * The group of a model and shapes, of n inputs, among groups, or a new one behind them; NULL where these are not the shapes of one item
 * of a batch, or, where ones says that this is asked for too, of a batch of one.  Its memory is of cxt.
 */
extern RowGroup *mosaic_find_group(RowGroup *groups, int *ngroups, MosaicPredictor *p, int n, const MosaicShape *shapes,
								   bool ones, MemoryContext cxt);

/* Room for one more item, of most at a time. */
extern void mosaic_grow_group(RowGroup *g, int most, bool texts);

/* Where the elements of the next item are to be. */
static inline char *
mosaic_next_item(RowGroup *g, int input)
{
	return g->inputs[input].elements + g->n * g->inputs[input].item_bytes;
}

/* The inputs of items [first, first + n), into views. */
extern void mosaic_group_views(RowGroup *g, int first, int n, MosaicTensorView *views);

#endif
