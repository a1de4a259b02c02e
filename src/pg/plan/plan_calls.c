/*
 * plan_calls.c
 *		Calls of predict(), predict_class() and their like in the expressions of a plan.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/hsearch.h"

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

/* ---- nodes by what they are ---- */

/* A key that is compared as bytes: of two ints, there are none between them. */
typedef struct Column
{
	int			varno;
	int			varattno;
} Column;

typedef struct Entry
{
	Column		column;			/* the key */
	int			place;
} Entry;

/* A list in which nodes are looked up: Vars, which may be as many as a table has columns, by a hash. */
typedef struct Lookup
{
	List	   *nodes;
	HTAB	   *vars;
	List	   *others;			/* places of nodes that are no Vars */
} Lookup;

static Column
column_of(Node *node)
{
	return (Column) {((Var *) node)->varno, ((Var *) node)->varattno};
}

static void
add_to_lookup(Lookup *lookup, Node *node)
{
	int			place = list_length(lookup->nodes);

	lookup->nodes = lappend(lookup->nodes, node);
	if (IsA(node, Var))
	{
		Column		column = column_of(node);
		bool		found;
		Entry	   *entry = hash_search(lookup->vars, &column, HASH_ENTER, &found);

		if (!found)
			entry->place = place;
	}
	else
		lookup->others = lappend_int(lookup->others, place);
}

static Lookup
make_lookup(List *nodes)
{
	HASHCTL		control = {.keysize = sizeof(Column),.entrysize = sizeof(Entry),.hcxt = CurrentMemoryContext};
	Lookup		lookup = {0};
	ListCell   *lc;

	lookup.vars = hash_create("pg_mosaic columns", list_length(nodes) + 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	foreach(lc, nodes)
		add_to_lookup(&lookup, lfirst(lc));
	return lookup;
}

static void
free_lookup(Lookup *lookup)
{
	hash_destroy(lookup->vars);
	list_free(lookup->others);
}

/* The place of a node, or -1. */
static int
place_of(const Lookup *lookup, Node *node)
{
	ListCell   *lc;

	if (IsA(node, Var))
	{
		Column		column = column_of(node);
		Entry	   *entry = hash_search(lookup->vars, &column, HASH_FIND, NULL);

		if (entry == NULL)
			return -1;
		if (equal(list_nth(lookup->nodes, entry->place), node))
			return entry->place;
		/* The same column beneath different joins, of which either makes it NULL. */
		foreach(lc, lookup->nodes)
			if (equal(lfirst(lc), node))
				return foreach_current_index(lc);
		return -1;
	}
	foreach(lc, lookup->others)
		if (equal(list_nth(lookup->nodes, lfirst_int(lc)), node))
			return lfirst_int(lc);
	return -1;
}

static bool
find_leaves(Node *node, void *context)
{
	Lookup	   *leaves = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Aggref:
		case T_GroupingFunc:
		case T_WindowFunc:
			if (place_of(leaves, node) < 0)
				add_to_lookup(leaves, node);
			return false;
		default:
			return expression_tree_walker(node, find_leaves, context);
	}
}

List *
mosaic_find_leaves(Node *expr, List *leaves)
{
	Lookup		lookup = make_lookup(leaves);

	find_leaves(expr, &lookup);
	free_lookup(&lookup);
	return lookup.nodes;
}

typedef struct Marks
{
	Lookup		lookup;
	Bitmapset  *found;
} Marks;

static bool
mark(Node *node, void *context)
{
	Marks	   *marks = context;
	int			place;

	if (node == NULL)
		return false;
	place = place_of(&marks->lookup, node);
	if (place >= 0)
		marks->found = bms_add_member(marks->found, place);
	return expression_tree_walker(node, mark, context);
}

Bitmapset *
mosaic_find_among(List *nodes, Node *expr)
{
	Marks		marks = {make_lookup(nodes), NULL};

	mark(expr, &marks);
	free_lookup(&marks.lookup);
	return marks.found;
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
	Lookup		lookup;
	int			varno;
	AttrNumber	first;
} Replacement;

static Node *
replace(Node *node, void *context)
{
	Replacement *r = context;
	int			place;

	if (node == NULL)
		return NULL;
	place = place_of(&r->lookup, node);
	if (place >= 0)
		return (Node *) mosaic_var_of(node, r->varno, r->first + place);
	return expression_tree_mutator(node, replace, context);
}

Node *
mosaic_replace(Node *expr, List *nodes, int varno, AttrNumber first)
{
	Replacement r = {make_lookup(nodes), varno, first};

	expr = replace(expr, &r);
	free_lookup(&r.lookup);
	return expr;
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
	Replacement r = {make_lookup(nodes), varno, first};

	expr = replace_in_aggregates(expr, &r);
	free_lookup(&r.lookup);
	return expr;
}
