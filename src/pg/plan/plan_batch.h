/*
 * plan_batch.h
 *		Puts batch nodes above or below one node of a plan; see plan_rewrite.h.
 */
#ifndef MOSAIC_PLAN_BATCH_H
#define MOSAIC_PLAN_BATCH_H

#include "plan_rewrite.h"

/* The rewrite of one statement. */
typedef struct MosaicRewrite
{
	PlannedStmt *stmt;			/* our own copy, changed in place */
	List	   *inits;			/* its init plans */
	int			next_id;		/* for plan_node_id */
	bool		under_gather;
	bool		changed;
} MosaicRewrite;

typedef struct MosaicNeed
{
	MosaicDemand demand;		/* of the first bound rows, or of all ... */
	int			bound;			/* ... where this is -1; no others are demanded */
} MosaicNeed;

/* Moves calls of the node's target list and quals into batches above it: the new top. */
extern Plan *mosaic_batch_above(MosaicRewrite *c, Plan *plan, MosaicNeed need);

/* Moves calls that the node makes for every row of its input into batches between them. */
extern void mosaic_batch_below(MosaicRewrite *c, Plan *plan, MosaicNeed input_need);

/*
 * Puts nodes over *input, whose columns keep their numbers, that compute calls in further columns: those that are
 * computed, in that order; NIL: none may.
 */
extern List *mosaic_stack_on(MosaicRewrite *c, Plan **input, List *calls, MosaicNeed need);

/*
 * Moves calls in the keys of a hash join, the quals of a nested loop, and what that is given for its inner side, into nodes over the
 * outer side: those over its columns alone, computed once for each of its rows (plan_join.c).
 */
extern void mosaic_batch_outer(MosaicRewrite *c, Plan *join, MosaicNeed outer_need);

/* The same for calls in the keys by which the inner side of a hash join is hashed. */
extern void mosaic_batch_hashed(MosaicRewrite *c, HashJoin *join, MosaicNeed hashed_need);

#endif
