/*
 * plan_hoist.h
 *		Calls that a plan makes for each row of another, with nothing but values of that row.
 *
 * A subquery, or the inner side of a nested loop, is given values of an outer row as parameters.  A call that takes
 * only those (c.id = predict_class('m', $0)) is the same for the whole scan: it becomes a parameter
 * itself, which the outer plan computes, and can batch.
 */
#ifndef MOSAIC_PLAN_HOIST_H
#define MOSAIC_PLAN_HOIST_H

#include "nodes/plannodes.h"

/* The calls in a plan that take constants and some of params (their numbers) only. */
extern List *mosaic_find_parameter_calls(Plan *plan, List *params);

/* A copy of a call in which the i-th of params is the i-th of values. */
extern Node *mosaic_bind_parameters(Node *call, List *params, List *values);

/* Makes the call a parameter of the plan; its number. */
extern int	mosaic_make_parameter(PlannedStmt *stmt, Plan *plan, Node *call);

/* Does so for all subqueries of a statement: their calls become arguments, evaluated where the subquery is. */
extern void mosaic_hoist_from_subqueries(PlannedStmt *stmt);

#endif
