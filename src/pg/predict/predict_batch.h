/*
 * predict_batch.h
 *		Calls of predict() for many rows at once.
 *
 * Rows are added one by one and then computed together, grouped by model and
 * shape.  The values are those of the functions, to the bit.  So are the errors,
 * for whoever keeps to this: a row that mosaic_batch_add() refuses (it cannot
 * be in a batch, or would be an error) is added again as the first of a batch
 * when SQL has reached it, and then computed by the functions themselves.
 */
#ifndef MOSAIC_PREDICT_BATCH_H
#define MOSAIC_PREDICT_BATCH_H

#include "nodes/execnodes.h"

#include "predictor.h"
#include "rows_way.h"

/* What was done, for EXPLAIN; plain data, shared with parallel workers. */
typedef struct MosaicBatchStats
{
	int64		batches,
				rows,			/* in batches */
				single,			/* rows computed one by one */
				hit,			/* pages found in shared_buffers, */
				read,			/* and not */
				pinned;			/* most pages of models pinned at a time */
	double		seconds;		/* running models */
	int64		tokens;			/* of texts */
	double		token_seconds;	/* making them */
	MosaicRowsWays ways;
} MosaicBatchStats;

typedef struct MosaicBatch MosaicBatch;

/*
 * Batches of up to max_rows rows for calls (a list of FuncExpr over the outer
 * tuple), in the memory of the query of parent.
 */
extern MosaicBatch *mosaic_batch_new(PlanState *parent, List *calls, int max_rows);

extern void mosaic_batch_reset(MosaicBatch *batch);

/* Adds the row of econtext.  ready: only with models that are looked up already; no error. */
extern bool mosaic_batch_add(MosaicBatch *batch, ExprContext *econtext, bool ready);

/* Whether the rows, or their values, take work_mem: then no more should be added. */
extern bool mosaic_batch_is_full(MosaicBatch *batch);

/* Adds the row to an empty batch, calling the functions. */
extern void mosaic_batch_add_computed(MosaicBatch *batch, ExprContext *econtext);

/* Computes the rows that were added. */
extern void mosaic_batch_run(MosaicBatch *batch);

/* Whether the values of a row are there; if not, asking for them may raise an error. */
extern bool mosaic_batch_has_values(MosaicBatch *batch, int row);
/* The values of the calls for a row; valid until they are asked for again. */
extern void mosaic_batch_values(MosaicBatch *batch, int row, Datum *values, bool *isnull);

/* Memory for what goes with the rows until the batch is reset. */
extern MemoryContext mosaic_batch_memory(MosaicBatch *batch);

extern MosaicBatchStats *mosaic_batch_stats(MosaicBatch *batch);
/* The i-th model in use, or NULL. */
extern MosaicPredictor *mosaic_batch_model(MosaicBatch *batch, int i);

#endif
