/*
 * predictor.h
 *		A model made ready to predict, kept from row to row of a query.
 */
#ifndef MOSAIC_PREDICTOR_H
#define MOSAIC_PREDICTOR_H

#include "access/htup.h"
#include "fmgr.h"

#include "mosaic/capi.h"
#include "rows_way.h"
#include "usage_shared.h"

typedef struct MosaicPredictor MosaicPredictor;

extern int	mosaic_predict_memory;	/* kB of activations that a prediction may take */

/*
 * The predictor for a model as the active snapshot and the current role see it.
 * Kept in flinfo for the following calls; errors 42704 and 42501.  It is valid
 * until as many others as flinfo has room for were asked for.
 */
extern MosaicPredictor *mosaic_predictor(FmgrInfo *flinfo, text *model_name);

/* Makes room in flinfo, which is new, for n models or more. */
extern void mosaic_predictor_room(FmgrInfo *flinfo, int n);

/* The predictor if it needs no look into the catalogs, else NULL.  Never raises an error. */
extern MosaicPredictor *mosaic_predictor_ready(FmgrInfo *flinfo, text *model_name);

extern const MosaicModel *mosaic_predictor_model(MosaicPredictor *predictor);

/*
 * Whether the name is that of an alias which shares items out between two models; which of them an item goes to, by
 * a hash of its inputs' elements, from the first input on (hash: of those before).  Both take the same inputs.
 */
extern bool mosaic_predictor_splits(MosaicPredictor *predictor);
extern uint64 mosaic_predictor_hash(MosaicPredictor *predictor, uint64 hash, int input, const MosaicBinding *binding,
									const void *elements);
extern MosaicPredictor *mosaic_predictor_side(MosaicPredictor *predictor, uint64 hash);

/*
 * For statistics: a call of a function begins (what does not end was an error), and ended.  n calls in one, of
 * rows which were given together or one by one.
 */
extern void mosaic_predictor_begin(MosaicPredictor *predictor);
extern void mosaic_predictor_end(MosaicPredictor *predictor, int64 calls, int64 rows, bool together);
extern void mosaic_predictor_give_up(MosaicPredictor *predictor);
extern void mosaic_predictor_tokens(MosaicPredictor *predictor, int64 tokens);

/* Of the calls that follow. */
typedef struct MosaicSingles
{
	MosaicUsageCounter reason;	/* why they are computed one by one, where the model is none */
	MosaicRowsWays *ways;		/* where it is noted, for EXPLAIN; or NULL */
} MosaicSingles;

/* { MOSAIC_USAGE_SINGLE_PLAN, NULL } until another is said.  What it was is returned. */
extern MosaicSingles mosaic_predictor_singles(MosaicSingles how);

/* "model "m", input "x"": for messages; valid until the next call. */
extern const char *mosaic_predictor_input_name(MosaicPredictor *predictor, int input);

/* The same of an output. */
extern const char *mosaic_predictor_output_name(MosaicPredictor *predictor, int output);

/* The labels of the model's classes, *n of them; valid until it is looked up again. */
extern text **mosaic_predictor_labels(MosaicPredictor *predictor, int *n);

/* What the probabilities of its classes are made with, valid likewise. */
extern struct MosaicProba *mosaic_predictor_proba(MosaicPredictor *predictor);

/*
 * How a row becomes its inputs, by the row's type; valid likewise.  ready: NULL where that is not known yet.
 */
extern struct MosaicRowMap *mosaic_predictor_row_map(MosaicPredictor *predictor, HeapTupleHeader row, bool ready);

/* The model as one of texts, valid likewise; an error (55000, 22023) where it is none. */
extern struct MosaicTextModel *mosaic_predictor_text(MosaicPredictor *predictor);
/* The same where that is known already, else NULL. */
extern struct MosaicTextModel *mosaic_predictor_text_ready(MosaicPredictor *predictor);

/* Whether rows may be computed together. */
extern bool mosaic_predictor_batches(MosaicPredictor *predictor);

/* Whether the time of each operator is measured. */
extern void mosaic_predictor_set_timed(MosaicPredictor *predictor, bool timed);

/* Binds an array to an input, or raises an error that names both lengths. */
extern void mosaic_predictor_bind(MosaicPredictor *predictor, int input, int ndim,
								  const int64 *dims, MosaicBinding *binding);

/* The same, but false instead of an error. */
extern bool mosaic_predictor_try_bind(MosaicPredictor *predictor, int input, int ndim,
									  const int64 *dims, MosaicBinding *binding);

/*
 * Predicts.  Interruptible.  inputs are the model's, in order; see
 * mosaic_exec_start() for items and stacked.
 */
extern void mosaic_predictor_run(MosaicPredictor *predictor, const MosaicTensorView *inputs,
								 int64 items, bool stacked);

/*
 * The same, but false where the model cannot be run on these inputs.  (What
 * keeps any input from being predicted is still an error.)
 */
extern bool mosaic_predictor_try_run(MosaicPredictor *predictor, const MosaicTensorView *inputs,
									 int64 items, bool stacked);

/*
 * How many of the items of these inputs should be run at once, for their
 * activations to stay in caches.  REQUIRES: items > 0.
 */
extern int	mosaic_predictor_items(MosaicPredictor *predictor, const MosaicTensorView *inputs,
								   int64 items);

/* Output i of the last run, as the model has it; valid until the next one. */
extern void mosaic_predictor_output(MosaicPredictor *predictor, int i, MosaicTensorView *output);

/*
 * The same item after item: the view's dimensions are those of one, without the axis that counts items, or, keep_axis, as a
 * batch of one has it.
 */
extern void mosaic_predictor_item_output(MosaicPredictor *predictor, int i, bool keep_axis,
										 MosaicTensorView *output);

/* The i-th model kept in flinfo, most recently used first, or NULL: for EXPLAIN. */
extern MosaicPredictor *mosaic_predictor_kept(FmgrInfo *flinfo, int i);
extern const char *mosaic_predictor_name(MosaicPredictor *predictor);
/* The model_id of what was last predicted with; 0 where that is let go. */
extern int64 mosaic_predictor_version(MosaicPredictor *predictor);
/* Pages of the model that are pinned now. */
extern int64 mosaic_predictor_pinned(MosaicPredictor *predictor);
/* The execution, for its statistics; NULL before the first run. */
extern const MosaicExec *mosaic_predictor_exec(MosaicPredictor *predictor);

#endif
