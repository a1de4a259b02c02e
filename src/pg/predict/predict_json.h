/*
 * predict_json.h
 *		predict(model, inputs jsonb): all inputs and outputs by name.
 */
#ifndef MOSAIC_PREDICT_JSON_H
#define MOSAIC_PREDICT_JSON_H

#include "predict_item.h"

/* As mosaic_predict_function(), of that. */
extern bool mosaic_predict_json_function(const FmgrInfo *info, MosaicPredictFn *fn);

#endif
