/*
 * plan_hooks.c
 *		Where plans are rewritten: at the start of their execution.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "plan_hooks.h"
#include "plan_one_row.h"
#include "plan_rewrite.h"
#include "predict_scan.h"
#include "predict_support.h"

static bool batch_enabled = true;
static ExecutorStart_hook_type next_start;
static ExecutorRun_hook_type next_run;

/* Plans may be cached and run again: the rewrite is of a copy, which lives as long as the execution. */
static void
executor_start(QueryDesc *query, int eflags)
{
	MemoryContext cxt = NULL;

	if (batch_enabled && mosaic_stmt_may_predict(query->plannedstmt) && !mosaic_predicts_once(query->plannedstmt))
	{
		MemoryContext saved;
		PlannedStmt *rewritten;

		cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic plan", ALLOCSET_DEFAULT_SIZES);
		saved = MemoryContextSwitchTo(cxt);
		rewritten = mosaic_rewrite_plan(query->plannedstmt);
		MemoryContextSwitchTo(saved);
		if (rewritten)
			query->plannedstmt = rewritten;
	}
	if (next_start)
		next_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
	if (cxt)
		MemoryContextSetParent(cxt, query->estate->es_query_cxt);
}

static void
executor_run(MOSAIC_RUN_PARAMETERS)
{
	MosaicRun	outer = mosaic_current_run;

	mosaic_current_run = (MosaicRun) {query->estate, count};
	PG_TRY();
	{
		if (next_run)
			next_run(MOSAIC_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(MOSAIC_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		mosaic_current_run = outer;
	}
	PG_END_TRY();
}

void
mosaic_plan_hooks_init(void)
{
	DefineCustomBoolVariable("pg_mosaic.batch",
							 "Lets plans compute predictions of many rows at once.",
							 "Results are the same; off, every row is predicted by itself.",
							 &batch_enabled, true, PGC_USERSET, 0, NULL, NULL, NULL);
	mosaic_predict_scan_init();
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
}
