/*
 * answer.h
 *		What a model's output becomes in SQL: numbers, a class, a label.
 */
#ifndef MOSAIC_ANSWER_H
#define MOSAIC_ANSWER_H

#include "predictor.h"

typedef enum MosaicAnswer
{
	MOSAIC_ANSWER_NUMBERS,		/* real[] */
	MOSAIC_ANSWER_CLASS,		/* int */
	MOSAIC_ANSWER_LABEL,		/* text */
	MOSAIC_ANSWER_PROBA,		/* jsonb: {label: probability} */
	MOSAIC_ANSWER_VECTOR,		/* of a text: real[] */
	MOSAIC_ANSWER_OUTPUTS		/* jsonb: all of them, by name */
} MosaicAnswer;

/*
 * The class of one item: of an output of several numbers the index of the largest, the first of
 * equals (a NaN is the largest); of a single one, the probability of class 1, whether it is
 * >= 0.5; of a single integer or boolean, which is the class itself, that.
 *
 * The label is that of the class, or the output itself where that is text; without
 * labels, a class that the model gives itself is a label, too.
 */

/*
 * The output that it is made of: the one that is asked for by name, where name is not NULL.  An error (22023) where there is none, or -1 if
 * careful.
 */
extern int	mosaic_answer_output(MosaicPredictor *p, MosaicAnswer kind, text *name, bool careful);

/* One item's part of a run. */
typedef struct MosaicPart
{
	const MosaicTensorView *outputs;	/* that output, or all: the dimensions are those of one item */
	int64		item;			/* which of them */
	int64		begin,			/* of a text: where its tokens begin, */
				n;				/* and how many there are */
} MosaicPart;

/* How items were given, and so are their outputs. */
typedef enum MosaicGiven
{
	MOSAIC_GIVEN_WHOLE,			/* with all dimensions: outputs as the model has them */
	MOSAIC_GIVEN_ITEMS,			/* without the one that counts items */
	MOSAIC_GIVEN_ONES			/* as batches of one */
} MosaicGiven;

/* The outputs of the last run for an answer of output no; in the current context. */
extern const MosaicTensorView *mosaic_answer_views(MosaicPredictor *p, MosaicAnswer kind, int no, MosaicGiven given);

/* The answer, in the current context. */
extern Datum mosaic_answer(MosaicPredictor *p, MosaicAnswer kind, int no, const MosaicPart *part);

/* The same, but false where that is an error. */
extern bool mosaic_try_answer(MosaicPredictor *p, MosaicAnswer kind, int no, const MosaicPart *part, Datum *value);

/* As datumCopy() has it. */
extern void mosaic_answer_type(MosaicAnswer kind, bool *byval, int *len);

/*
 * Elements [first, first + n) of output no as real; an error (22003, 42804) where real has no such
 * number: beyond its range, an integer that it cannot hold exactly, text.
 */
extern void mosaic_output_to_real(MosaicPredictor *p, int no, float4 *to, const MosaicTensorView *from, int64 first,
								  int64 n);

#endif
