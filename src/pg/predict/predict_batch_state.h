/*
 * predict_batch_state.h
 *		What a batch consists of, for the files that make it one: predict_batch.c, predict_batch_add.c.
 */
#ifndef MOSAIC_PREDICT_BATCH_STATE_H
#define MOSAIC_PREDICT_BATCH_STATE_H

#include "predict_batch.h"
#include "predict_item.h"
#include "row_group.h"

typedef struct Call
{
	MosaicPredictFn fn;
	ExprState  *model,
			   *features,		/* or a text, */
			   *second,			/* or two; else NULL */
			   *function;		/* the call as SQL makes it */
	Oid			model_type;		/* text, or uuid: a content */
	text	   *output;			/* that is asked for, or NULL */
	int			ngroups;
	RowGroup   *groups;			/* max_rows */
	MosaicShape *shapes;		/* of the inputs of the row that is added, as many as any model of this call has */
	int			nshapes;
	Size		value_bytes;	/* of the largest value */
	bool		constant;		/* of nothing that differs among rows: of a batch only the first one has a value, */
	bool		known;			/* and all others once it is */
	Datum		constant_value; /* in the memory of the query */
	bool		constant_isnull;
	/* by row */
	Datum	   *values;
	bool	   *isnull;
	int		   *group;			/* -1: the value is there */
	int		   *place;			/* in its group */
} Call;

struct MosaicBatch
{
	int			max_rows;
	int			n;
	int			ncalls;
	Call	   *calls;
	FmgrInfo	models;			/* keeps the predictors of all calls */
	MemoryContext query_cxt;
	MemoryContext cxt;			/* reset with the batch */
	MemoryContext values_cxt;	/* its child, of the values */
	MemoryContext single_cxt;	/* of values that are computed when asked for: reset with the row */
	bool		added;			/* elements since the last run */
	Size		row_bytes;		/* the calls' value_bytes */
	bool		explained,		/* it is noted how rows are computed, */
				timed;			/* operators are measured, for EXPLAIN */
	MosaicBatchStats stats;
};

#endif
