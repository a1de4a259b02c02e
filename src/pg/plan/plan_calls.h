/*
 * plan_calls.h
 *		Calls of predict(), predict_class() and their like in the expressions of a plan.
 */
#ifndef MOSAIC_PLAN_CALLS_H
#define MOSAIC_PLAN_CALLS_H

#include "nodes/plannodes.h"
#include "nodes/primnodes.h"

/*
 * Appends to calls (once each) the calls that are evaluated whenever expr (a node
 * or a list) is: not those behind CASE, COALESCE, AND, OR, or within aggregates.
 * A call within the arguments of another comes before it.  Only calls that can
 * be moved: no volatile or set-returning arguments.
 */
extern List *mosaic_find_calls(Node *expr, List *calls);

/* The same within the arguments, and the filters, of aggregates, and of window functions that are aggregates. */
extern List *mosaic_find_calls_in_aggregates(Node *expr, List *calls);

/* Appends to leaves (once each) what expr takes from the rows of its plan node: Vars, aggregates. */
extern List *mosaic_find_leaves(Node *expr, List *leaves);

/* Which of nodes expr contains: their places in the list. */
extern Bitmapset *mosaic_find_among(List *nodes, Node *expr);

/* Whether expr contains one of nodes. */
extern bool mosaic_contains_any(Node *expr, List *nodes);

/*
 * A copy of expr in which every part that equals the i-th of nodes is a Var: of
 * varno, attribute first + i.
 */
extern Node *mosaic_replace(Node *expr, List *nodes, int varno, AttrNumber first);

/* The same, only within the aggregates of expr. */
extern Node *mosaic_replace_in_aggregates(Node *expr, List *nodes, int varno, AttrNumber first);

extern Var *mosaic_var_of(Node *expr, int varno, AttrNumber attno);

#endif
