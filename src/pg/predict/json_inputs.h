/*
 * json_inputs.h
 *		The inputs of a model from a JSON object: {name: number, string or nested array of them, ...}.
 */
#ifndef MOSAIC_JSON_INPUTS_H
#define MOSAIC_JSON_INPUTS_H

#include "utils/array.h"
#include "utils/jsonb.h"

#include "predictor.h"

/* One of them, a nested array taken apart: a single value has one dimension, of length 1. */
typedef struct MosaicJsonInput
{
	int			ndim;
	int64		dims[MAXDIM];
	int64		n;				/* elements */
	void	   *elements;		/* of the input's type, in the context that was current; strings too */
} MosaicJsonInput;

/*
 * Reads all inputs of the predictor's model, in their order.  Errors (22023, 22003) name the model and what is missing, unknown or wrong.
 * Interruptible.
 */
extern MosaicJsonInput *mosaic_json_inputs(MosaicPredictor *p, Jsonb *json);

/* The same, but NULL instead of an error, or where only that can tell. */
extern MosaicJsonInput *mosaic_try_json_inputs(MosaicPredictor *p, Jsonb *json);

#endif
