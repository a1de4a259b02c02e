/*
 * plan_ahead.c
 *		What may be said of reading a finished plan ahead.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"

#include "compat.h"
#include "plan_ahead.h"
#include "plan_ahead_state.h"
#include "plan_walk.h"

static List *
function_exprs(FunctionScan *scan)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, scan->functions)
		exprs = lappend(exprs, lfirst_node(RangeTblFunction, lc)->funcexpr);
	return exprs;
}

/* What decides, when a scan starts, which partitions it reads. */
static List *
pruning_exprs(PartitionPruneInfo *info)
{
	List	   *exprs = NIL;
	ListCell   *lh,
			   *lr,
			   *ls;

	if (info == NULL)
		return NIL;
	foreach(lh, info->prune_infos)
		foreach(lr, lfirst(lh))
			foreach(ls, lfirst_node(PartitionedRelPruneInfo, lr)->exec_pruning_steps)
				if (IsA(lfirst(ls), PartitionPruneStepOp))
					exprs = list_concat(exprs, ((PartitionPruneStepOp *) lfirst(ls))->exprs);
	return exprs;
}

/* What a node evaluates once, when a scan of it starts, and so for its first row. */
static List *
start_exprs(Plan *plan, PlannedStmt *stmt)
{
	TableSampleClause *sample;

	switch (nodeTag(plan))
	{
		case T_Result:
			return (List *) ((Result *) plan)->resconstantqual;
		case T_Append:
			return pruning_exprs(mosaic_prune_info(stmt, (Append *) plan));
		case T_MergeAppend:
			return pruning_exprs(mosaic_prune_info(stmt, (MergeAppend *) plan));
		case T_SampleScan:
			sample = ((SampleScan *) plan)->tablesample;
			return lappend(list_copy(sample->args), sample->repeatable);
		case T_IndexScan:
			return list_concat_copy(((IndexScan *) plan)->indexqualorig, ((IndexScan *) plan)->indexorderbyorig);
		case T_IndexOnlyScan:
			return list_concat(list_concat_copy(((IndexOnlyScan *) plan)->indexqual, ((IndexOnlyScan *) plan)->recheckqual),
							   ((IndexOnlyScan *) plan)->indexorderby);
		case T_BitmapIndexScan:
			return ((BitmapIndexScan *) plan)->indexqualorig;
		case T_BitmapHeapScan:
			return ((BitmapHeapScan *) plan)->bitmapqualorig;
		case T_TidScan:
			return ((TidScan *) plan)->tidquals;
		case T_TidRangeScan:
			return ((TidRangeScan *) plan)->tidrangequals;
		case T_FunctionScan:
			return function_exprs((FunctionScan *) plan);
		case T_TableFuncScan:
			return list_make1(((TableFuncScan *) plan)->tablefunc);
		case T_Memoize:
			return ((Memoize *) plan)->param_exprs;
		case T_WindowAgg:
			return list_make2(((WindowAgg *) plan)->startOffset, ((WindowAgg *) plan)->endOffset);
		case T_Limit:
			return list_make2(((Limit *) plan)->limitOffset, ((Limit *) plan)->limitCount);
		default:
			return NIL;
	}
}

/* What a node evaluates for some of its rows, besides its conditions. */
static List *
row_exprs(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
			return ((Join *) plan)->joinqual;
		case T_MergeJoin:
			return list_concat_copy(((Join *) plan)->joinqual, ((MergeJoin *) plan)->mergeclauses);
		case T_HashJoin:
			return list_concat(list_concat_copy(((Join *) plan)->joinqual, ((HashJoin *) plan)->hashclauses),
							   ((HashJoin *) plan)->hashkeys);
		case T_Hash:
			return ((Hash *) plan)->hashkeys;
		case T_ValuesScan:
			return ((ValuesScan *) plan)->values_lists;
		case T_WindowAgg:
			return ((WindowAgg *) plan)->runCondition;
		case T_ForeignScan:
			return ((ForeignScan *) plan)->fdw_exprs;
		case T_CustomScan:
			return list_concat_copy(((CustomScan *) plan)->custom_exprs, ((CustomScan *) plan)->custom_scan_tlist);
		default:
			return NIL;
	}
}

static bool
is_outer_join(Plan *plan)
{
	return (IsA(plan, NestLoop) || IsA(plan, MergeJoin) || IsA(plan, HashJoin)) && ((Join *) plan)->jointype != JOIN_INNER;
}

/* Whether the test holds for an expression of the node; started: those evaluated when its scan starts have been. */
static bool
node_has(Plan *plan, Test test, const Reading *reading, bool started)
{
	Place		list = {.reading = reading, .certain = reading->first, .conditional = !reading->first};
	Place		start = {.reading = reading, .certain = reading->first, .conditional = !reading->first};
	Place		row = {.reading = reading, .conditional = !reading->first || IsA(plan, ValuesScan) || is_outer_join(plan)};

	return mosaic_any_expr(plan->targetlist, test, list) || mosaic_any_qual(plan->qual, test, reading, reading->first) ||
		(!started && mosaic_any_expr(start_exprs(plan, reading->stmt), test, start)) || mosaic_any_expr(row_exprs(plan), test, row);
}

/* A function in FROM, XMLTABLE and their like give all their rows before the first, and keep them. */
static bool
runs_at_first(Plan *plan, const Reading *reading)
{
	return (IsA(plan, FunctionScan) || IsA(plan, TableFuncScan)) && reading->first &&
		!bms_overlap(plan->allParam, reading->varying);
}

/* Whether nothing is left to do beneath a node once the first row of the whole is there. */
static bool
has_read_all(Plan *plan, const Reading *reading)
{
	return mosaic_reads_all_first(plan) && reading->begun && !reading->again;
}

/* An init plan that depends on what varies varies, too: it is executed again. */
static Bitmapset *
add_init_plans_of(Bitmapset *varying, const Reading *reading)
{
	ListCell   *lc,
			   *lp;
	bool		more = varying != NULL;

	while (more)
	{
		more = false;
		foreach(lc, reading->inits)
		{
			SubPlan    *init = lfirst(lc);

			if (!bms_overlap(((Plan *) list_nth(reading->stmt->subplans, init->plan_id - 1))->allParam, varying))
				continue;
			foreach(lp, init->setParam)
			{
				more = more || !bms_is_member(lfirst_int(lp), varying);
				varying = bms_add_member(varying, lfirst_int(lp));
			}
		}
	}
	return varying;
}

/* Whether the join gives inner rows that no outer one matches. */
static bool
keeps_inner_rows(Plan *plan)
{
	JoinType	type;

	if (!IsA(plan, NestLoop) && !IsA(plan, MergeJoin) && !IsA(plan, HashJoin))
		return false;
	type = ((Join *) plan)->jointype;
	return type != JOIN_INNER && type != JOIN_LEFT && type != JOIN_SEMI && type != JOIN_ANTI;
}

/* Whether there may be a row though the first input has none: of another input, or of none. */
static bool
has_rows_without_first(Plan *plan)
{
	return keeps_inner_rows(plan) || IsA(plan, Append) || IsA(plan, MergeAppend) || IsA(plan, CustomScan) ||
		(IsA(plan, Agg) && (((Agg *) plan)->aggstrategy == AGG_PLAIN || ((Agg *) plan)->groupingSets != NIL || ((Agg *) plan)->chain != NIL));
}

/* How an input of the plan is read; n: which it is. */
static Reading
input_reading(Plan *plan, int n, Reading reading)
{
	bool		inner_of_join = n > 0 && (IsA(plan, NestLoop) || IsA(plan, MergeJoin));
	bool		certain = inner_of_join && (((Join *) plan)->jointype == JOIN_INNER || ((Join *) plan)->jointype == JOIN_SEMI);
	ListCell   *lc;

	reading.first = reading.first && (n == 0 || (certain && IsA(plan, NestLoop)));
	/* Executed again, it may be the later one that has the first row. */
	if (reading.again && has_rows_without_first(plan))
		reading.first = false;
	/* An outer row without a match may come before any inner row. */
	if (inner_of_join)
		reading.begun = reading.begun && certain;
	/* One child after another, or with parallel workers, any of them first. */
	else if (IsA(plan, Append) || IsA(plan, CustomScan))
	{
		reading.first = reading.first && !plan->parallel_aware;
		reading.begun = reading.begun && n == 0 && !plan->parallel_aware;
	}
	if (n > 0 && (IsA(plan, NestLoop) || IsA(plan, RecursiveUnion)))
	{
		reading.again = true;
		reading.varying = bms_copy(reading.varying);
	}
	if (n > 0 && IsA(plan, NestLoop))
		foreach(lc, ((NestLoop *) plan)->nestParams)
			reading.varying = bms_add_member(reading.varying, ((NestLoopParam *) lfirst(lc))->paramno);
	if (n > 0 && IsA(plan, RecursiveUnion))
		reading.varying = bms_add_member(reading.varying, ((RecursiveUnion *) plan)->wtParam);
	if (n > 0 && (IsA(plan, NestLoop) || IsA(plan, RecursiveUnion)))
		reading.varying = add_init_plans_of(reading.varying, &reading);
	return reading;
}

/* The plan of a CTE, or NULL where the node is no scan of one. */
static Plan *
cte_plan(Plan *plan, PlannedStmt *stmt)
{
	if (!IsA(plan, CteScan))
		return NULL;
	return list_nth(stmt->subplans, ((CteScan *) plan)->ctePlanId - 1);
}

bool
mosaic_plan_acts(Plan *plan, Reading reading)
{
	Plan	   *cte = cte_plan(plan, reading.stmt);
	ListCell   *lc;

	check_stack_depth();
	if (IsA(plan, ModifyTable) || IsA(plan, LockRows))
		return true;
	if (node_has(plan, mosaic_expr_acts, &reading, runs_at_first(plan, &reading)))
		return true;
	if (has_read_all(plan, &reading))
		return false;
	if (cte)
		return mosaic_plan_acts(cte, reading);
	foreach(lc, mosaic_plan_inputs(plan))
		if (mosaic_plan_acts(lfirst(lc), input_reading(plan, foreach_current_index(lc), reading)))
			return true;
	return false;
}

bool
mosaic_plan_only_reads(Plan *plan, PlannedStmt *stmt, List *inits)
{
	return !mosaic_plan_acts(plan, (Reading) {.stmt = stmt, .inits = inits, .first = true, .begun = true});
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

static bool
takes_varying(Node *node, void *varying)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC && bms_is_member(((Param *) node)->paramid, varying);
	return expression_tree_walker(node, takes_varying, varying);
}

/* Nodes that fail by values that are given to them, without a function. */
static bool
node_fails(Plan *plan, const Reading *reading)
{
	switch (nodeTag(plan))
	{
		case T_SampleScan:
		case T_Limit:
			return takes_varying((Node *) start_exprs(plan, reading->stmt), reading->varying);
		case T_TableFuncScan:
			return !runs_at_first(plan, reading);
		default:
			return false;
	}
}

static bool
plan_can_fail(Plan *plan, Reading reading)
{
	Plan	   *cte = cte_plan(plan, reading.stmt);
	ListCell   *lc;

	check_stack_depth();
	if (!known(plan))
		return true;
	/* What is left to do for a row is nothing, but for the results of aggregates. */
	if (has_read_all(plan, &reading))
		return IsA(plan, Agg);
	if (node_fails(plan, &reading) || node_has(plan, mosaic_expr_can_fail, &reading, runs_at_first(plan, &reading)))
		return true;
	if (cte)
		return plan_can_fail(cte, reading);
	foreach(lc, mosaic_plan_inputs(plan))
		if (plan_can_fail(lfirst(lc), input_reading(plan, foreach_current_index(lc), reading)))
			return true;
	return false;
}

bool
mosaic_plan_cannot_fail(Plan *plan, PlannedStmt *stmt, List *inits)
{
	return !plan_can_fail(plan, (Reading) {.stmt = stmt, .inits = inits, .first = true, .begun = true});
}
