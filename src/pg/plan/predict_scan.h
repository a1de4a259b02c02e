/*
 * predict_scan.h
 *		The plan node that predicts in batches: Custom Scan (Predict).
 *
 * It reads rows of the node beneath ahead of what it was asked for, as far as
 * plan_rewrite.h found that to be harmless: up to 256 where all will be asked
 * for, else 1, 2, 4, ... .  What a row of a batch would raise as an error is
 * raised when SQL reaches that row.
 */
#ifndef MOSAIC_PREDICT_SCAN_H
#define MOSAIC_PREDICT_SCAN_H

#include "nodes/execnodes.h"
#include "nodes/extensible.h"
#include "storage/dsm.h"

#include "plan_rewrite.h"
#include "predict_batch.h"

#define MOSAIC_BATCH_ROWS 256

typedef struct MosaicPredictScan
{
	CustomScanState css;
	MosaicScanInfo info;
	List	   *calls;			/* FuncExpr, over the outer tuple */
	MosaicBatch *batch;
	ExprContext *row_context;	/* of the row that is added */
	TupleTableSlot *columns;	/* kept columns, then the values of calls */

	/* Kept columns: where they come from, and their values for the rows of the batch. */
	int			nkept;
	AttrNumber *sources;		/* nkept */
	Datum	   *kept;			/* MOSAIC_BATCH_ROWS x nkept */
	bool	   *kept_null;

	/* The batch: rows [next, n) are still to be delivered. */
	int			n,
				next;
	TupleTableSlot *pending;	/* read, but not in the batch: the first of the next */
	bool		end;			/* the input has said that it has no more rows, */
	bool		ended;			/* and so have we */
	int			target;			/* rows to read ahead, where demand is unknown */
	int64		delivered;		/* rows of the input, since the start of the scan */

	/* Asked by a node of our kind: to stop rather than raise an error; and whether we did. */
	bool		careful;
	bool		stopped;

	/* Cursors. */
	bool		row_by_row;		/* has been asked to go back */
	ScanState  *scan;			/* of the rows' table, for WHERE CURRENT OF; or NULL */
	ItemPointerData *tids;		/* of the rows of the batch */

	/* Parallel query. */
	struct MosaicSharedStats *shared;
	dsm_segment *segment;		/* leader: where shared is, until the workers' share is taken */
	MosaicBatchStats workers;	/* leader: the sum of theirs */
	MemoryContextCallback callback;
} MosaicPredictScan;

extern const CustomScanMethods mosaic_predict_scan_methods;

/* Called once when the module is loaded. */
extern void mosaic_predict_scan_init(void);

/* The innermost call of ExecutorRun: of what, and how many rows it wants; 0: all. */
typedef struct MosaicRun
{
	EState	   *estate;
	uint64		count;
} MosaicRun;

extern MosaicRun mosaic_current_run;

/* explain_predict.c */
extern void mosaic_explain_predict_scan(CustomScanState *node, List *ancestors, ExplainState *es);

#endif
