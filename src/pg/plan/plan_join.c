/*
 * plan_join.c
 *		Calls that a join makes over its outer side, for each pair of rows: computed once for each outer row.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "plan_batch.h"
#include "plan_calls.h"
#include "plan_hoist.h"

static bool
is_not_outer(Node *node, void *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		*(bool *) found = true;
		return ((Var *) node)->varno != OUTER_VAR;
	}
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return IsA(node, SubPlan) || expression_tree_walker(node, is_not_outer, found);
}

/* Of calls, those that take columns of the outer side, and no others. */
static List *
over_outer(List *calls)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, calls)
	{
		bool		found = false;

		if (!is_not_outer(lfirst(lc), &found) && found)
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* Numbers and values of what a nested loop gives to its inner side. */
static void
loop_parameters(NestLoop *loop, List **params, List **values)
{
	ListCell   *lc;

	*params = *values = NIL;
	foreach(lc, loop->nestParams)
	{
		NestLoopParam *p = lfirst(lc);

		*params = lappend_int(*params, p->paramno);
		*values = lappend(*values, p->paramval);
	}
}

/* Gives the i-th of calls, which the outer side now computes, to the inner side; it is its last columns. */
static void
give_to_inner(MosaicRewrite *c, NestLoop *loop, List *calls, List *bound, List *computed, int ncolumns)
{
	ListCell   *lc,
			   *lb,
			   *lk;

	forboth(lc, calls, lb, bound)
		foreach(lk, computed)
			if (equal(lfirst(lk), lfirst(lb)))
			{
				NestLoopParam *p = makeNode(NestLoopParam);

				p->paramno = mosaic_make_parameter(c->stmt, loop->join.plan.righttree, lfirst(lc));
				p->paramval = mosaic_var_of(lfirst(lb), OUTER_VAR, ncolumns + foreach_current_index(lk) + 1);
				loop->nestParams = lappend(loop->nestParams, p);
				break;
			}
}

/* Whether the target list and the quals of a join see the columns of the outer side as they are. */
static bool
keeps_outer(const Join *join)
{
	return join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT || join->jointype == JOIN_SEMI ||
		join->jointype == JOIN_ANTI;
}

static void
replace_in_join(Join *join, List *computed, AttrNumber first)
{
	join->joinqual = (List *) mosaic_replace((Node *) join->joinqual, computed, OUTER_VAR, first);
	if (IsA(join, HashJoin))
	{
		HashJoin   *hash = (HashJoin *) join;

		hash->hashkeys = (List *) mosaic_replace((Node *) hash->hashkeys, computed, OUTER_VAR, first);
		hash->hashclauses = (List *) mosaic_replace((Node *) hash->hashclauses, computed, OUTER_VAR, first);
	}
	if (keeps_outer(join))
	{
		join->plan.targetlist = (List *) mosaic_replace((Node *) join->plan.targetlist, computed, OUTER_VAR, first);
		join->plan.qual = (List *) mosaic_replace((Node *) join->plan.qual, computed, OUTER_VAR, first);
	}
}

void
mosaic_batch_outer(MosaicRewrite *c, Plan *plan, MosaicNeed outer_need)
{
	Join	   *join = (Join *) plan;
	int			ncolumns = list_length(plan->lefttree->targetlist);
	List	   *inner_calls = NIL,
			   *bound = NIL,
			   *params,
			   *values,
			   *calls,
			   *computed;
	ListCell   *lc;

	calls = over_outer(mosaic_find_calls(IsA(plan, HashJoin) ? (Node *) ((HashJoin *) plan)->hashkeys
										 : (Node *) join->joinqual, NIL));
	if (IsA(plan, NestLoop))
	{
		loop_parameters((NestLoop *) plan, &params, &values);
		inner_calls = params ? mosaic_find_parameter_calls(plan->righttree, params) : NIL;
		foreach(lc, inner_calls)
			bound = lappend(bound, mosaic_bind_parameters(lfirst(lc), params, values));
	}
	calls = list_concat_unique(calls, bound);
	computed = calls ? mosaic_stack_on(c, &plan->lefttree, calls, outer_need) : NIL;
	if (computed == NIL)
		return;
	replace_in_join(join, computed, ncolumns + 1);
	if (bound)
		give_to_inner(c, (NestLoop *) plan, inner_calls, bound, computed, ncolumns);
}
