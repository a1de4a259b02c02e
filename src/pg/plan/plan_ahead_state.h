/*
 * plan_ahead_state.h
 *		What the parts of plan_ahead.h share: plan_ahead.c, which knows nodes, and plan_ahead_exprs.c, which knows expressions.
 */
#ifndef MOSAIC_PLAN_AHEAD_STATE_H
#define MOSAIC_PLAN_AHEAD_STATE_H

#include "nodes/plannodes.h"

/* How a part of the plan is read when the whole is read ahead. */
typedef struct Reading
{
	PlannedStmt *stmt;
	List	   *inits;			/* of stmt */
	Bitmapset  *varying;		/* parameters that nested loops within the whole set anew for each row */
	bool		again;			/* it may be executed at any row, or for each */
	bool		first;			/* the first row of the whole needs the first of this, if there is one */
	bool		begun;			/* once the first row of the whole is there, this was asked for one, or never will be */
} Reading;

/* How an expression is evaluated. */
typedef struct Place
{
	const Reading *reading;
	bool		certain;		/* for the first row, whatever its values */
	bool		conditional;	/* behind others within a condition */
	bool		fails;			/* found to */
} Place;

/* Whether something is so of an expression. */
typedef bool (*Test) (Node *expr, Place place);

/* What reading a row would do besides: any but reading; or failing by its values. */
extern bool mosaic_expr_acts(Node *expr, Place place);
extern bool mosaic_expr_can_fail(Node *expr, Place place);

/* The same of a list; of conditions, of which the first is evaluated for the first row where first_certain. */
extern bool mosaic_any_expr(List *exprs, Test test, Place place);
extern bool mosaic_any_qual(List *quals, Test test, const Reading *reading, bool first_certain);

/* Of a plan that is read so. */
extern bool mosaic_plan_acts(Plan *plan, Reading reading);

#endif
