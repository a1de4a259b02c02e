/*
 * plan_walk.h
 *		Finished plans as trees of nodes.
 */
#ifndef MOSAIC_PLAN_WALK_H
#define MOSAIC_PLAN_WALK_H

#include "nodes/plannodes.h"

/* The inputs of a plan node: a list of Plan.  Its init plans and subplans are not among them. */
extern List *mosaic_plan_inputs(Plan *plan);

/* The largest plan_node_id of a tree, at least 0. */
extern int	mosaic_max_node_id(Plan *plan);

/* Whether all rows of the plan's inputs are read before its first row is there. */
extern bool mosaic_reads_all_first(Plan *plan);

/* The init plans of all nodes of a statement: a list of SubPlan. */
extern List *mosaic_init_plans(PlannedStmt *stmt);

/* The one of inits that gives a parameter (PARAM_EXEC) its value, when that is first asked for; NULL: none does. */
extern Plan *mosaic_init_plan_of(int paramid, List *inits, PlannedStmt *stmt);

#endif
