/*
 * dedup_gate.c
 *		How many of the merges are made: as many as the metric allows, by trying.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "dedup_job.h"
#include "dedup_validation.h"

/* A copy of the handle whose maps can be changed. */
void
mosaic_copy_maps(DedupJob *job)
{
	const MosaicModelHandle *h = job->handle;

	job->candidate = *h;
	job->candidate.tensors = palloc(Max(h->ntensors, 1) * sizeof *h->tensors);
	for (int t = 0; t < h->ntensors; t++)
	{
		MosaicTensorBlocks *to = &job->candidate.tensors[t];

		*to = h->tensors[t];
		if (to->n == 0)
			continue;
		to->ids = MemoryContextAllocHuge(CurrentMemoryContext, to->n * sizeof(int32));
		to->places = MemoryContextAllocHuge(CurrentMemoryContext, to->n * sizeof(ItemPointerData));
		memcpy(to->ids, h->tensors[t].ids, to->n * sizeof(int32));
		memcpy(to->places, h->tensors[t].places, to->n * sizeof(ItemPointerData));
	}
}

/* Sets the candidate's maps to the original's with partners put in. */
static void
apply(DedupJob *job, bool accepted)
{
	for (int t = 0; t < job->handle->ntensors; t++)
	{
		MosaicTensorBlocks *from = &job->handle->tensors[t],
				   *to = &job->candidate.tensors[t];

		if (from->n == 0)
			continue;
		memcpy(to->ids, from->ids, from->n * sizeof(int32));
		memcpy(to->places, from->places, from->n * sizeof(ItemPointerData));
		mosaic_dedup_apply(job->dedup, accepted, t, to->ids);
		for (int64 i = 0; i < from->n; i++)
			if (to->ids[i] != from->ids[i])
				to->places[i] = mosaic_find_offer(job, to->ids[i])->place;
	}
}

void
mosaic_pass_gate(DedupJob *job, const char *query)
{
	MosaicValidation *validation =
		mosaic_validation_open(query, mosaic_dedup_uses_labels(job->dedup), job->handle);
	MosaicError error;
	MosaicCode	code;

	while ((code = mosaic_dedup_next(job->dedup, &error)) == MOSAIC_MORE)
	{
		apply(job, false);
		mosaic_validation_run(validation, &job->candidate, job->dedup);
		mosaic_dedup_check(mosaic_dedup_report(job->dedup, &error), &error);
	}
	mosaic_dedup_check(code, &error);
	mosaic_validation_close(validation);
	apply(job, true);
}
