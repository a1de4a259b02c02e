/*
 * plan_walk.c
 *		Finished plans as trees of nodes and expressions.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"

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

/* Expressions that a node evaluates while it is read row by row, besides target list and qual. */
static List *
extra_exprs(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
			return ((Join *) plan)->joinqual;
		case T_MergeJoin:
			return list_concat_copy(((Join *) plan)->joinqual, ((MergeJoin *) plan)->mergeclauses);
		case T_HashJoin:
			return list_concat_copy(((Join *) plan)->joinqual, ((HashJoin *) plan)->hashclauses);
		case T_IndexScan:
			return list_concat_copy(((IndexScan *) plan)->indexqualorig, ((IndexScan *) plan)->indexorderbyorig);
		case T_IndexOnlyScan:
			return ((IndexOnlyScan *) plan)->recheckqual;
		case T_BitmapHeapScan:
			return ((BitmapHeapScan *) plan)->bitmapqualorig;
		case T_TidScan:
			return ((TidScan *) plan)->tidquals;
		case T_TidRangeScan:
			return ((TidRangeScan *) plan)->tidrangequals;
		case T_ValuesScan:
			return ((ValuesScan *) plan)->values_lists;
		case T_Result:
			return (List *) ((Result *) plan)->resconstantqual;
		case T_Memoize:
			return ((Memoize *) plan)->param_exprs;
		case T_WindowAgg:
			return list_make2(((WindowAgg *) plan)->startOffset, ((WindowAgg *) plan)->endOffset);
		default:
			return NIL;
	}
}

/* All expressions of a node, as one list (of whatever nested lists). */
static List *
plan_exprs(Plan *plan)
{
	return list_make3(plan->targetlist, plan->qual, extra_exprs(plan));
}

/* The plan of a CTE, or NULL where the node is no scan of one. */
static Plan *
cte_plan(Plan *plan, PlannedStmt *stmt)
{
	if (!IsA(plan, CteScan))
		return NULL;
	return list_nth(stmt->subplans, ((CteScan *) plan)->ctePlanId - 1);
}

/* Whether a subplan does more than read. */
static bool
acts(Node *node, void *stmt)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
	{
		List	   *subplans = ((PlannedStmt *) stmt)->subplans;

		if (!mosaic_plan_only_reads(list_nth(subplans, ((SubPlan *) node)->plan_id - 1), stmt))
			return true;
	}
	return expression_tree_walker(node, acts, stmt);
}

bool
mosaic_exprs_only_read(List *exprs, PlannedStmt *stmt)
{
	return !contain_volatile_functions((Node *) exprs) && !acts((Node *) exprs, stmt);
}

bool
mosaic_plan_only_reads(Plan *plan, PlannedStmt *stmt)
{
	ListCell   *lc;

	if (IsA(plan, ModifyTable) || IsA(plan, LockRows))
		return false;
	if (!mosaic_exprs_only_read(plan_exprs(plan), stmt))
		return false;
	if (mosaic_reads_all_first(plan))
		return true;
	if (cte_plan(plan, stmt))
		return mosaic_plan_only_reads(cte_plan(plan, stmt), stmt);
	foreach(lc, mosaic_plan_inputs(plan))
		if (!mosaic_plan_only_reads(lfirst(lc), stmt))
			return false;
	return true;
}

/* contain_leaked_vars() does not know target entries. */
static bool
can_fail(Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, TargetEntry))
		return can_fail((Node *) ((TargetEntry *) node)->expr);
	if (!IsA(node, List))
		return contain_leaked_vars(node);
	foreach(lc, (List *) node)
		if (can_fail(lfirst(lc)))
			return true;
	return false;
}

bool
mosaic_exprs_cannot_fail(List *exprs)
{
	return !can_fail((Node *) exprs);
}

/* Nodes of which all is known. */
static bool
known(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Result:
		case T_Append:
		case T_MergeAppend:
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapIndexScan:
		case T_BitmapAnd:
		case T_BitmapOr:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
		case T_SubqueryScan:
		case T_FunctionScan:
		case T_ValuesScan:
		case T_TableFuncScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
		case T_Material:
		case T_Memoize:
		case T_Sort:
		case T_IncrementalSort:
		case T_Group:
		case T_Agg:
		case T_Unique:
		case T_Gather:
		case T_GatherMerge:
		case T_Hash:
		case T_SetOp:
		case T_Limit:
			return true;
		default:
			return false;
	}
}

bool
mosaic_plan_cannot_fail(Plan *plan, PlannedStmt *stmt)
{
	ListCell   *lc;

	if (!known(plan))
		return false;
	/* What is left to do for a row is nothing, but for the results of aggregates. */
	if (mosaic_reads_all_first(plan))
		return !IsA(plan, Agg);
	if (!mosaic_exprs_cannot_fail(plan_exprs(plan)))
		return false;
	if (cte_plan(plan, stmt))
		return mosaic_plan_cannot_fail(cte_plan(plan, stmt), stmt);
	foreach(lc, mosaic_plan_inputs(plan))
		if (!mosaic_plan_cannot_fail(lfirst(lc), stmt))
			return false;
	return true;
}
