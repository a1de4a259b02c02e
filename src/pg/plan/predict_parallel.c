/*
 * predict_parallel.c
 *		What the processes of a parallel query tell each other of their batches.
 */
#include "postgres.h"

#include "access/parallel.h"

#include "predict_parallel.h"

struct MosaicSharedStats
{
	int			nworkers;
	MosaicBatchStats worker[FLEXIBLE_ARRAY_MEMBER];
};

void
mosaic_add_stats(MosaicBatchStats *to, const MosaicBatchStats *from)
{
	to->batches += from->batches;
	to->rows += from->rows;
	to->single += from->single;
	to->hit += from->hit;
	to->read += from->read;
	to->pinned += from->pinned;
	to->seconds += from->seconds;
	to->tokens += from->tokens;
	to->token_seconds += from->token_seconds;
	mosaic_add_ways(&to->ways, &from->ways);
}

Size
mosaic_parallel_estimate(CustomScanState *node, ParallelContext *pcxt)
{
	return offsetof(struct MosaicSharedStats, worker) + pcxt->nworkers * sizeof(MosaicBatchStats);
}

/* The leader lets go of the segment only after the workers have ended: the time to take what they left. */
static void
take_workers_stats(dsm_segment *segment, Datum arg)
{
	MosaicPredictScan *s = (MosaicPredictScan *) DatumGetPointer(arg);

	for (int i = 0; i < s->shared->nworkers; i++)
		mosaic_add_stats(&s->workers, &s->shared->worker[i]);
	s->segment = NULL;
	s->shared = NULL;
}

void
mosaic_parallel_init(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;

	memset(coordinate, 0, mosaic_parallel_estimate(node, pcxt));
	if (pcxt->seg == NULL)
		return;
	s->shared = coordinate;
	s->shared->nworkers = pcxt->nworkers;
	s->segment = pcxt->seg;
	on_dsm_detach(s->segment, take_workers_stats, PointerGetDatum(s));
}

void
mosaic_parallel_reinit(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	/* Workers add to what is there. */
}

void
mosaic_parallel_init_worker(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	((MosaicPredictScan *) node)->shared = coordinate;
}

void
mosaic_parallel_shutdown(CustomScanState *node)
{
	MosaicPredictScan *s = (MosaicPredictScan *) node;

	if (!IsParallelWorker() || s->shared == NULL)
		return;
	mosaic_add_stats(&s->shared->worker[ParallelWorkerNumber], mosaic_batch_stats(s->batch));
	s->shared = NULL;
}

void
mosaic_parallel_forget(MosaicPredictScan *s)
{
	if (s->segment)
		cancel_on_dsm_detach(s->segment, take_workers_stats, PointerGetDatum(s));
	s->segment = NULL;
}
