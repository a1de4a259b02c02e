/*
 * plan_batch.c
 *		Puts batch nodes above or below one node of a plan.
 *
 * Expressions are handled in the terms of the node they come from ("source
 * terms") until they are put into a batch node: "available" are the expressions
 * that the columns of the node beneath stand for.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "plan_ahead.h"
#include "plan_batch.h"
#include "plan_calls.h"
#include "predict_scan.h"

/* Calls that are computed together, and the quals that follow them. */
typedef struct Stage
{
	List	   *calls;
	List	   *quals;
	MosaicNeed	need;			/* set by keep_safe_stages: of its rows, */
	bool		safe;			/* and whether reading ahead cannot fail */
} Stage;

List *
mosaic_scan_info_to_list(const MosaicScanInfo *info)
{
	return list_make4(makeInteger(info->ncalls), makeInteger(info->demand), makeInteger(info->bound),
					  makeInteger(info->safe));
}

MosaicScanInfo
mosaic_scan_info_of(CustomScan *scan)
{
	MosaicScanInfo info;

	info.ncalls = intVal(linitial(scan->custom_private));
	info.demand = intVal(lsecond(scan->custom_private));
	info.bound = intVal(lthird(scan->custom_private));
	info.safe = intVal(lfourth(scan->custom_private)) != 0;
	return info;
}

static CustomScan *
make_scan(MosaicRewrite *c, Plan *input, List *columns, List *tlist, List *qual, const MosaicScanInfo *info)
{
	CustomScan *scan = makeNode(CustomScan);
	Plan	   *plan = &scan->scan.plan;

	plan->startup_cost = input->startup_cost;
	plan->total_cost = input->total_cost;
	plan->plan_rows = input->plan_rows;
	plan->plan_width = input->plan_width;
	plan->parallel_aware = c->under_gather; /* so that workers share their statistics */
	plan->parallel_safe = input->parallel_safe;
	plan->plan_node_id = c->next_id++;
	plan->targetlist = tlist;
	plan->qual = qual;
	plan->lefttree = input;
	/* Not a child of its Append any more, which alone could wait for it: asked otherwise, such a scan gives no rows. */
	input->async_capable = false;
	plan->extParam = bms_copy(input->extParam);
	plan->allParam = bms_copy(input->allParam);
	scan->custom_scan_tlist = columns;
	scan->custom_private = mosaic_scan_info_to_list(info);
	scan->methods = &mosaic_predict_scan_methods;
	c->changed = true;
	return scan;
}

static List *
append_entry(List *tlist, Node *expr)
{
	return lappend(tlist, makeTargetEntry((Expr *) expr, list_length(tlist) + 1, NULL, false));
}

/* ---- stages ---- */

/* Appends stages for calls that are not yet computed: one, or more where they feed each other. */
static List *
add_stages(List *stages, List *calls, List **computed)
{
	calls = list_difference(calls, *computed);
	while (calls)
	{
		Stage	   *stage = palloc0(sizeof *stage);
		ListCell   *lc;

		foreach(lc, calls)
			if (!mosaic_contains_any((Node *) ((FuncExpr *) lfirst(lc))->args, calls))
				stage->calls = lappend(stage->calls, lfirst(lc));
		stages = lappend(stages, stage);
		*computed = list_concat(*computed, stage->calls);
		calls = list_difference(calls, stage->calls);
	}
	return stages;
}

/* Splits quals: those before the first call stay, the others belong to stages. */
static List *
find_stages(List *quals, List *tlist, List **stay)
{
	List	   *stages = NIL;
	List	   *computed = NIL;
	ListCell   *lc;

	*stay = NIL;
	foreach(lc, quals)
	{
		Stage	   *last;

		stages = add_stages(stages, mosaic_find_calls(lfirst(lc), NIL), &computed);
		if (stages == NIL)
		{
			*stay = lappend(*stay, lfirst(lc));
			continue;
		}
		last = llast(stages);
		last->quals = lappend(last->quals, lfirst(lc));
	}
	return add_stages(stages, mosaic_find_calls((Node *) tlist, NIL), &computed);
}

/* Gives up the stages from the n-th on; their quals follow those of the stage before, unbatched. */
static List *
cut_stages(List *stages, int n)
{
	Stage	   *last = list_nth(stages, n - 1);

	for (int i = n; i < list_length(stages); i++)
		last->quals = list_concat(last->quals, ((Stage *) list_nth(stages, i))->quals);
	return list_truncate(stages, n);
}

static List *
all_calls(List *stages)
{
	List	   *calls = NIL;
	ListCell   *lc;

	foreach(lc, stages)
		calls = list_concat(calls, ((Stage *) lfirst(lc))->calls);
	return calls;
}

/* How the rows of a stage are demanded; bounds hold only where no qual drops rows from there on. */
static MosaicNeed
stage_need(List *stages, int k, MosaicNeed need)
{
	for (int i = k; i < list_length(stages) && need.bound >= 0; i++)
		if (((Stage *) list_nth(stages, i))->quals)
			need = (MosaicNeed) {DEMAND_SOME, -1};
	return need;
}

static List *
args_of(List *calls)
{
	List	   *args = NIL;
	ListCell   *lc;

	foreach(lc, calls)
		args = lappend(args, ((FuncExpr *) lfirst(lc))->args);
	return args;
}

/*
 * Keeps the stages over plan that may read ahead.  One that may not would make a
 * batch of each row; the function itself does that better.
 */
static List *
keep_safe_stages(MosaicRewrite *c, Plan *plan, List *stages, MosaicNeed need)
{
	List	   *calls = NIL;		/* computed so far */
	bool		acts = !mosaic_plan_only_reads(plan, c->stmt, c->inits);
	bool		safe = mosaic_plan_cannot_fail(plan, c->stmt, c->inits);

	for (int k = 0; k < list_length(stages); k++)
	{
		Stage	   *stage = list_nth(stages, k);
		List	   *args = (List *) mosaic_replace((Node *) args_of(stage->calls), calls, INDEX_VAR, 1);
		List	   *quals;

		stage->need = stage_need(stages, k, need);
		stage->safe = safe && mosaic_exprs_cannot_fail(args, c->stmt, c->inits);
		if (acts || !mosaic_exprs_only_read(args, c->stmt, c->inits) ||
			(stage->need.demand == DEMAND_SOME && !stage->safe))
			return k == 0 ? NIL : cut_stages(stages, k);
		acts = !mosaic_quals_only_read(stage->quals, c->stmt, c->inits);
		calls = list_concat(calls, stage->calls);
		quals = (List *) mosaic_replace((Node *) stage->quals, calls, INDEX_VAR, 1);
		safe = stage->safe && mosaic_quals_cannot_fail(quals, c->stmt, c->inits);
	}
	return stages;
}

/* ---- nodes ---- */

/* Expressions of stage k that follow its calls, of the stages after it, and the target list. */
static List *
used_from(List *stages, int k, List *tlist)
{
	List	   *used = list_make1(tlist);

	for (int i = k; i < list_length(stages); i++)
	{
		Stage	   *stage = list_nth(stages, i);

		used = lappend(used, stage->quals);
		if (i > k)
			used = lappend(used, stage->calls);
	}
	return used;
}

/* Which of the available columns the node has to keep for expressions that are used later. */
static List *
columns_to_keep(List *available, List *calls, List *used)
{
	List	   *computed = list_copy(calls);
	List	   *keep = NIL;
	Node	   *rest;
	Bitmapset  *in_used,
			   *in_rest;
	ListCell   *lc;

	foreach(lc, available)
		if (IsA(lfirst(lc), FuncExpr))
			computed = lappend(computed, lfirst(lc));
	/* Columns that only computed calls take are done with. */
	rest = mosaic_replace((Node *) used, computed, INDEX_VAR, 1);
	in_used = mosaic_find_among(available, (Node *) used);
	in_rest = mosaic_find_among(available, rest);
	foreach(lc, available)
		if (bms_is_member(foreach_current_index(lc), IsA(lfirst(lc), FuncExpr) ? in_used : in_rest))
			keep = lappend(keep, lfirst(lc));
	return keep;
}

/* Target entries for expressions, in terms of varno whose columns are the available ones. */
static List *
make_columns(List *exprs, List *available, int varno)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, (List *) mosaic_replace((Node *) exprs, available, varno, 1))
		columns = append_entry(columns, lfirst(lc));
	return columns;
}

/* The node of a stage over input; its columns are keep and its calls, and it delivers tlist. */
static Plan *
make_stage(MosaicRewrite *c, Plan *input, Stage *stage, List *keep, List *available, List *tlist)
{
	List	   *exprs = list_concat_copy(keep, stage->calls);
	MosaicScanInfo info = {list_length(stage->calls), stage->need.demand, stage->need.bound, stage->safe};

	return (Plan *) make_scan(c, input, make_columns(exprs, available, OUTER_VAR),
							  tlist ? (List *) mosaic_replace((Node *) tlist, exprs, INDEX_VAR, 1)
							  : make_columns(exprs, exprs, INDEX_VAR),
							  (List *) mosaic_replace((Node *) stage->quals, exprs, INDEX_VAR, 1), &info);
}

/* ---- above ---- */

/* Where the node has its quals that are tested last, before the target list is made; or NULL. */
static List **
final_quals(Plan *plan)
{
	Join	   *join = (Join *) plan;

	switch (nodeTag(plan))
	{
		case T_Result:
		case T_WindowAgg:
		case T_Gather:
			return NULL;
		case T_NestLoop:
		case T_HashJoin:
		case T_MergeJoin:
			/* An inner join's quals are all the same to it, unless the first match ends the search. */
			if (join->jointype == JOIN_INNER && plan->qual == NIL && !join->inner_unique)
				return &join->joinqual;
			return &plan->qual;
		default:
			return &plan->qual;
	}
}

static bool
can_deliver_columns(Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_Result:
			return plan->lefttree != NULL && plan->qual == NIL;
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
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
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
		case T_Gather:
			return true;
		case T_ForeignScan:
			return ((ForeignScan *) plan)->operation == CMD_SELECT && ((ForeignScan *) plan)->scan.scanrelid > 0;
		default:
			return false;
	}
}

/* Where a node's columns go when leaves become its target list. */
typedef struct Renumbering
{
	List	   *tlist,
			   *leaves;
	bool		lost;			/* a column is no leaf */
} Renumbering;

static Node *
renumber(Node *node, void *context)
{
	Renumbering *r = context;
	ListCell   *lc;

	if (node == NULL || !IsA(node, Var))
		return expression_tree_mutator(node, renumber, context);
	node = copyObject(node);
	foreach(lc, r->leaves)
		if (equal(lfirst(lc), list_nth_node(TargetEntry, r->tlist, ((Var *) node)->varattno - 1)->expr))
		{
			((Var *) node)->varattno = foreach_current_index(lc) + 1;
			return node;
		}
	r->lost = true;
	return node;
}

/*
 * A window takes the results in the condition that ends it from its own target list, by number: lets it find those of
 * tlist among leaves.  False: it cannot.
 */
static bool
follow_run_condition(Plan *plan, List *tlist, List *leaves)
{
	Renumbering r = {tlist, leaves, false};
	List	   *condition;

	if (!IsA(plan, WindowAgg))
		return true;
	condition = (List *) renumber((Node *) ((WindowAgg *) plan)->runCondition, &r);
	if (!r.lost)
		((WindowAgg *) plan)->runCondition = condition;
	return !r.lost;
}

/* The stages stacked over the plan, which delivers leaves. */
static Plan *
stack_stages(MosaicRewrite *c, Plan *plan, List *stages, List *leaves, List *tlist)
{
	List	   *available = leaves;

	for (int k = 0; k < list_length(stages); k++)
	{
		Stage	   *stage = list_nth(stages, k);
		List	   *keep = columns_to_keep(available, stage->calls, used_from(stages, k, tlist));
		bool		last = k + 1 == list_length(stages);

		plan = make_stage(c, plan, stage, keep, available, last ? tlist : NIL);
		available = list_concat_copy(keep, stage->calls);
	}
	return plan;
}

Plan *
mosaic_batch_above(MosaicRewrite *c, Plan *plan, MosaicNeed need)
{
	List	  **quals = final_quals(plan);
	List	   *old_quals = quals ? *quals : NIL;
	List	   *tlist = plan->targetlist;
	List	   *stages,
			   *stay,
			   *leaves;

	if (!can_deliver_columns(plan))
		return plan;
	stages = find_stages(old_quals, tlist, &stay);
	if (stages == NIL)
		return plan;
	leaves = mosaic_find_leaves((Node *) used_from(stages, 0, tlist), NIL);
	leaves = mosaic_find_leaves((Node *) all_calls(stages), leaves);
	plan->targetlist = NIL;
	for (int i = 0; i < list_length(leaves); i++)
		plan->targetlist = append_entry(plan->targetlist, copyObject(list_nth(leaves, i)));
	if (quals)
		*quals = stay;
	stages = keep_safe_stages(c, plan, stages, need);
	if (stages && follow_run_condition(plan, tlist, leaves))
		return stack_stages(c, plan, stages, leaves, tlist);
	plan->targetlist = tlist;
	if (quals)
		*quals = old_quals;
	return plan;
}

/* ---- below ---- */

List *
mosaic_stack_on(MosaicRewrite *c, Plan **input, List *calls, MosaicNeed need)
{
	List	   *computed = NIL;
	List	   *available = NIL;
	List	   *stages = add_stages(NIL, calls, &computed);
	ListCell   *lc;

	stages = keep_safe_stages(c, *input, stages, need);
	foreach(lc, (*input)->targetlist)
		available = lappend(available, mosaic_var_of((Node *) lfirst_node(TargetEntry, lc)->expr, OUTER_VAR,
													 foreach_current_index(lc) + 1));
	foreach(lc, stages)
	{
		Stage	   *stage = lfirst(lc);

		*input = make_stage(c, *input, stage, available, available, NIL);
		available = list_concat_copy(available, stage->calls);
	}
	return all_calls(stages);
}

void
mosaic_batch_below(MosaicRewrite *c, Plan *plan, MosaicNeed input_need)
{
	bool		agg = !IsA(plan, ProjectSet);
	List	   *exprs = list_make2(plan->targetlist, plan->qual);
	int			ncolumns = list_length(plan->lefttree->targetlist);
	/* Columns keep their numbers: the node refers to some by number alone. */
	List	   *computed = mosaic_stack_on(c, &plan->lefttree,
										   agg ? mosaic_find_calls_in_aggregates((Node *) exprs, NIL)
										   : mosaic_find_calls((Node *) plan->targetlist, NIL), input_need);

	if (computed == NIL)
		return;
	exprs = (List *) (agg ? mosaic_replace_in_aggregates((Node *) exprs, computed, OUTER_VAR, ncolumns + 1)
					  : mosaic_replace((Node *) exprs, computed, OUTER_VAR, ncolumns + 1));
	plan->targetlist = linitial(exprs);
	plan->qual = lsecond(exprs);
}
