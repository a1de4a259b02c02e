/*
 * predict_parallel.h
 *		What the processes of a parallel query tell each other of their batches:
 *		statistics, for EXPLAIN.
 */
#ifndef MOSAIC_PREDICT_PARALLEL_H
#define MOSAIC_PREDICT_PARALLEL_H

#include "predict_scan.h"

extern Size mosaic_parallel_estimate(CustomScanState *node, ParallelContext *pcxt);
extern void mosaic_parallel_init(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
extern void mosaic_parallel_reinit(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
extern void mosaic_parallel_init_worker(CustomScanState *node, shm_toc *toc, void *coordinate);
extern void mosaic_parallel_shutdown(CustomScanState *node);

/* The node is about to be freed. */
extern void mosaic_parallel_forget(MosaicPredictScan *s);

extern void mosaic_add_stats(MosaicBatchStats *to, const MosaicBatchStats *from);

#endif
