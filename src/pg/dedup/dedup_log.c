/*
 * dedup_log.c
 *		What deduplications decided and measured: written, kept with the model's name, read again.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "dedup_job.h"
#include "dedup_log.h"
#include "row.h"

/* Calls fn for each row of a model; returns their number. */
typedef void (*RowFn) (Relation rel, HeapTuple row, void *arg);

static int
scan_rows(const char *table, const char *index, int64 model_id, Snapshot snapshot, LOCKMODE lock,
		  RowFn fn, void *arg)
{
	Relation	rel = table_open(mosaic_relid(table), lock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	int			n = 0;

	/* The model_id comes first in both tables. */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid(index), true, snapshot, 1, &key);
	for (; HeapTupleIsValid(row = mosaic_getnext(scan)); n++)
		fn(rel, row, arg);
	systable_endscan(scan);
	table_close(rel, NoLock);
	return n;
}

static Datum
attribute(Relation rel, HeapTuple row, int attnum)
{
	bool		isnull;

	return heap_getattr(row, attnum, RelationGetDescr(rel), &isnull);
}

/* ---- keeping and removing ---- */

static void
set_model_id(Relation rel, HeapTuple row, void *arg)
{
	Datum		values[Max(Natts_run, Natts_decision)] = {*(Datum *) arg};
	bool		nulls[Max(Natts_run, Natts_decision)] = {false};
	bool		replace[Max(Natts_run, Natts_decision)] = {true};

	CatalogTupleUpdate(rel, &row->t_self,
					   heap_modify_tuple(row, RelationGetDescr(rel), values, nulls, replace));
}

static void
delete_row(Relation rel, HeapTuple row, void *arg)
{
	CatalogTupleDelete(rel, &row->t_self);
}

static void
change_rows(int64 model_id, RowFn fn, void *arg)
{
	Snapshot	snapshot;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan_rows("dedup_run", "dedup_run_pkey", model_id, snapshot, RowExclusiveLock, fn, arg);
	scan_rows("dedup_decision", "dedup_decision_pkey", model_id, snapshot, RowExclusiveLock, fn, arg);
	UnregisterSnapshot(snapshot);
	CommandCounterIncrement();
}

void
mosaic_move_dedup_log(int64 from_model_id, int64 to_model_id)
{
	Datum		id = Int64GetDatum(to_model_id);

	change_rows(from_model_id, set_model_id, &id);
}

void
mosaic_remove_dedup_log(int64 model_id)
{
	change_rows(model_id, delete_row, NULL);
}

/* ---- reading ---- */

/* The elements of an array without NULLs, of a type passed by value. */
static Datum *
elements(Datum array, Oid type, int16 len, bool byval, char align, int *n)
{
	Datum	   *values;

	deconstruct_array(mosaic_plain_array(array, type, len), type, len, byval, align, &values, NULL, n);
	return values;
}

typedef struct Recollection
{
	DedupJob   *job;
	bool		refusals;		/* whether what was refused is refused again */
} Recollection;

static void
read_run(Relation rel, HeapTuple row, void *arg)
{
	Recollection *r = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		no_query,
				no_metric,
				no_bound;
	Datum		query = heap_getattr(row, Anum_run_validation, desc, &no_query);
	Datum		metric = heap_getattr(row, Anum_run_metric, desc, &no_metric);
	Datum		bound = heap_getattr(row, Anum_run_max_drop, desc, &no_bound);

	/* Without a query nothing was measured, and nothing refused. */
	r->refusals = !no_query && !no_metric && !no_bound && r->job->query != NULL &&
		strcmp(mosaic_plain_text(query), r->job->query) == 0 &&
		strcmp(mosaic_plain_text(metric), r->job->metric) == 0 &&
		r->job->max_drop <= DatumGetFloat8(bound);
}

static void
read_decisions(Relation rel, HeapTuple row, void *arg)
{
	DedupJob   *job = ((Recollection *) arg)->job;
	char	   *name = mosaic_plain_text(attribute(rel, row, Anum_decision_tensor));
	Datum	   *block,
			   *partner,
			   *similarity,
			   *outcome,
			   *fingerprint;
	int			counts[5];
	int			t;

	for (t = 0; t < job->handle->ntensors; t++)
		if (strcmp(job->descs[t].name, name) == 0)
			break;
	if (t == job->handle->ntensors)
		return;
	block = elements(attribute(rel, row, Anum_decision_block), INT4OID, 4, true, TYPALIGN_INT, &counts[0]);
	partner = elements(attribute(rel, row, Anum_decision_partner), INT4OID, 4, true, TYPALIGN_INT, &counts[1]);
	similarity = elements(attribute(rel, row, Anum_decision_similarity), FLOAT4OID, 4, true, TYPALIGN_INT, &counts[2]);
	outcome = elements(attribute(rel, row, Anum_decision_outcome), CHAROID, 1, true, TYPALIGN_CHAR, &counts[3]);
	fingerprint = elements(attribute(rel, row, Anum_decision_fingerprint), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &counts[4]);
	for (int i = 1; i < 5; i++)
		if (counts[i] != counts[0])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("the decisions on tensor \"%s\" of model \"%s\" are damaged", name, job->name)));
	job->known = repalloc_huge(job->known, (job->nknown + counts[0] + 1) * sizeof *job->known);
	for (int i = 0; i < counts[0]; i++)
		job->known[job->nknown++] = (MosaicDecision)
		{
			t, DatumGetInt32(block[i]), DatumGetInt32(partner[i]), DatumGetFloat4(similarity[i]),
				DatumGetChar(outcome[i]), DatumGetInt64(fingerprint[i])
		};
}

void
mosaic_recall_decisions(DedupJob *job)
{
	Recollection r = {job};
	int64		model_id = job->staged ? job->staged->replaced : job->handle->key.model_id;

	job->known = palloc(sizeof *job->known);
	if (scan_rows("dedup_run", "dedup_run_pkey", model_id, job->snapshot, AccessShareLock, read_run, &r) == 0)
		return;
	scan_rows("dedup_decision", "dedup_decision_pkey", model_id, job->snapshot, AccessShareLock,
			  read_decisions, &r);
	for (int64 i = 0; job->reuse && i < job->nknown; i++)
	{
		char		outcome = job->known[i].outcome;
		MosaicError error;

		if (outcome == 'm' || (r.refusals && (outcome == 'b' || outcome == 'p')))
			mosaic_dedup_check(mosaic_dedup_recall(job->dedup, &job->known[i], &error), &error);
	}
}

/* ---- writing ---- */

static int
compare_decisions(const void *a, const void *b)
{
	const MosaicDecision *x = a,
			   *y = b;

	return x->tensor != y->tensor ? (x->tensor < y->tensor ? -1 : 1) :
		x->index != y->index ? (x->index < y->index ? -1 : 1) : 0;
}

/*
 * What was decided now, and merges made before that this call found made: the
 * next version of the model may want to know.  By tensor and place.
 */
static MosaicDecision *
all_decisions(DedupJob *job, int64 *n)
{
	MosaicDecision *all = MemoryContextAllocHuge(CurrentMemoryContext,
												 (job->nknown + 1) * sizeof *all);
	int64		capacity = job->nknown + 1,
				fresh;
	MosaicRungs rungs;
	MosaicError error;

	mosaic_dedup_check(mosaic_dedup_rungs(job->dedup, &rungs, &error), &error);
	for (*n = 0; mosaic_dedup_decision(job->dedup, *n, &all[*n]); (*n)++)
		if (*n + 1 == capacity)
			all = repalloc_huge(all, (capacity *= 2) * sizeof *all);
	qsort(all, *n, sizeof *all, compare_decisions);
	fresh = *n;
	all = repalloc_huge(all, (fresh + job->nknown + 1) * sizeof *all);
	for (int64 i = 0; i < job->nknown; i++)
	{
		const MosaicDecision *d = &job->known[i];
		MosaicTensorBlocks *blocks = &job->handle->tensors[d->tensor];

		if (d->outcome == 'm' && d->index < blocks->n && blocks->ids[d->index] == d->partner &&
			bsearch(d, all, fresh, sizeof *all, compare_decisions) == NULL)
			all[(*n)++] = *d;
	}
	qsort(all, *n, sizeof *all, compare_decisions);
	return all;
}

static Datum
make_array(Datum *values, int64 n, Oid type, int16 len, bool byval, char align)
{
	if (n > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many decisions on a tensor")));
	return PointerGetDatum(construct_array(values, (int) n, type, len, byval, align));
}

static void
insert_decisions(Relation rel, int64 model_id, const char *tensor, const MosaicDecision *d, int64 n)
{
	Datum		values[Natts_decision];
	bool		nulls[Natts_decision] = {false};
	Datum	   *column = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof *column);

	values[Anum_decision_model_id - 1] = Int64GetDatum(model_id);
	values[Anum_decision_tensor - 1] = CStringGetTextDatum(tensor);
	for (int64 i = 0; i < n; i++)
		column[i] = Int32GetDatum((int32) d[i].index);
	values[Anum_decision_block - 1] = make_array(column, n, INT4OID, 4, true, TYPALIGN_INT);
	for (int64 i = 0; i < n; i++)
		column[i] = Int32GetDatum(d[i].partner);
	values[Anum_decision_partner - 1] = make_array(column, n, INT4OID, 4, true, TYPALIGN_INT);
	for (int64 i = 0; i < n; i++)
		column[i] = Float4GetDatum((float4) d[i].similarity);
	values[Anum_decision_similarity - 1] = make_array(column, n, FLOAT4OID, 4, true, TYPALIGN_INT);
	for (int64 i = 0; i < n; i++)
		column[i] = CharGetDatum(d[i].outcome);
	values[Anum_decision_outcome - 1] = make_array(column, n, CHAROID, 1, true, TYPALIGN_CHAR);
	for (int64 i = 0; i < n; i++)
		column[i] = Int64GetDatum(d[i].fingerprint);
	values[Anum_decision_fingerprint - 1] = make_array(column, n, INT8OID, 8, FLOAT8PASSBYVAL,
													   TYPALIGN_DOUBLE);
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	pfree(column);
}

static void
insert_run(DedupJob *job, int64 model_id)
{
	Relation	rel = table_open(mosaic_relid("dedup_run"), RowExclusiveLock);
	Datum		values[Natts_run] = {0};
	bool		nulls[Natts_run] = {false};
	MosaicDedupResult result;
	MosaicError error;
	Datum	   *columns[5];

	mosaic_dedup_check(mosaic_dedup_result(job->dedup, &result, &error), &error);
	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(result.evaluations * sizeof(Datum));
	for (int64 i = 0; i < result.evaluations; i++)
	{
		MosaicDedupPoint point;

		/* Each takes time that grows with the merges, and the store is locked. */
		CHECK_FOR_INTERRUPTS();
		mosaic_dedup_check(mosaic_dedup_point(job->dedup, i, &point, &error), &error);
		columns[0][i] = Int64GetDatum(point.merged);
		columns[1][i] = Int64GetDatum(point.bytes);
		columns[2][i] = Float8GetDatum(point.metric);
		columns[3][i] = BoolGetDatum(point.kept);
		columns[4][i] = Float8GetDatum(point.standard_error);
	}
	values[Anum_run_model_id - 1] = values[Anum_run_version - 1] = Int64GetDatum(model_id);
	if (job->query != NULL)
	{
		values[Anum_run_validation - 1] = CStringGetTextDatum(job->query);
		values[Anum_run_metric - 1] = CStringGetTextDatum(job->metric);
		values[Anum_run_max_drop - 1] = Float8GetDatum(job->max_drop);
	}
	else
		nulls[Anum_run_validation - 1] = nulls[Anum_run_metric - 1] =
			nulls[Anum_run_max_drop - 1] = true;
	values[Anum_run_merged - 1] = make_array(columns[0], result.evaluations, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	values[Anum_run_bytes - 1] = make_array(columns[1], result.evaluations, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	values[Anum_run_value - 1] = make_array(columns[2], result.evaluations, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	values[Anum_run_kept - 1] = make_array(columns[3], result.evaluations, BOOLOID, 1, true, TYPALIGN_CHAR);
	values[Anum_run_standard_error - 1] = make_array(columns[4], result.evaluations, FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, NoLock);
}

void
mosaic_write_log(DedupJob *job, int64 model_id)
{
	Relation	rel = table_open(mosaic_relid("dedup_decision"), RowExclusiveLock);
	int64		n,
				end;
	MosaicDecision *all = all_decisions(job, &n);

	mosaic_remove_dedup_log(job->handle->key.model_id);
	insert_run(job, model_id);
	for (int64 i = 0; i < n; i = end)
	{
		for (end = i; end < n && all[end].tensor == all[i].tensor;)
			end++;
		insert_decisions(rel, model_id, job->descs[all[i].tensor].name, &all[i], end - i);
	}
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
