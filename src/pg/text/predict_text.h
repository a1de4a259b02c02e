/*
 * predict_text.h
 *		predict() and its like over texts.
 */
#ifndef MOSAIC_PREDICT_TEXT_H
#define MOSAIC_PREDICT_TEXT_H

#include "predict_item.h"

/* Whether a function is one of these; which a plan may batch. */
extern bool mosaic_predict_text_function(const FmgrInfo *info, MosaicPredictFn *fn);

#endif
