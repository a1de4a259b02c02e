/*
 * proba.h
 *		The probabilities of a model's classes as jsonb: {label: p, ...}.
 *
 * Which output they are made of, and how, follows from the graph (core/plan/class_scores.h):
 * probabilities are taken as they are, logits go through a softmax.  One probability is that of
 * class 1 of two.
 *
 * A class is called as the graph says: by a text, or by a number, which labels of the model may
 * name; else as the model's labels say; else by its number, from 0.
 */
#ifndef MOSAIC_PROBA_H
#define MOSAIC_PROBA_H

#include "mosaic/capi_scores.h"

typedef struct MosaicProba MosaicProba;

/*
 * Of a model with n labels, in the current context; labels are borrowed.  name: for messages.
 */
extern MosaicProba *mosaic_proba_new(const MosaicModel *model, text **labels, int n, const char *name);

/* The output that has the scores; an error (22023) where there is none, or -1 if careful. */
extern int	mosaic_proba_output(const MosaicProba *proba, bool careful);

/* What keeps an output from being probabilities. */
typedef struct MosaicProbaFailure
{
	enum
	{
		PROBA_OK, PROBA_SHAPE, PROBA_MANY, PROBA_RANGE, PROBA_LABELS, PROBA_SAME_LABEL
	}			kind;
	int64		n;				/* classes; of PROBA_RANGE: the element */
	int64		number;			/* PROBA_LABELS: a class that has none, or -1 */
	const char *label;			/* PROBA_SAME_LABEL */
} MosaicProbaFailure;

/*
 * The probabilities of the item whose elements begin at first; output's dimensions are those of one.  What
 * fails by its elements is told in *failure.
 */
extern Datum mosaic_proba_make(MosaicProba *proba, const MosaicTensorView *output, int64 first,
							   MosaicProbaFailure *failure);

/* Raises what mosaic_proba_make() found.  what: the output, for messages. */
pg_noreturn extern void mosaic_proba_report(const MosaicProba *proba, const MosaicProbaFailure *failure,
											const MosaicTensorView *output, const char *what);

/* The place of a text among the classes' names that the graph has; -1: it is none of them. */
extern int	mosaic_proba_class(const MosaicProba *proba, const MosaicString *s);

#endif
