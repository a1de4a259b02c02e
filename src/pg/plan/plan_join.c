/*
 * plan_join.c
 *		Calls that a join makes over one of its sides, for each pair of rows: computed once for each row of that side.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"

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

/* Whether the target list and the quals of a join see the columns of a side as they are. */
static bool
keeps(const Join *join, int side)
{
	switch (join->jointype)
	{
		case JOIN_INNER:
			return true;
		case JOIN_LEFT:
		case JOIN_SEMI:
		case JOIN_ANTI:
			return side == OUTER_VAR;
		case JOIN_RIGHT:
			return side == INNER_VAR;
		default:
			return false;
	}
}

/* In a join's expressions, the calls that one of its sides now computes become its columns from the first on. */
static void
replace_in_join(Join *join, List *computed, int side, AttrNumber first)
{
	join->joinqual = (List *) mosaic_replace((Node *) join->joinqual, computed, side, first);
	if (IsA(join, HashJoin))
	{
		HashJoin   *hash = (HashJoin *) join;

		hash->hashkeys = (List *) mosaic_replace((Node *) hash->hashkeys, computed, side, first);
		hash->hashclauses = (List *) mosaic_replace((Node *) hash->hashclauses, computed, side, first);
	}
	if (keeps(join, side))
	{
		join->plan.targetlist = (List *) mosaic_replace((Node *) join->plan.targetlist, computed, side, first);
		join->plan.qual = (List *) mosaic_replace((Node *) join->plan.qual, computed, side, first);
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
	replace_in_join(join, computed, OUTER_VAR, ncolumns + 1);
	if (bound)
		give_to_inner(c, (NestLoop *) plan, inner_calls, bound, computed, ncolumns);
}

void
mosaic_batch_hashed(MosaicRewrite *c, HashJoin *join, MosaicNeed hashed_need)
{
	Hash	   *hash = (Hash *) join->join.plan.righttree;
	Plan	   *plan = &hash->plan;
	int			ncolumns = list_length(plan->lefttree->targetlist);
	List	   *calls = over_outer(mosaic_find_calls((Node *) hash->hashkeys, NIL));
	List	   *computed = calls ? mosaic_stack_on(c, &plan->lefttree, calls, hashed_need) : NIL;
	ListCell   *lc;

	if (computed == NIL)
		return;
	hash->hashkeys = (List *) mosaic_replace((Node *) hash->hashkeys, computed, OUTER_VAR, ncolumns + 1);
	/* What is in the table are the rows of its input, as they are. */
	foreach(lc, computed)
	{
		Var		   *column = mosaic_var_of(lfirst(lc), OUTER_VAR, list_length(plan->targetlist) + 1);

		plan->targetlist = lappend(plan->targetlist, makeTargetEntry((Expr *) column, column->varattno, NULL, false));
	}
	/* To the join the same columns are those of its inner side. */
	computed = copyObject(computed);
	ChangeVarNodes((Node *) computed, OUTER_VAR, INNER_VAR, 0);
	replace_in_join(&join->join, computed, INNER_VAR, ncolumns + 1);
}
