/*
 * plan_calls.c
 *		Calls of predict(), predict_class() and their like in the expressions of a plan.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "plan_calls.h"
#include "predict_item.h"
#include "predict_support.h"

/* Placeholders that have a meaning only where they stand. */
static bool
has_placeholder(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, CaseTestExpr) || IsA(node, CoerceToDomainValue))
		return true;
	/* These bring their own placeholder for each element. */
	if (IsA(node, ArrayCoerceExpr))
		return has_placeholder((Node *) ((ArrayCoerceExpr *) node)->arg, context);
	return expression_tree_walker(node, has_placeholder, context);
}

static bool
is_movable_call(Node *node)
{
	FuncExpr   *f = (FuncExpr *) node;
	MosaicPredictFn fn;

	if (!IsA(node, FuncExpr) || !mosaic_may_be_predict(f->funcid) || !mosaic_predict_function(f->funcid, &fn) ||
		list_length(f->args) != mosaic_predict_nargs(&fn))
		return false;
	/* The output is the same for all rows. */
	if (fn.named && (!IsA(llast(f->args), Const) || ((Const *) llast(f->args))->constisnull))
		return false;
	return !contain_volatile_functions((Node *) f->args) && !expression_returns_set((Node *) f->args) &&
		!has_placeholder((Node *) f->args, NULL);
}

static bool find_calls(Node *node, void *context);

/* Subscripts are evaluated unless the array is NULL, which the value of a constructor is not. */
static bool
find_calls_in_subscripts(SubscriptingRef *ref, void *context)
{
	Node	   *array = (Node *) ref->refexpr;

	if (ref->refassgnexpr != NULL)
		return false;
	find_calls(array, context);
	if (IsA(array, ArrayExpr) || (IsA(array, Const) && !((Const *) array)->constisnull))
	{
		find_calls((Node *) ref->refupperindexpr, context);
		find_calls((Node *) ref->reflowerindexpr, context);
	}
	return false;
}

static bool
find_calls(Node *node, void *context)
{
	List	  **calls = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_FuncExpr:
			expression_tree_walker(node, find_calls, context);
			if (is_movable_call(node))
				*calls = list_append_unique(*calls, node);
			return false;

			/* All of their parts are evaluated, always. */
		case T_List:
		case T_TargetEntry:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_ScalarArrayOpExpr:
		case T_NamedArgExpr:
		case T_RangeTblFunction:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_MinMaxExpr:
		case T_FieldSelect:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_CollateExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_NullTest:
		case T_BooleanTest:
			return expression_tree_walker(node, find_calls, context);

			/* Of these, only one part is. */
		case T_ArrayCoerceExpr:
			return find_calls((Node *) ((ArrayCoerceExpr *) node)->arg, context);
		case T_BoolExpr:
			return find_calls(linitial(((BoolExpr *) node)->args), context);
		case T_CoalesceExpr:
			return find_calls(linitial(((CoalesceExpr *) node)->args), context);
		case T_CaseExpr:
			find_calls((Node *) ((CaseExpr *) node)->arg, context);
			return find_calls((Node *) ((CaseWhen *) linitial(((CaseExpr *) node)->args))->expr, context);
		case T_SubPlan:
			return find_calls((Node *) ((SubPlan *) node)->args, context);
		case T_SubscriptingRef:
			return find_calls_in_subscripts((SubscriptingRef *) node, context);
		default:
			return false;
	}
}

List *
mosaic_find_calls(Node *expr, List *calls)
{
	find_calls(expr, &calls);
	return calls;
}

/*
 * What an aggregate, or a window function that is one, evaluates for each row of its input: the filter, since behind
 * it arguments are evaluated for some rows only, or the arguments.  NULL where it is none.
 */
static Node **
aggregated(Node *node)
{
	if (IsA(node, Aggref))
	{
		Aggref	   *agg = (Aggref *) node;

		return agg->aggfilter ? (Node **) &agg->aggfilter : (Node **) &agg->args;
	}
	if (IsA(node, WindowFunc) && ((WindowFunc *) node)->winagg)
	{
		WindowFunc *function = (WindowFunc *) node;

		return function->aggfilter ? (Node **) &function->aggfilter : (Node **) &function->args;
	}
	return NULL;
}

static bool
find_in_aggregates(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (aggregated(node) == NULL)
		return expression_tree_walker(node, find_in_aggregates, context);
	find_calls(*aggregated(node), context);
	return false;
}

List *
mosaic_find_calls_in_aggregates(Node *expr, List *calls)
{
	find_in_aggregates(expr, &calls);
	return calls;
}

static bool
find_leaves(Node *node, void *context)
{
	List	  **leaves = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
			*leaves = list_append_unique(*leaves, node);
			return false;
		default:
			return expression_tree_walker(node, find_leaves, context);
	}
}

List *
mosaic_find_leaves(Node *expr, List *leaves)
{
	find_leaves(expr, &leaves);
	return leaves;
}

static bool
contains_any(Node *node, void *nodes)
{
	if (node == NULL)
		return false;
	return list_member((List *) nodes, node) || expression_tree_walker(node, contains_any, nodes);
}

bool
mosaic_contains_any(Node *expr, List *nodes)
{
	return contains_any(expr, nodes);
}

Var *
mosaic_var_of(Node *expr, int varno, AttrNumber attno)
{
	return makeVar(varno, attno, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

typedef struct Replacement
{
	List	   *nodes;
	int			varno;
	AttrNumber	first;
} Replacement;

static Node *
replace(Node *node, void *context)
{
	Replacement *r = context;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, r->nodes)
		if (equal(lfirst(lc), node))
			return (Node *) mosaic_var_of(node, r->varno, r->first + foreach_current_index(lc));
	return expression_tree_mutator(node, replace, context);
}

Node *
mosaic_replace(Node *expr, List *nodes, int varno, AttrNumber first)
{
	Replacement r = {nodes, varno, first};

	return replace(expr, &r);
}

static Node *
replace_in_aggregates(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (aggregated(node) == NULL)
		return expression_tree_mutator(node, replace_in_aggregates, context);
	node = copyObject(node);
	*aggregated(node) = replace(*aggregated(node), context);
	return node;
}

Node *
mosaic_replace_in_aggregates(Node *expr, List *nodes, int varno, AttrNumber first)
{
	Replacement r = {nodes, varno, first};

	return replace_in_aggregates(expr, &r);
}
