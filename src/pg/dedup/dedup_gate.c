/*
 * dedup_gate.c
 *		How many of the merges are made: as many as the metric allows, by trying.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "dedup_job.h"
#include "dedup_validation.h"
#include "made_blocks.h"
#include "progress.h"

/* A copy of the handle whose maps can be changed. */
void
mosaic_copy_maps(DedupJob *job)
{
	const MosaicModelHandle *h = job->handle;

	job->candidate = *h;
	job->candidate.cxt = CurrentMemoryContext;
	memset(&job->candidate.made, 0, sizeof job->candidate.made);
	/* Lowering a block takes as long as some rows of a product with it. */
	if (job->ladder)
		job->candidate.made.memory = maintenance_work_mem * INT64CONST(1024);
	job->candidate.tensors = palloc(Max(h->ntensors, 1) * sizeof *h->tensors);
	for (int t = 0; t < h->ntensors; t++)
	{
		MosaicTensorBlocks *to = &job->candidate.tensors[t];

		*to = h->tensors[t];
		to->base_places = NULL;
		to->base_buffers = NULL;
		to->made = NULL;
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
	mosaic_made_forget(&job->candidate);
	for (int t = 0; t < job->handle->ntensors; t++)
	{
		MosaicTensorBlocks *from = &job->handle->tensors[t],
				   *to = &job->candidate.tensors[t];

		if (from->n == 0)
			continue;
		memcpy(to->ids, from->ids, from->n * sizeof(int32));
		memcpy(to->places, from->places, from->n * sizeof(ItemPointerData));
		if (!job->ladder)
			mosaic_dedup_apply(job->dedup, accepted, t, to->ids);
	}
	if (job->ladder)
		mosaic_apply_rungs(job, accepted);
	for (int t = 0; t < job->handle->ntensors; t++)
	{
		MosaicTensorBlocks *from = &job->handle->tensors[t],
				   *to = &job->candidate.tensors[t];

		for (int64 i = 0; i < from->n; i++)
			if (to->ids[i] != from->ids[i])
				to->places[i] = mosaic_find_offer(job, to->ids[i])->place;
	}
}

/* The model that was made of the original is not good enough. */
static void
refuse(const DedupJob *job, const MosaicDedupResult *result)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("model \"%s\" is not stored with weights of bfloat16: %s is %g instead of %g",
					job->name, job->metric, result->metric_after, result->metric_before),
			 errdetail("max_drop allows a difference of %g.", job->max_drop),
			 errhint("Store it in float32 (dtype => 'f32'), or allow more with max_drop.")));
}

static void
use_model(DedupJob *job, const MosaicModelHandle *handle)
{
	MosaicError error;

	mosaic_dedup_check(mosaic_dedup_use_model(job->dedup, handle->model, work_mem * INT64CONST(1024),
											  &error), &error);
}

static void
measure(DedupJob *job)
{
	MosaicValidation *validation =
		mosaic_validation_open(job->query, job->handle->model, job->dedup, job->function);
	MosaicError error;
	MosaicCode	code;
	MosaicDedupResult result;
	MosaicDedupPoint last;
	MosaicModelHandle *original = job->original;

	use_model(job, original ? original : job->handle);
	mosaic_dedup_check(mosaic_dedup_result(job->dedup, &result, &error), &error);
	mosaic_progress_phase(MOSAIC_PHASE_EVALUATING, result.candidates);
	while ((code = mosaic_dedup_next(job->dedup, &error)) == MOSAIC_MORE)
	{
		apply(job, false);
		mosaic_validation_run(validation, original ? original : &job->candidate);
		if (original)
			use_model(job, job->handle);
		original = NULL;
		mosaic_dedup_check(mosaic_dedup_result(job->dedup, &result, &error), &error);
		mosaic_dedup_check(mosaic_dedup_point(job->dedup, result.evaluations - 1, &last, &error), &error);
		mosaic_progress_done(result.merged);
		mosaic_progress_metric(result.evaluations, last.metric);
	}
	mosaic_dedup_check(code, &error);
	mosaic_dedup_check(mosaic_dedup_result(job->dedup, &result, &error), &error);
	if (!result.kept)
		refuse(job, &result);
	mosaic_validation_close(validation);
}

void
mosaic_pass_gate(DedupJob *job)
{
	MosaicError error;

	if (job->query)
		measure(job);
	else
		mosaic_dedup_check(mosaic_dedup_accept_all(job->dedup, &error), &error);
	apply(job, true);
}
