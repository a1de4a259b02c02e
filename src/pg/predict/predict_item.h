/*
 * predict_item.h
 *		One item in, one SQL value out: what predict(), predict_class(), predict_label() and the
 *		plan node that batches them have in common.
 */
#ifndef MOSAIC_PREDICT_ITEM_H
#define MOSAIC_PREDICT_ITEM_H

#include "fmgr.h"
#include "utils/array.h"

#include "answer.h"

/* The SQL functions that a plan may batch; what they return, and how features are given. */
typedef struct MosaicPredictFn
{
	MosaicAnswer answer;
	int			texts;			/* given as one text or a pair of them; 0: as features */
	bool		columns;		/* VARIADIC: NULL where a column is */
	bool		row;			/* given as a row */
	bool		json;			/* given as a JSON object */
	bool		named;			/* the last argument is the output's name */
} MosaicPredictFn;

/* Tells the function behind a pg_proc entry; false where it is none of these. */
extern bool mosaic_predict_function(Oid funcid, MosaicPredictFn *fn);

/* The shape that binding gives to elements. */
extern MosaicTensorView mosaic_bound_view(int dtype, const MosaicBinding *binding, const void *elements);

/*
 * An array of real for items x the item's shape: [items][dims...], or just
 * [dims...] where it is no batch.  A scalar item is an array of one.  Elements
 * are left to the caller.
 */
extern ArrayType *mosaic_make_result(bool batch, int64 items, int ndim, const int64 *item_dims);

/* One item: for each input of the model its shape and its elements. */
typedef struct MosaicItem
{
	MosaicBinding *bindings;
	const void **elements;
	int64		begin,			/* of a text: where its tokens begin, */
				n;				/* and how many there are */
} MosaicItem;

/* An error (0A000) where a batch, of which two models would have their shares, is given as a whole. */
extern void mosaic_check_no_split(MosaicPredictor *p, int64 items);

/* Of an alias of two models, the one that an item goes to. */
extern MosaicPredictor *mosaic_side_of(MosaicPredictor *p, const MosaicBinding *bindings, const void *const *elements);

/* How many arguments it has, the model among them. */
static inline int
mosaic_predict_nargs(const MosaicPredictFn *fn)
{
	return 1 + Max(fn->texts, 1) + fn->named;
}

/* Runs the model on one item; the value of the function.  output: the one that was asked for, or NULL. */
extern Datum mosaic_predict_item(MosaicPredictor *p, const MosaicItem *item, MosaicAnswer answer, text *output);

#endif
