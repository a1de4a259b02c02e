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
	MOSAIC_ANSWER_VECTOR		/* of a text: real[] */
} MosaicAnswer;

/*
 * The class of one item: of an output of several numbers the index of the largest, the first of
 * equals (a NaN is the largest); of a single one, the probability of class 1, whether it is
 * >= 0.5; of a single integer or boolean, which is the class itself, that.
 *
 * The label is that of the class, or the output itself where that is text; without
 * labels, a class that the model gives itself is a label, too.
 */

/* The output that it is made of. */
extern int	mosaic_answer_output(MosaicPredictor *p, MosaicAnswer kind);

/*
 * The answer of one item whose elements of that output begin at first; output's dimensions are those
 * of one.  Of a text: its tokens are [begin, begin + n).  In the current context.
 */
extern Datum mosaic_answer(MosaicPredictor *p, MosaicAnswer kind, const MosaicTensorView *output, int64 first,
						   int64 begin, int64 n);

/* The same, but false where that is an error. */
extern bool mosaic_try_answer(MosaicPredictor *p, MosaicAnswer kind, const MosaicTensorView *output,
							  int64 first, int64 begin, int64 n, Datum *value);

/* As datumCopy() has it. */
extern void mosaic_answer_type(MosaicAnswer kind, bool *byval, int *len);

/*
 * Elements [first, first + n) of output 0 as real; an error (22003, 42804) where real has no such
 * number: beyond its range, an integer that it cannot hold exactly, text.
 */
extern void mosaic_output_to_real(MosaicPredictor *p, float4 *to, const MosaicTensorView *from, int64 first, int64 n);

#endif
