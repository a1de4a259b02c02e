/*
 * plan_one_row.c
 *		Statements that predict once: there is nothing to batch.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "plan_one_row.h"
#include "predict_support.h"

/* The column of an index that a qual sets to one value, or 0.  classes: of the index's columns. */
static AttrNumber
equal_column(Node *qual, const oidvector *classes)
{
	OpExpr	   *op = (OpExpr *) qual;
	Var		   *var;
	Oid			left,
				right;

	if (!IsA(qual, OpExpr) || list_length(op->args) != 2)
		return 0;
	var = linitial(op->args);
	if (!IsA(var, Var) || var->varno != INDEX_VAR || var->varattno < 1 || var->varattno > classes->dim1)
		return 0;
	/* A key may equal several values of another type: times of day in the hour that daylight saving skips. */
	op_input_types(op->opno, &left, &right);
	if (left != right || !op_mergejoinable(op->opno, left))
		return 0;
	if (get_op_opfamily_strategy(op->opno, get_opclass_family(classes->values[var->varattno - 1])) != BTEqualStrategyNumber)
		return 0;
	return var->varattno;
}

/* Whether quals set all columns of a unique index to one value. */
static bool
finds_one(Oid indexid, List *quals)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexid));
	Form_pg_index index;
	Bitmapset  *columns = NULL;
	bool		one = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	if (index->indisunique && !index->indisexclusion && index->indimmediate && index->indisvalid)
	{
		bool		isnull;
		Datum		classes = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull);
		ListCell   *lc;

		foreach(lc, quals)
		{
			AttrNumber	column = isnull ? 0 : equal_column(lfirst(lc), (oidvector *) DatumGetPointer(classes));

			if (column > 0 && column <= index->indnkeyatts)
				columns = bms_add_member(columns, column);
		}
		one = bms_num_members(columns) == index->indnkeyatts;
	}
	ReleaseSysCache(tuple);
	return one;
}

/* Counts calls, wherever they are, up to two. */
static bool
count_calls(Node *node, void *context)
{
	int		   *calls = context;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && mosaic_may_be_predict(((FuncExpr *) node)->funcid) && ++*calls > 1)
		return true;
	return expression_tree_walker(node, count_calls, context);
}

/* Whether a node delivers one row at most, and what is below it; counts their calls. */
static bool
one_row(Plan *plan, int *calls)
{
	check_stack_depth();
	if (count_calls((Node *) plan->targetlist, calls) || count_calls((Node *) plan->qual, calls))
		return false;
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return finds_one(((IndexScan *) plan)->indexid, ((IndexScan *) plan)->indexqual);
		case T_IndexOnlyScan:
			return finds_one(((IndexOnlyScan *) plan)->indexid, ((IndexOnlyScan *) plan)->indexqual);
		case T_Result:
			return plan->lefttree == NULL || one_row(plan->lefttree, calls);
		case T_Limit:
		case T_LockRows:
		case T_Sort:
			return one_row(plan->lefttree, calls);
		case T_SubqueryScan:
			return one_row(((SubqueryScan *) plan)->subplan, calls);
		default:
			return false;
	}
}

bool
mosaic_predicts_once(PlannedStmt *stmt)
{
	Plan	   *plan = stmt->planTree;
	int			calls = 0;

	if (stmt->subplans)
		return false;
	return one_row(IsA(plan, ModifyTable) && plan->lefttree ? plan->lefttree : plan, &calls);
}
