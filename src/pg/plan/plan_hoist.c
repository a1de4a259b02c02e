/*
 * plan_hoist.c
 *		Calls that a plan makes for each row of another, with nothing but values of that row.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "plan_calls.h"
#include "plan_hoist.h"
#include "plan_walk.h"

#define MAX_FIELDS 6

/* ---- expressions of a plan ---- */

/* The lists of expressions of a node, and where they are. */
static int
expr_fields(Plan *plan, List ***fields)
{
	int			n = 0;

	fields[n++] = &plan->targetlist;
	fields[n++] = &plan->qual;
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_MergeJoin:
		case T_HashJoin:
			fields[n++] = &((Join *) plan)->joinqual;
			break;
		case T_Memoize:
			fields[n++] = &((Memoize *) plan)->param_exprs;
			break;
		case T_IndexScan:
			fields[n++] = &((IndexScan *) plan)->indexqual;
			fields[n++] = &((IndexScan *) plan)->indexqualorig;
			fields[n++] = &((IndexScan *) plan)->indexorderby;
			fields[n++] = &((IndexScan *) plan)->indexorderbyorig;
			break;
		case T_IndexOnlyScan:
			fields[n++] = &((IndexOnlyScan *) plan)->indexqual;
			fields[n++] = &((IndexOnlyScan *) plan)->recheckqual;
			fields[n++] = &((IndexOnlyScan *) plan)->indexorderby;
			break;
		case T_BitmapIndexScan:
			fields[n++] = &((BitmapIndexScan *) plan)->indexqual;
			fields[n++] = &((BitmapIndexScan *) plan)->indexqualorig;
			break;
		case T_BitmapHeapScan:
			fields[n++] = &((BitmapHeapScan *) plan)->bitmapqualorig;
			break;
		case T_FunctionScan:
			fields[n++] = &((FunctionScan *) plan)->functions;
			break;
		default:
			break;
	}
	if (IsA(plan, Hash))
		fields[n++] = &((Hash *) plan)->hashkeys;
	if (IsA(plan, HashJoin))
	{
		fields[n++] = &((HashJoin *) plan)->hashclauses;
		fields[n++] = &((HashJoin *) plan)->hashkeys;
	}
	Assert(n <= MAX_FIELDS);
	return n;
}

/* Whether an expression takes anything but constants and params; *found: it takes one of these. */
typedef struct Takes
{
	List	   *params;
	bool		found;
} Takes;

static bool
takes_others(Node *node, void *context)
{
	Takes	   *takes = context;

	if (node == NULL)
		return false;
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;

		if (param->paramkind != PARAM_EXEC || !list_member_int(takes->params, param->paramid))
			return true;
		takes->found = true;
		return false;
	}
	if (IsA(node, Var) || IsA(node, Aggref) || IsA(node, WindowFunc) || IsA(node, GroupingFunc) || IsA(node, SubPlan))
		return true;
	return expression_tree_walker(node, takes_others, context);
}

/* Not LIMIT 0. */
static bool
reads_its_input(const Limit *limit)
{
	Const	   *count = (Const *) limit->limitCount;

	return count == NULL || (IsA(count, Const) && (count->constisnull || DatumGetInt64(count->constvalue) > 0));
}

/* Whether a scan of a plan scans this input of it, whatever rows the others have, and however few are asked for. */
static bool
scans_first(Plan *plan, Plan *input)
{
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_RecursiveUnion:
			return input == plan->lefttree;
		case T_HashJoin:
		case T_MergeJoin:
			return false;
		case T_Append:
			return input == linitial(((Append *) plan)->appendplans);
		default:
			return true;
	}
}

/*
 * Adds the calls that a scan of the plan makes in any case, or does if it comes to a row: those of conditions, which
 * have no order.  A target list is for rows that have passed them; what is beneath a one-time filter waits for that,
 * and HAVING for groups.  Arguments of functions are for where the plan is scanned in any case.
 */
static List *
find_certain_calls(Plan *plan, bool scanned, List *calls)
{
	List	  **fields[MAX_FIELDS];
	int			n = expr_fields(plan, fields);
	int			first = 1;		/* after the target list */
	ListCell   *lc;

	switch (nodeTag(plan))
	{
		case T_Result:
			if (((Result *) plan)->resconstantqual)
				return calls;
			first = plan->lefttree ? n : 0;
			break;
		case T_SeqScan:
			first = plan->qual ? 1 : 0;
			break;
		case T_FunctionScan:
			if (!scanned)
				n--;			/* the functions */
			break;
		case T_SubqueryScan:	/* its conditions are for the rows of the subquery */
		case T_Agg:
		case T_Group:
		case T_WindowAgg:
			first = n;
			break;
		case T_Limit:
			if (!reads_its_input((Limit *) plan))
				return calls;
			first = n;
			break;
		default:
			break;
	}
	for (int i = first; i < n; i++)
		calls = mosaic_find_calls((Node *) *fields[i], calls);
	foreach(lc, mosaic_plan_inputs(plan))
		calls = find_certain_calls(lfirst(lc), scanned && scans_first(plan, lfirst(lc)), calls);
	return calls;
}

List *
mosaic_find_parameter_calls(Plan *plan, List *params)
{
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, find_certain_calls(plan, true, NIL))
	{
		Takes		takes = {.params = params};

		if (!takes_others(lfirst(lc), &takes) && takes.found)
			found = lappend(found, lfirst(lc));
	}
	return found;
}

typedef struct Binding
{
	List	   *params;
	List	   *values;
} Binding;

static Node *
bind_parameters(Node *node, void *context)
{
	Binding    *b = context;
	ListCell   *lp,
			   *lv;

	if (node == NULL)
		return NULL;
	if (IsA(node, Param))
		forboth(lp, b->params, lv, b->values)
			if (lfirst_int(lp) == ((Param *) node)->paramid)
				return copyObject(lfirst(lv));
	return expression_tree_mutator(node, bind_parameters, context);
}

Node *
mosaic_bind_parameters(Node *call, List *params, List *values)
{
	Binding		b = {params, values};

	return bind_parameters(call, &b);
}

/* ---- making parameters ---- */

typedef struct Parameter
{
	Node	   *call;
	Param	   *param;
	bool		put;			/* in place of the call, somewhere */
} Parameter;

static Node *
put_parameter(Node *node, void *context)
{
	Parameter  *p = context;

	if (node == NULL)
		return NULL;
	if (equal(node, p->call))
	{
		p->put = true;
		return copyObject((Node *) p->param);
	}
	return expression_tree_mutator(node, put_parameter, context);
}

/* Nodes at and above where it is put are executed again when it changes; all others keep what they have read. */
static bool
put_into_plan(Plan *plan, Parameter *p)
{
	List	  **fields[MAX_FIELDS];
	int			n = expr_fields(plan, fields);
	bool		put;
	ListCell   *lc;

	p->put = false;
	for (int i = 0; i < n; i++)
		*fields[i] = (List *) put_parameter((Node *) *fields[i], p);
	put = p->put;
	foreach(lc, mosaic_plan_inputs(plan))
		put |= put_into_plan(lfirst(lc), p);
	if (!put)
		return false;
	plan->extParam = bms_add_member(plan->extParam, p->param->paramid);
	plan->allParam = bms_add_member(plan->allParam, p->param->paramid);
	/* It follows from the keys. */
	if (IsA(plan, Memoize))
		((Memoize *) plan)->keyparamids = bms_add_member(((Memoize *) plan)->keyparamids, p->param->paramid);
	if (IsA(plan, FunctionScan))
		foreach(lc, ((FunctionScan *) plan)->functions)
		{
			RangeTblFunction *function = lfirst(lc);

			function->funcparams = bms_add_member(function->funcparams, p->param->paramid);
		}
	return true;
}

int
mosaic_make_parameter(PlannedStmt *stmt, Plan *plan, Node *call)
{
	Param	   *param = makeNode(Param);
	Parameter	p = {call, param, false};

	param->paramkind = PARAM_EXEC;
	param->paramid = list_length(stmt->paramExecTypes);
	param->paramtype = exprType(call);
	param->paramtypmod = exprTypmod(call);
	param->paramcollid = exprCollation(call);
	param->location = -1;
	stmt->paramExecTypes = lappend_oid(stmt->paramExecTypes, param->paramtype);
	put_into_plan(plan, &p);
	return param->paramid;
}

/* ---- subqueries ---- */

static bool
find_subqueries(Node *node, void *context)
{
	List	  **nodes = context;

	if (node == NULL)
		return false;
	if (IsA(node, SubPlan))
		*nodes = lappend(*nodes, node);
	return expression_tree_walker(node, find_subqueries, context);
}

static void
find_in_plan(Plan *plan, List **nodes)
{
	List	  **fields[MAX_FIELDS];
	int			n;
	ListCell   *lc;

	if (plan == NULL)
		return;
	n = expr_fields(plan, fields);
	for (int i = 0; i < n; i++)
		find_subqueries((Node *) *fields[i], nodes);
	foreach(lc, mosaic_plan_inputs(plan))
		find_in_plan(lfirst(lc), nodes);
}

static List *
find_all_subqueries(PlannedStmt *stmt)
{
	List	   *nodes = NIL;
	ListCell   *lc;

	find_in_plan(stmt->planTree, &nodes);
	foreach(lc, stmt->subplans)
		find_in_plan(lfirst(lc), &nodes);
	return nodes;
}

/* The only expression that executes the plan of this number; NULL where there are more. */
static SubPlan *
only_subquery(PlannedStmt *stmt, int plan_id)
{
	SubPlan    *only = NULL;
	ListCell   *lc;

	foreach(lc, find_all_subqueries(stmt))
	{
		if (((SubPlan *) lfirst(lc))->plan_id != plan_id)
			continue;
		if (only)
			return NULL;
		only = lfirst(lc);
	}
	return only;
}

static void
hoist(PlannedStmt *stmt, SubPlan *subplan)
{
	Plan	   *plan = list_nth(stmt->subplans, subplan->plan_id - 1);
	List	   *params = list_copy(subplan->parParam);
	List	   *values = list_copy(subplan->args);
	List	   *nested = NIL;
	ListCell   *lc;

	/* A value that is copied must not bring a second expression for its own plan. */
	find_subqueries((Node *) values, &nested);
	if (nested != NIL)
		return;
	foreach(lc, mosaic_find_parameter_calls(plan, params))
	{
		int			number = mosaic_make_parameter(stmt, plan, lfirst(lc));

		subplan->parParam = lappend_int(subplan->parParam, number);
		subplan->args = lappend(subplan->args, mosaic_bind_parameters(lfirst(lc), params, values));
	}
}

static bool
may_hoist(SubPlan *subplan)
{
	return subplan->parParam != NIL && !subplan->useHashTable;
}

void
mosaic_hoist_from_subqueries(PlannedStmt *stmt)
{
	int			n = list_length(stmt->subplans);
	Bitmapset  *wanted = NULL;
	ListCell   *lc;

	foreach(lc, find_all_subqueries(stmt))
		if (may_hoist(lfirst(lc)))
			wanted = bms_add_member(wanted, ((SubPlan *) lfirst(lc))->plan_id);
	/* Each is looked for anew: making parameters copies the expressions of a plan, with the subqueries in them. */
	for (int plan_id = 1; plan_id <= n; plan_id++)
	{
		SubPlan    *subplan = bms_is_member(plan_id, wanted) ? only_subquery(stmt, plan_id) : NULL;

		if (subplan && may_hoist(subplan))
			hoist(stmt, subplan);
	}
}
