/*
 * plan_ahead.h
 *		What may be said of reading a finished plan ahead.
 *
 * A batch is read from a plan before SQL asked for its second row.  What that
 * would do besides (side effects, errors of rows that nobody would have reached)
 * is decided here, conservatively, from the plan alone.  What happens for the
 * first row already is no matter of reading ahead: a function in FROM is run as a
 * whole for it, an init plan in the first condition executed.
 *
 * stmt holds the plans of subqueries; inits is mosaic_init_plans() of it.
 */
#ifndef MOSAIC_PLAN_AHEAD_H
#define MOSAIC_PLAN_AHEAD_H

#include "nodes/plannodes.h"

/* Whether reading a further row of the plan does nothing but read: no volatile function, no row lock, no modification. */
extern bool mosaic_plan_only_reads(Plan *plan, PlannedStmt *stmt, List *inits);

/*
 * Whether, beyond that, reading a row cannot fail by the values of the row: every
 * function that is given a column is leakproof.
 */
extern bool mosaic_plan_cannot_fail(Plan *plan, PlannedStmt *stmt, List *inits);

/* The same of expressions, each of which is evaluated for every row. */
extern bool mosaic_exprs_only_read(List *exprs, PlannedStmt *stmt, List *inits);
extern bool mosaic_exprs_cannot_fail(List *exprs, PlannedStmt *stmt, List *inits);

/* The same of conditions, of which each is evaluated only where those before it hold. */
extern bool mosaic_quals_only_read(List *quals, PlannedStmt *stmt, List *inits);
extern bool mosaic_quals_cannot_fail(List *quals, PlannedStmt *stmt, List *inits);

#endif
