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

static List *
add_init_plans(List *inits, Plan *plan)
{
	ListCell   *lc;

	if (plan == NULL)
		return inits;
	inits = list_concat(inits, plan->initPlan);
	foreach(lc, mosaic_plan_inputs(plan))
		inits = add_init_plans(inits, lfirst(lc));
	return inits;
}

List *
mosaic_init_plans(PlannedStmt *stmt)
{
	List	   *inits;
	ListCell   *lc;

	if (stmt->subplans == NIL)
		return NIL;
	inits = add_init_plans(NIL, stmt->planTree);
	foreach(lc, stmt->subplans)
		inits = add_init_plans(inits, lfirst(lc));
	return inits;
}

Plan *
mosaic_init_plan_of(int paramid, List *inits, PlannedStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, inits)
	{
		SubPlan    *init = lfirst(lc);

		if (init->subLinkType != CTE_SUBLINK && list_member_int(init->setParam, paramid))
			return list_nth(stmt->subplans, init->plan_id - 1);
	}
	return NULL;
}
