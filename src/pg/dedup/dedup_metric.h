/*
 * dedup_metric.h
 *		A metric of the user's own: a function of a row, averaged over the rows, or an aggregate over all.
 */
#ifndef MOSAIC_DEDUP_METRIC_H
#define MOSAIC_DEDUP_METRIC_H

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

typedef struct MosaicMetricFunction
{
	char	   *name;			/* qualified and quoted */
	bool		labels;			/* whether it takes one */
	bool		aggregate;
	char	   *query;			/* its values over the relation MOSAIC_METRIC_ROWS */
} MosaicMetricFunction;

#define MOSAIC_METRIC_ROWS "mosaic_validation_rows"

/* Checks that it can be a metric, and may be executed (42809, 42501). */
extern MosaicMetricFunction *mosaic_metric_function(Oid function);

/* A description of rows (outputs real[], label of the type); the latter where labels are taken. */
extern TupleDesc mosaic_metric_desc(const MosaicMetricFunction *function, Oid label_type);

/* The metric over these rows, and its standard error, NaN of an aggregate; read only. */
extern double mosaic_metric_value(const MosaicMetricFunction *function, Tuplestorestate *rows,
								  TupleDesc desc, double *standard_error);

#endif
