/*
 * plan_walk.h
 *		Finished plans as trees of nodes and expressions, and what may be said of
 *		reading them ahead.
 *
 * A batch is read from a plan before SQL asked for its second row.  What that
 * would do besides (side effects, errors of rows that nobody would have reached)
 * is decided here, conservatively, from the plan alone.
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

/*
 * Whether reading a row of the plan does nothing but read: no volatile function,
 * no row lock, no modification.  stmt holds its subplans.
 */
extern bool mosaic_plan_only_reads(Plan *plan, PlannedStmt *stmt);

/*
 * Whether, beyond that, reading a row cannot fail by the values of the row:
 * every function that is given a column is leakproof.
 */
extern bool mosaic_plan_cannot_fail(Plan *plan, PlannedStmt *stmt);

/* The same of expressions. */
extern bool mosaic_exprs_only_read(List *exprs, PlannedStmt *stmt);
extern bool mosaic_exprs_cannot_fail(List *exprs);

#endif
