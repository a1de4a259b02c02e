/*
 * dedup_validation.h
 *		The rows that a model is judged by, and what a metric says of its predictions.
 */
#ifndef MOSAIC_DEDUP_VALIDATION_H
#define MOSAIC_DEDUP_VALIDATION_H

#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "utils/tuplestore.h"

#include "dedup_metric.h"
#include "model_cache.h"
#include "mosaic/capi_dedup.h"

/* Rows of the validation query: an array for each input of the model, perhaps a label. */
typedef struct MosaicValidation
{
	const MosaicModel *model;
	MosaicDedup *dedup;
	MosaicMetricFunction *function; /* the user's own metric, or NULL */
	int			ninputs;
	bool		labels;			/* whether the metric wants them */
	Tuplestorestate *rows;		/* beyond work_mem on disk */
	TupleDesc	desc;			/* of rows */
	int64		row;			/* 1 ..., for messages */
	int			max_items;		/* of a batch; 0: not known yet */

	/* Outputs of the model as it is, a bytea of float4 for each row, for metrics that want them. */
	Tuplestorestate *references;
	TupleDesc	reference_desc;
} MosaicValidation;

/*
 * Runs the query once, read only and with the rights of the current role, and
 * keeps its rows, so that every state of the model is judged by the same ones.
 * All arguments must outlive the result, which lives in the current context.
 */
extern MosaicValidation *mosaic_validation_open(const char *query, const MosaicModel *model,
												MosaicDedup *dedup, MosaicMetricFunction *function);
extern void mosaic_validation_close(MosaicValidation *validation);

/* One row, bound to the inputs: elements in the current context. */
extern void mosaic_validation_bind(MosaicValidation *validation, TupleTableSlot *slot,
								   MosaicTensorView *inputs);
/* Its label; as a number, where it is one for the metric. */
extern Datum mosaic_validation_label(MosaicValidation *validation, TupleTableSlot *slot);
extern double mosaic_validation_number(MosaicValidation *validation, Datum label);

/*
 * dedup_evaluate.c: predicts all rows with the maps of candidate and reports the
 * metric to the dedup.  The first call is with the model as it is.
 */
extern void mosaic_validation_run(MosaicValidation *validation, MosaicModelHandle *candidate);

#endif
