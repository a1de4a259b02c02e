/*
 * plan_rewrite.h
 *		Puts nodes that predict in batches into a finished plan.
 *
 * A node computes calls for the rows of the node beneath it, which then delivers
 * only columns; the quals from the first that needs a call on, and the target
 * list, move up into the node with them.  Calls whose rows depend on the results
 * of others (a second qual, a model fed by a model) get a node of their own.
 */
#ifndef MOSAIC_PLAN_REWRITE_H
#define MOSAIC_PLAN_REWRITE_H

#include "nodes/plannodes.h"

/*
 * How many of its rows a node will be asked for, once it is asked for one.  It
 * says what reading ahead may bring to light: with DEMAND_ALL nothing that would
 * not have come anyway.
 */
typedef enum MosaicDemand
{
	DEMAND_ALL,					/* all */
	DEMAND_RUN,					/* all, if the executor runs to the end */
	DEMAND_SOME					/* unknown */
} MosaicDemand;

/* What a node knows: CustomScan.custom_private, a list of integers. */
typedef struct MosaicScanInfo
{
	int			ncalls;			/* the last columns of custom_scan_tlist */
	MosaicDemand demand;
	int			bound;			/* at most so many rows are demanded; -1: unknown */
	bool		safe;			/* reading ahead cannot fail; see plan_ahead.h */
} MosaicScanInfo;

extern List *mosaic_scan_info_to_list(const MosaicScanInfo *info);
extern MosaicScanInfo mosaic_scan_info_of(CustomScan *scan);

/* A copy of the statement with batches; NULL where there is nothing to batch. */
extern PlannedStmt *mosaic_rewrite_plan(PlannedStmt *stmt);

#endif
