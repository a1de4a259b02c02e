/*
 * plan_walk.c
 *		Finished plans as trees of nodes.
 */
#include "postgres.h"

#include "plan_walk.h"

List *
mosaic_plan_inputs(Plan *plan)
{
	List	   *inputs = NIL;

	if (plan->lefttree)
		inputs = lappend(inputs, plan->lefttree);
	if (plan->righttree)
		inputs = lappend(inputs, plan->righttree);
	switch (nodeTag(plan))
	{
		case T_Append:
			return list_concat(inputs, ((Append *) plan)->appendplans);
		case T_MergeAppend:
			return list_concat(inputs, ((MergeAppend *) plan)->mergeplans);
		case T_BitmapAnd:
			return list_concat(inputs, ((BitmapAnd *) plan)->bitmapplans);
		case T_BitmapOr:
			return list_concat(inputs, ((BitmapOr *) plan)->bitmapplans);
		case T_SubqueryScan:
			return lappend(inputs, ((SubqueryScan *) plan)->subplan);
		case T_CustomScan:
			return list_concat(inputs, ((CustomScan *) plan)->custom_plans);
		default:
			return inputs;
	}
}

int
mosaic_max_node_id(Plan *plan)
{
	int			id = 0;
	ListCell   *lc;

	if (plan == NULL)
		return 0;
	id = Max(id, plan->plan_node_id);
	foreach(lc, mosaic_plan_inputs(plan))
		id = Max(id, mosaic_max_node_id(lfirst(lc)));
	return id;
}

bool
mosaic_reads_all_first(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Sort:
		case T_Hash:
			return true;
		case T_Agg:
			return ((Agg *) plan)->aggstrategy == AGG_PLAIN || ((Agg *) plan)->aggstrategy == AGG_HASHED;
		case T_SetOp:
			return ((SetOp *) plan)->strategy == SETOP_HASHED;
		default:
			return false;
	}
}

static Plan *
init_plan_at(Plan *plan, int paramid, PlannedStmt *stmt)
{
	ListCell   *lc;

	if (plan == NULL)
		return NULL;
	foreach(lc, plan->initPlan)
	{
		SubPlan    *init = lfirst(lc);

		if (init->subLinkType != CTE_SUBLINK && list_member_int(init->setParam, paramid))
			return list_nth(stmt->subplans, init->plan_id - 1);
	}
	foreach(lc, mosaic_plan_inputs(plan))
	{
		Plan	   *found = init_plan_at(lfirst(lc), paramid, stmt);

		if (found)
			return found;
	}
	return NULL;
}

Plan *
mosaic_init_plan_of(int paramid, PlannedStmt *stmt)
{
	Plan	   *found;
	ListCell   *lc;

	if (stmt->subplans == NIL)
		return NULL;
	found = init_plan_at(stmt->planTree, paramid, stmt);
	foreach(lc, stmt->subplans)
		if (found == NULL)
			found = init_plan_at(lfirst(lc), paramid, stmt);
	return found;
}
