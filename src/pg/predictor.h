/*
 * predictor.h
 *		A model made ready to predict, kept from row to row of a query.
 */
#ifndef MOSAIC_PREDICTOR_H
#define MOSAIC_PREDICTOR_H

#include "fmgr.h"

#include "mosaic/capi.h"

typedef struct MosaicPredictor MosaicPredictor;

/*
 * The predictor for a model as the active snapshot and the current role see it.
 * Kept in flinfo for the following calls; errors 42704 and 42501.
 */
extern MosaicPredictor *mosaic_predictor(FmgrInfo *flinfo, text *model_name);

extern const MosaicModel *mosaic_predictor_model(MosaicPredictor *predictor);

/* "model "m", input "x"": for messages; valid until the next call. */
extern const char *mosaic_predictor_input_name(MosaicPredictor *predictor, int input);

/* Whether dimension 0 of an input or output counts items (core/infer/binding.h). */
extern bool mosaic_has_batch_dimension(const MosaicValueInfo *info);

/* Binds an array to an input, or raises an error that names both lengths. */
extern void mosaic_predictor_bind(MosaicPredictor *predictor, int input, int ndim,
								  const int64 *dims, MosaicBinding *binding);

/*
 * Predicts.  Interruptible.  inputs are the model's, in order; see
 * mosaic_exec_start() for items.
 */
extern void mosaic_predictor_run(MosaicPredictor *predictor, const MosaicTensorView *inputs,
								 int64 items);

/* Output i of the last run; valid until the next one. */
extern void mosaic_predictor_output(MosaicPredictor *predictor, int i, MosaicTensorView *output);

#endif
