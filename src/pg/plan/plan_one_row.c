/*
 * plan_one_row.c
 *		Plans that deliver one row at most: there is nothing to batch.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "plan_one_row.h"

/* The column of an index that a qual sets to one value, or 0.  classes: of the index's columns. */
static AttrNumber
equal_column(Node *qual, const oidvector *classes)
{
	OpExpr	   *op = (OpExpr *) qual;
	Var		   *var;

	if (!IsA(qual, OpExpr) || list_length(op->args) != 2)
		return 0;
	var = linitial(op->args);
	if (!IsA(var, Var) || var->varno != INDEX_VAR || var->varattno < 1 || var->varattno > classes->dim1)
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
	if (index->indisunique && index->indimmediate && index->indisvalid)
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

bool
mosaic_one_row(Plan *plan)
{
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return finds_one(((IndexScan *) plan)->indexid, ((IndexScan *) plan)->indexqual);
		case T_IndexOnlyScan:
			return finds_one(((IndexOnlyScan *) plan)->indexid, ((IndexOnlyScan *) plan)->indexqual);
		case T_Result:
			return plan->lefttree == NULL || mosaic_one_row(plan->lefttree);
		case T_Limit:
		case T_LockRows:
		case T_Sort:
			return mosaic_one_row(plan->lefttree);
		case T_SubqueryScan:
			return mosaic_one_row(((SubqueryScan *) plan)->subplan);
		default:
			return false;
	}
}

bool
mosaic_only_one_row(PlannedStmt *stmt)
{
	Plan	   *plan = stmt->planTree;

	if (stmt->subplans)
		return false;
	return mosaic_one_row(IsA(plan, ModifyTable) && plan->lefttree ? plan->lefttree : plan);
}
