/*
 * plan_rewrite.c
 *		Walks a finished plan and puts batches where they belong.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"

#include "plan_batch.h"
#include "plan_calls.h"
#include "plan_hoist.h"
#include "plan_rewrite.h"
#include "plan_walk.h"

static Plan *rewrite(MosaicRewrite *c, Plan *plan, MosaicNeed need, bool marked);

static const MosaicNeed some = {DEMAND_SOME, -1};
static const MosaicNeed all = {DEMAND_ALL, -1};

/* What passes from a node to an input of which it may read more or fewer rows than it delivers. */
static MosaicNeed
unbounded(MosaicNeed need)
{
	return need.bound >= 0 ? some : need;
}

static int
limit_count(Node *node, int unknown)
{
	int64		n;

	if (node == NULL)
		return unknown;
	if (!IsA(node, Const) || ((Const *) node)->constisnull)
		return -1;
	n = DatumGetInt64(((Const *) node)->constvalue);
	return n >= 0 && n < PG_INT32_MAX / 2 ? (int) n : -1;
}

static MosaicNeed
limit_need(Limit *limit, MosaicNeed need)
{
	int			count = limit_count(limit->limitCount, -2);
	int			offset = limit_count(limit->limitOffset, 0);

	if (count == -2)
		return unbounded(need);
	if (count < 0 || offset < 0 || limit->limitOption == LIMIT_OPTION_WITH_TIES)
		return some;
	if (need.bound >= 0)
		count = Min(count, need.bound);
	need.bound = count + offset;
	return need;
}

/* Need of the outer (or only) input. */
static MosaicNeed
outer_need(Plan *plan, MosaicNeed need)
{
	if (mosaic_reads_all_first(plan))
		return all;
	switch (nodeTag(plan))
	{
		case T_ModifyTable:
			return ((ModifyTable *) plan)->returningLists ? unbounded(need) : all;
		case T_Limit:
			return limit_need((Limit *) plan, need);
		case T_LockRows:
			/* May skip rows, or wait long between them. */
			return unbounded(need);
		case T_Result:
			return need;
		case T_WindowAgg:		/* ends where its condition no longer holds */
			return ((WindowAgg *) plan)->runCondition ? some : unbounded(need);
		case T_HashJoin:		/* not read where the inner side is empty */
		case T_MergeJoin:		/* ends where the other side does */
			return some;
		default:
			return unbounded(need);
	}
}

static MosaicNeed
inner_need(Plan *plan, MosaicNeed need)
{
	if (IsA(plan, HashJoin))
		return unbounded(need);
	if (IsA(plan, NestLoop))
	{
		Join	   *join = (Join *) plan;
		bool		first_only = join->inner_unique || join->jointype == JOIN_SEMI || join->jointype == JOIN_ANTI;

		return first_only ? some : unbounded(need);
	}
	return IsA(plan, RecursiveUnion) ? unbounded(need) : some;
}

static void
rewrite_list(MosaicRewrite *c, List *plans, MosaicNeed need)
{
	ListCell   *lc;

	foreach(lc, plans)
		lfirst(lc) = rewrite(c, lfirst(lc), need, false);
}

static void
rewrite_inputs(MosaicRewrite *c, Plan *plan, MosaicNeed need, bool marked)
{
	bool		under_gather = c->under_gather;
	bool		inner_marked = marked;

	switch (nodeTag(plan))
	{
		case T_Append:
			rewrite_list(c, ((Append *) plan)->appendplans, unbounded(need));
			return;
		case T_MergeAppend:
			rewrite_list(c, ((MergeAppend *) plan)->mergeplans, unbounded(need));
			return;
		case T_SubqueryScan:
			{
				Plan	  **subplan = &((SubqueryScan *) plan)->subplan;

				*subplan = rewrite(c, *subplan, plan->qual ? unbounded(need) : need, marked);
				return;
			}
		case T_BitmapHeapScan:	/* its inputs make no rows */
		case T_ForeignScan:
		case T_CustomScan:
			return;
		case T_MergeJoin:
			inner_marked = !((MergeJoin *) plan)->skip_mark_restore;
			break;
		case T_Gather:
		case T_GatherMerge:
			c->under_gather = true;
			break;
		default:
			break;
	}
	/* Nodes that keep what they read can be marked themselves; a Result marks its input. */
	if (plan->lefttree)
		plan->lefttree = rewrite(c, plan->lefttree, outer_need(plan, need), marked && IsA(plan, Result));
	if (IsA(plan, HashJoin) || IsA(plan, NestLoop))
		mosaic_batch_outer(c, plan, outer_need(plan, need));
	if (plan->righttree)
		plan->righttree = rewrite(c, plan->righttree, inner_need(plan, need),
								  inner_marked && IsA(plan, MergeJoin));
	if (IsA(plan, HashJoin))
		mosaic_batch_hashed(c, (HashJoin *) plan, all);
	c->under_gather = under_gather;
}

/*
 * Whether a node evaluates the arguments of its aggregates for each row of its input.  A window of some rows before or
 * after the current one, or one that ends early, may leave out some.
 */
static bool
aggregates_all_rows(Plan *plan)
{
	const int	some_rows = FRAMEOPTION_START_OFFSET | FRAMEOPTION_END_OFFSET | FRAMEOPTION_EXCLUSION;

	if (IsA(plan, WindowAgg))
		return (((WindowAgg *) plan)->frameOptions & some_rows) == 0 && ((WindowAgg *) plan)->runCondition == NIL;
	return IsA(plan, Agg);
}

/* marked: the node must support mark and restore, which ours does not. */
static Plan *
rewrite(MosaicRewrite *c, Plan *plan, MosaicNeed need, bool marked)
{
	MosaicNeed	input = outer_need(plan, need);

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	rewrite_inputs(c, plan, need, marked);
	/* The first row of the next group is read before one is delivered, but not looked into. */
	if (IsA(plan, ProjectSet) || (aggregates_all_rows(plan) && input.demand != DEMAND_SOME))
		mosaic_batch_below(c, plan, input);
	if (marked)
		return plan;
	return mosaic_batch_above(c, plan, need);
}

PlannedStmt *
mosaic_rewrite_plan(PlannedStmt *stmt)
{
	MosaicRewrite c = {0};
	MosaicNeed	top = {DEMAND_RUN, -1};
	ListCell   *lc;

	c.stmt = stmt = copyObject(stmt);
	c.next_id = mosaic_max_node_id(stmt->planTree);
	foreach(lc, stmt->subplans)
		c.next_id = Max(c.next_id, mosaic_max_node_id(lfirst(lc)));
	c.next_id++;
	mosaic_hoist_from_subqueries(stmt);
	c.inits = mosaic_init_plans(stmt);
	foreach(lc, stmt->subplans)
		if (lfirst(lc))
			lfirst(lc) = rewrite(&c, lfirst(lc), some, false);
	stmt->planTree = rewrite(&c, stmt->planTree, top, false);
	return c.changed ? stmt : NULL;
}
