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

#endif
