/*
 * predict_row.h
 *		predict() and its like over rows.
 */
#ifndef MOSAIC_PREDICT_ROW_H
#define MOSAIC_PREDICT_ROW_H

#include "predict_item.h"

/* As mosaic_predict_function(), of those over rows. */
extern bool mosaic_predict_row_function(const FmgrInfo *info, MosaicPredictFn *fn);

#endif
