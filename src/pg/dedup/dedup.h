/*
 * dedup.h
 *		Near duplicates of a stored model, for the functions that ask for it.
 */
#ifndef MOSAIC_DEDUP_H
#define MOSAIC_DEDUP_H

#include "fmgr.h"

#include "model_cache.h"
#include "mosaic/capi_ladder.h"

typedef struct MosaicDedupArguments
{
	char	   *validation;		/* a query; NULL: only weights are bounded */
	Oid			metric_function;	/* the user's own metric, or InvalidOid */
	bool		reuse;			/* keep decisions on blocks that are as before */
	MosaicModelHandle *original;	/* of which the model was made, to judge it by; or NULL */
	bool		exact;			/* only judge: merge nothing */
	struct MosaicStagedModel *staged;	/* the model, to be stored once all is decided; or NULL: it is */
	MosaicDedupOptions options;
} MosaicDedupArguments;

typedef struct MosaicDedupOutcome
{
	MosaicDedupResult result;	/* metrics: only where it was judged */
	bool		judged;			/* by a validation query */
	int64		blocks;			/* entries of the model's maps */
	int64		bytes_freed;
	MosaicRungs rungs;			/* down the ladder */
	double		standard_error; /* of the metric; NaN where it is not known */
} MosaicDedupOutcome;

/*
 * Reads arguments from number first on: validation, metric, max_drop, tolerance, min_similarity,
 * max_evaluations, metric_function, higher_is_better, reuse, max_weight_error.  22004 where one of them must not be NULL.
 */
extern void mosaic_dedup_arguments(FunctionCallInfo fcinfo, int first, MosaicDedupArguments *args);

/* The first argument. */
extern char *mosaic_dedup_name(FunctionCallInfo fcinfo);
/* What plan_dedup() returns, and plan_ladder(), into the call's tuplestore; curve_points: number of that argument. */
extern void mosaic_dedup_plan_rows(FunctionCallInfo fcinfo, const char *name, MosaicDedupArguments *args,
								   int curve_points);

/*
 * Merges blocks of a model that the current role owns, or that is staged, as far as the arguments allow, in the current
 * transaction.  Takes the store's lock when all is decided, and decides again if that no longer holds.
 * 23514 if there is an original, and the model itself, without any merge, is worse by more than max_drop.
 */
extern void mosaic_dedup_stored(const char *name, const MosaicDedupArguments *args,
								MosaicDedupOutcome *outcome);

#endif
