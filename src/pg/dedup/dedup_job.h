/*
 * dedup_job.h
 *		One call of dedup_model() or plan_dedup(), from the search to what is written.
 */
#ifndef MOSAIC_DEDUP_JOB_H
#define MOSAIC_DEDUP_JOB_H

#include "storage/lockdefs.h"
#include "utils/hsearch.h"

#include "block_set.h"
#include "catalog.h"
#include "dedup.h"
#include "dedup_metric.h"
#include "errors.h"
#include "model_cache.h"
#include "mosaic/capi_dedup.h"
#include "near_index.h"
#include "row.h"
#include "stage_model.h"
#include "store.h"

/* A stored block, as block_meta says. */
typedef struct Offer
{
	int32		id;				/* hash key */
	int32		models;			/* that use it; 0: it is not there */
	int32		domain;
	uint32		bytes;			/* that it takes in its page */
	bool		whole;			/* not a delta */
	ItemPointerData place;		/* where it lies, once it was read */
	uint64		geometry;
} Offer;

/* Lives in a memory context of its own, with all that it points to. */
typedef struct DedupJob
{
	char	   *name;
	HeapTuple	row;			/* of the model */
	Snapshot	snapshot;
	MosaicModelHandle *handle;
	MosaicModelHandle *original;	/* measured first, instead; or NULL */
	MosaicModelHandle candidate;	/* the same with maps of its own */
	MosaicTensorDesc *descs;
	MosaicDedup *dedup;
	MemoryContextCallback callback;
	MosaicMetricFunction *function; /* the user's own metric, or NULL */
	MosaicReader reader;
	MosaicStagedModel *staged;	/* until it is stored; or NULL */
	int32		domain;			/* of the model */
	BlockSet	own;			/* its blocks */
	HTAB	   *offers;			/* the blocks looked up so far */

	/* What the log tells of it. */
	const char *query;			/* the validation query, or NULL */
	const char *metric;
	double		max_drop;
	bool		reuse;
	bool		exact;			/* merge nothing */
	bool		ladder;			/* go down the ladder */
	bool		changes;		/* the model: more than a plan */
	MosaicDecision *known;		/* what was decided last, on it or its predecessor */
	int64		nknown;
} DedupJob;

/*
 * dedup_run.c: opens the model for its owner, as snapshot, which becomes the job's, sees it; searches
 * and judges; closes.  No writer waits for this: what the snapshot sees stays until the job is closed.
 */
extern void mosaic_dedup_open(DedupJob *job, const char *name, const MosaicDedupArguments *args,
							  Snapshot snapshot);
extern void mosaic_dedup_decide(DedupJob *job);
extern void mosaic_dedup_close(DedupJob *job);
/* The model's row as the job's snapshot sees it; errors where there is none, or of another owner. */
extern void mosaic_dedup_find_model(DedupJob *job, LOCKMODE lockmode);

/* Where the rows cannot tell as little as max_drop. */
extern void mosaic_dedup_warn(const DedupJob *job, const MosaicDedupResult *result);

/*
 * dedup_recheck.c: takes the store's lock; from then on the job sees the store as it is.  Whether what
 * was decided still holds: the model is as it was, and all that shall stand in is still there.
 */
extern bool mosaic_dedup_holds(DedupJob *job);

/* dedup_offers.c: what is known of a block; whether it may stand in for one of this geometry. */
extern Offer *mosaic_find_offer(DedupJob *job, int32 id);
/* Looks all up again that are known, with the job's snapshot of now. */
extern void mosaic_refresh_offers(DedupJob *job);
extern bool mosaic_may_stand_in(DedupJob *job, int32 id, uint64 geometry);

/* dedup_search.c: finds and orders the merges that the measure accepts. */
extern void mosaic_find_merges(DedupJob *job);

/* dedup_gate.c: afterwards the candidate's maps are those of the accepted state: without a query, all. */
extern void mosaic_copy_maps(DedupJob *job);
extern void mosaic_pass_gate(DedupJob *job);

/* dedup_log.c: sets what is known, to be decided likewise if that is asked for. */
extern void mosaic_recall_decisions(DedupJob *job);
/* Puts decisions and points in the place of those known; model_id: of the state that was written. */
extern void mosaic_write_log(DedupJob *job, int64 model_id);

/* dedup_ladder.c: which blocks of the candidate are read as others, to be judged; where that is accepted, how they are to be stored. */
extern void mosaic_apply_rungs(DedupJob *job, bool accepted);
/* Stores those of the accepted state so, and puts them into the candidate's maps; what was added, each once. */
extern BlockSet mosaic_store_rungs(DedupJob *job, MosaicWriter *writer);

/* What plan_ladder() says of a model, whatever the evaluation: bytes stored for it alone as it is; entries of its maps that others share. */
typedef struct PlannedModel
{
	int64		stored;
	int64		shared;
} PlannedModel;

extern PlannedModel mosaic_planned_model(DedupJob *job);
/* The last columns of plan_ladder(), from what is stored of the model on: of an evaluation that frees so many bytes. */
extern void mosaic_plan_rungs(DedupJob *job, const PlannedModel *model, int64 evaluation, int64 freed, Datum *values);

/* dedup_write.c: stores the accepted state, and returns its model_id; *freed: bytes of blocks that nobody uses then, less those of new ones. */
extern int64 mosaic_write_merges(DedupJob *job, int64 *freed);

static inline void
mosaic_dedup_check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK && code != MOSAIC_MORE)
		mosaic_report(error);
}

/* Number of a tensor of the job's model, which was loaded before from other rows maybe. */
static inline int
mosaic_tensor_number(const DedupJob *job, HeapTuple tuple, TupleDesc desc)
{
	int64		number = mosaic_int_attr(tuple, desc, Anum_tensor_tensor_no, 4);

	if (number < 0 || number >= job->handle->ntensors)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tensor " INT64_FORMAT " of the model is not one of %d", number, job->handle->ntensors)));
	return (int) number;
}

static inline MosaicGeometry
mosaic_geometry_of(const MosaicTensorDesc *t)
{
	return (MosaicGeometry) {t->stored_dtype, t->layout, t->block_rows, t->block_cols};
}

#endif
