/*
 * repair_store.c
 *		repair_store(): what check_store() finds, is repaired, and how that went.
 *
 * First the tensors, then, by a second check, the blocks.  A third check tells what
 * could not be repaired: lost or damaged blocks and maps.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "check_repair.h"
#include "progress.h"
#include "roles.h"

static int
compare_problems(const void *a, const void *b)
{
	const MosaicProblem *p = a,
			   *q = b;

	CHECK_FOR_INTERRUPTS();
	if (p->kind != q->kind)
		return p->kind < q->kind ? -1 : 1;
	if (p->block_id != q->block_id)
		return p->block_id < q->block_id ? -1 : 1;
	if (p->tensor_no != q->tensor_no)
		return p->tensor_no < q->tensor_no ? -1 : 1;
	/* A repair may give a model a new model_id, and no row a new name. */
	return strcmp(p->model ? p->model : "", q->model ? q->model : "");
}

static MosaicChecked *
check_now(void)
{
	return mosaic_check(RegisterSnapshot(GetLatestSnapshot()));
}

/* Repairs, and returns what was found, with what became of it. */
static MosaicChecked *
repair(bool delete_orphans)
{
	MosaicChecked *found,
			   *between,
			   *left;

	UnregisterSnapshot(mosaic_lock_store());
	CommandCounterIncrement();
	found = check_now();
	mosaic_progress_phase(MOSAIC_PHASE_REPAIRING, 0);
	mosaic_repair_tensors(found, delete_orphans);
	between = check_now();
	mosaic_progress_phase(MOSAIC_PHASE_REPAIRING, 0);
	mosaic_repair_blocks(between, delete_orphans);
	mosaic_release_roles();
	left = check_now();
	qsort(left->problems, left->nproblems, sizeof *left->problems, compare_problems);
	for (int64 i = 0; i < found->nproblems; i++)
	{
		MosaicProblem *p = &found->problems[i];

		p->repaired = bsearch(p, left->problems, left->nproblems, sizeof *p, compare_problems) == NULL;
	}
	UnregisterSnapshot(found->snapshot);
	UnregisterSnapshot(between->snapshot);
	UnregisterSnapshot(left->snapshot);
	return found;
}

static void
put_problem(ReturnSetInfo *result, const MosaicProblem *p)
{
	Datum		values[6] = {0};
	bool		nulls[6] = {false, p->model == NULL, p->tensor == NULL, p->block_id == 0, false, false};

	values[0] = CStringGetTextDatum(mosaic_problem_name(p->kind));
	if (p->model)
		values[1] = CStringGetTextDatum(p->model);
	if (p->tensor)
		values[2] = CStringGetTextDatum(p->tensor);
	values[3] = Int32GetDatum(p->block_id);
	values[4] = CStringGetTextDatum(p->detail);
	values[5] = BoolGetDatum(p->repaired);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
warn_of_missing_models(const MosaicChecked *found)
{
	ereport(WARNING,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 found->lost_models > 0 ?
			 errmsg("mosaic.model lacks " INT64_FORMAT " models that have tensors: nothing of theirs is deleted",
					found->lost_models) :
			 errmsg("mosaic.model is empty: no blocks are deleted"),
			 errhint("Restore the rows of mosaic.domain and mosaic.model, and of mosaic.tensor where it is empty; or call repair_store(delete_orphans => true) to delete what is left of these models.")));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_repair_store);
Datum
mosaic_pg_repair_store(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	MosaicChecked *found;
	bool		dry_run,
				delete_orphans;

	mosaic_check_catalogs();
	dry_run = PG_GETARG_BOOL(0);
	delete_orphans = PG_GETARG_BOOL(1);
	InitMaterializedSRF(fcinfo, 0);
	mosaic_progress_start(MOSAIC_PROGRESS_REPAIR);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic repair", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	if (dry_run)
	{
		found = mosaic_check(GetActiveSnapshot());
		mosaic_plan_repair(found, delete_orphans);
	}
	else
		found = repair(delete_orphans);
	if (!delete_orphans && mosaic_models_are_missing(found))
		warn_of_missing_models(found);
	for (int64 i = 0; i < found->nproblems; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_problem(result, &found->problems[i]);
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
	return (Datum) 0;
}
