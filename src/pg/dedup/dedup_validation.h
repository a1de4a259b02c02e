/*
 * dedup_validation.h
 *		The rows that a model is judged by, and its predictions for them with any maps.
 */
#ifndef MOSAIC_DEDUP_VALIDATION_H
#define MOSAIC_DEDUP_VALIDATION_H

#include "model_cache.h"
#include "mosaic/capi_dedup.h"

typedef struct MosaicValidation MosaicValidation;

/*
 * Runs the query once, read only and with the rights of the current role, and keeps its rows (beyond work_mem on disk), so that every state of
 * the model is judged by the same ones.  original: the model as it is; must
 * outlive the result, which lives in the current context.
 */
extern MosaicValidation *mosaic_validation_open(const char *query, bool labels,
												MosaicModelHandle *original);

/* Hands all rows to the metric, predicted with the maps of candidate. */
extern void mosaic_validation_run(MosaicValidation *validation, MosaicModelHandle *candidate,
								  MosaicDedup *dedup);

extern void mosaic_validation_close(MosaicValidation *validation);

#endif
