/*
 * check.c
 *		check_store(): whether blocks, their catalog and the models' maps agree.
 */
#include "postgres.h"

#include "access/table.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "check.h"
#include "checker.h"
#include "page_scan.h"
#include "progress.h"

const char *
mosaic_problem_name(MosaicProblemKind kind)
{
	static const char *const names[] = {
		"damaged page", "damaged row", "damaged map", "missing tensor", "orphan tensor", "missing block", "wrong length",
		"wrong geometry", "wrong domain", "wrong hash", "missing meta", "orphan meta",
		"orphan block", "wrong count", "wrong base", "duplicate block", "damaged model", "damaged tokenizer", "missing near key", "orphan near key",
		"sequence behind", "unknown role", "missing dependency", "wrong alias", "missing domain"
	};

	return names[kind];
}

void
mosaic_checker_report(MosaicChecker *c, MosaicProblemKind kind, int32 tensor_no,
					  const char *tensor, int32 block_id, const char *format,...)
{
	MosaicChecked *checked = c->checked;
	StringInfoData detail;
	MosaicProblem *p;

	if (checked->nproblems == c->problem_capacity)
	{
		c->problem_capacity *= 2;
		checked->problems = repalloc_huge(checked->problems,
										  c->problem_capacity * sizeof *checked->problems);
	}
	p = &checked->problems[checked->nproblems++];
	p->kind = kind;
	p->model_id = c->model_id;
	p->model = c->model;
	p->tensor_no = tensor_no;
	p->tensor = tensor;
	p->block_id = block_id;
	p->repaired = false;
	initStringInfo(&detail);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&detail, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}
	/* There may be many. */
	p->detail = pstrdup(detail.data);
	pfree(detail.data);
}

void
mosaic_checker_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	MosaicChecker *c = arg;
	const char *table = RelationGetRelationName(rel);

	*c->table_is_damaged = true;
	if (line == 0)
		mosaic_checker_report(c, MOSAIC_DAMAGED_PAGE, -1, NULL, 0, "mosaic.%s, page %u: %s", table, page,
							  what);
	else
		mosaic_checker_report(c, MOSAIC_DAMAGED_ROW, -1, NULL, 0, "mosaic.%s, page %u, line %u: %s", table,
							  page, line, what);
}

void
mosaic_checker_ignore_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
}

void
mosaic_checker_scan(MosaicChecker *c, const char *table, bool *is_damaged,
					void (*row) (Relation rel, HeapTuple row, void *arg))
{
	c->table_is_damaged = is_damaged;
	mosaic_checker_read(c, table, row, mosaic_checker_damage, c);
}

void
mosaic_checker_read(MosaicChecker *c, const char *table, void (*row) (Relation rel, HeapTuple row, void *arg),
					void (*damage) (Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg),
					void *arg)
{
	Relation	rel = table_open(mosaic_relid(table), AccessShareLock);
	MosaicPageScan scan = {c->checked->snapshot, row, damage, arg};

	mosaic_scan_pages(rel, &scan);
	table_close(rel, NoLock);
}

MosaicChecked *
mosaic_check(Snapshot snapshot)
{
	MosaicChecker c = {.block_capacity = 1024,.problem_capacity = 16};

	c.checked = palloc0(sizeof *c.checked);
	c.checked->snapshot = snapshot;
	c.checked->blocks = palloc(c.block_capacity * sizeof *c.checked->blocks);
	c.checked->problems = palloc(c.problem_capacity * sizeof *c.checked->problems);
	mosaic_check_read_blocks(&c);
	mosaic_check_models(&c);
	mosaic_check_blocks(&c);
	mosaic_check_near_keys(&c);
	mosaic_check_values(&c);
	mosaic_check_domains(&c);
	mosaic_check_roles(&c);
	mosaic_check_aliases(&c);
	mosaic_check_sequences(&c);
	return c.checked;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_check_store);
Datum
mosaic_pg_check_store(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	MosaicChecked *checked;

	InitMaterializedSRF(fcinfo, 0);
	mosaic_progress_start(MOSAIC_PROGRESS_CHECK);
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic check", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	checked = mosaic_check(GetActiveSnapshot());
	for (int64 i = 0; i < checked->nproblems; i++)
	{
		MosaicProblem *p = &checked->problems[i];
		Datum		values[5] = {0};
		bool		nulls[5] = {false, p->model == NULL, p->tensor == NULL, p->block_id == 0, false};

		values[0] = CStringGetTextDatum(mosaic_problem_name(p->kind));
		if (p->model)
			values[1] = CStringGetTextDatum(p->model);
		if (p->tensor)
			values[2] = CStringGetTextDatum(p->tensor);
		values[3] = Int32GetDatum(p->block_id);
		values[4] = CStringGetTextDatum(p->detail);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
	return (Datum) 0;
}
