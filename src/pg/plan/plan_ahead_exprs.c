/*
 * plan_ahead_exprs.c
 *		What evaluating expressions ahead would bring to light.
 */
#include "postgres.h"

#include "access/transam.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"

#include "plan_ahead.h"
#include "plan_ahead_state.h"
#include "plan_calls.h"
#include "plan_walk.h"

static bool
evaluates_some(Node *node)
{
	return IsA(node, CaseExpr) || IsA(node, CoalesceExpr) || IsA(node, RowCompareExpr) || IsA(node, SubscriptingRef) ||
		IsA(node, SubPlan) ||
		(IsA(node, BoolExpr) && ((BoolExpr *) node)->boolop != NOT_EXPR);
}

static bool
subplan_acts(Plan *plan, const Reading *reading)
{
	return mosaic_plan_acts(plan, (Reading) {.stmt = reading->stmt, .inits = reading->inits, .again = true});
}

static bool
find_acting_plan(Node *node, void *context)
{
	Place		place = *(Place *) context;
	const Reading *reading = place.reading;

	if (node == NULL)
		return false;
	if (IsA(node, SubPlan) && subplan_acts(list_nth(reading->stmt->subplans, ((SubPlan *) node)->plan_id - 1), reading))
		return true;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC &&
		(!place.certain || bms_is_member(((Param *) node)->paramid, reading->varying)))
	{
		Plan	   *init = mosaic_init_plan_of(((Param *) node)->paramid, reading->inits, reading->stmt);

		return init && subplan_acts(init, reading);
	}
	if (evaluates_some(node))
		place.certain = false;
	return expression_tree_walker(node, find_acting_plan, &place);
}

bool
mosaic_expr_acts(Node *expr, Place place)
{
	return contain_volatile_functions(expr) || find_acting_plan(expr, &place);
}

/* Of those that the server brings, those that fail by constants do so when the query is planned, or by its parameters. */
static bool
may_fail_without_columns(Oid function, void *context)
{
	return function >= FirstNormalObjectId && !get_func_leakproof(function);
}

/* A copy for contain_leaked_vars(): what may differ from row to row, or come to light with one, is a column. */
static Node *
as_columns(Node *node, void *context)
{
	Place	   *place = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;
		bool		exec = param->paramkind == PARAM_EXEC,
					varies = exec && bms_is_member(param->paramid, place->reading->varying);

		if (exec && (varies || !place->certain) && mosaic_init_plan_of(param->paramid, place->reading->inits, place->reading->stmt))
			place->fails = true;
		if (place->conditional || varies)
			return (Node *) mosaic_var_of(node, OUTER_VAR, 1);
	}
	if (!place->certain && check_functions_in_node(node, may_fail_without_columns, NULL))
		place->fails = true;
	if (evaluates_some(node))
	{
		Place		within = {.reading = place->reading, .conditional = true};

		node = expression_tree_mutator(node, as_columns, &within);
		place->fails |= within.fails;
		return node;
	}
	return expression_tree_mutator(node, as_columns, context);
}

/* contain_leaked_vars() does not know target entries. */
static bool
leaks(Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, TargetEntry))
		return leaks((Node *) ((TargetEntry *) node)->expr);
	if (!IsA(node, List))
		return contain_leaked_vars(node);
	foreach(lc, (List *) node)
		if (leaks(lfirst(lc)))
			return true;
	return false;
}

bool
mosaic_expr_can_fail(Node *expr, Place place)
{
	expr = as_columns(expr, &place);
	return place.fails || leaks(expr);
}

bool
mosaic_any_expr(List *exprs, Test test, Place place)
{
	ListCell   *lc;

	foreach(lc, exprs)
		if (test(lfirst(lc), place))
			return true;
	return false;
}

bool
mosaic_any_qual(List *quals, Test test, const Reading *reading, bool first_certain)
{
	ListCell   *lc;

	foreach(lc, quals)
		if (test(lfirst(lc), (Place) {.reading = reading, .certain = first_certain && foreach_current_index(lc) == 0, .conditional = !first_certain}))
			return true;
	return false;
}

bool
mosaic_exprs_only_read(List *exprs, PlannedStmt *stmt, List *inits)
{
	Reading		reading = {.stmt = stmt, .inits = inits};

	return !mosaic_any_expr(exprs, mosaic_expr_acts, (Place) {.reading = &reading, .certain = true});
}

bool
mosaic_exprs_cannot_fail(List *exprs, PlannedStmt *stmt, List *inits)
{
	Reading		reading = {.stmt = stmt, .inits = inits};

	return !mosaic_any_expr(exprs, mosaic_expr_can_fail, (Place) {.reading = &reading, .certain = true});
}

bool
mosaic_quals_only_read(List *quals, PlannedStmt *stmt, List *inits)
{
	Reading		reading = {.stmt = stmt, .inits = inits};

	return !mosaic_any_qual(quals, mosaic_expr_acts, &reading, true);
}

bool
mosaic_quals_cannot_fail(List *quals, PlannedStmt *stmt, List *inits)
{
	Reading		reading = {.stmt = stmt, .inits = inits};

	return !mosaic_any_qual(quals, mosaic_expr_can_fail, &reading, true);
}
