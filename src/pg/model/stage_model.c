/*
 * stage_model.c
 *		A model that is searched and judged before it is stored.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "domain.h"
#include "inputs.h"
#include "labels.h"
#include "model_rows.h"
#include "progress.h"
#include "stage_model.h"
#include "store_model_job.h"
#include "versions.h"

/* ---- the version that is to be replaced ---- */

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

static void
read_replaced(MosaicStagedModel *s, HeapTuple old)
{
	if (old == NULL)
		return;
	s->replaced = DatumGetInt64(mosaic_model_attr(old, Anum_model_model_id));
	/* One that is kept uses its blocks as before. */
	if (!mosaic_stays(old, s->options.keep))
		s->replaced_ids = mosaic_model_blocks(s->replaced, s->snapshot, &s->nreplaced);
}

int32
mosaic_staged_users(const MosaicStagedModel *s, int32 block_id, bool own, int32 models)
{
	if (models > 0 && s->nreplaced > 0 &&
		bsearch(&block_id, s->replaced_ids, s->nreplaced, sizeof(int32), compare_ids) != NULL)
		models--;
	return models + (own ? 1 : 0);
}

/* ---- staging ---- */

/* In a context of its own, which ends with the import; what stays goes into the caller's. */
static void
stage(MosaicStagedModel *s, MosaicHostSource *source, Oid owner, MemoryContext caller, MosaicImportStats *stats)
{
	ImportJob  *job = palloc0(sizeof *job);
	MemoryContext saved;
	MosaicWriter *stager;
	HeapTuple	row;

	job->domain = s->domain;
	mosaic_job_open(job, s->name, source, s->height, &s->options);
	saved = MemoryContextSwitchTo(caller);
	stager = mosaic_stager_open(s->snapshot, s->domain);
	MemoryContextSwitchTo(saved);
	mosaic_job_store_blocks(job, stager);
	s->blocks = mosaic_staged_blocks(stager, &s->nblocks);
	mosaic_writer_close(stager);
	mosaic_job_insert_tensors(job, s->model_id);
	row = mosaic_job_model_row(job, s->model_id, s->name, owner);
	if (s->options.like)
		row = mosaic_carry_settings(row, mosaic_like_row(s->options.like, s->snapshot));
	MemoryContextSwitchTo(caller);
	s->row = heap_copytuple(row);
	MemoryContextSwitchTo(saved);
	*stats = job->stats;
}

MosaicStagedModel *
mosaic_stage_model(MosaicHostSource *source, const char *name, const MosaicModelOptions *options,
				   MosaicImportStats *stats)
{
	MosaicStagedModel *s = palloc0(sizeof *s);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext cxt;
	HeapTuple	old;
	Oid			owner;

	mosaic_check_may_write();
	mosaic_progress_start(MOSAIC_PROGRESS_IMPORT);
	s->name = name;
	s->options = *options;
	s->snapshot = RegisterSnapshot(GetLatestSnapshot());
	mosaic_check_format(s->snapshot);
	/* Found now rather than at the end; then all is asked again. */
	old = mosaic_check_existing(name, options->replace, s->snapshot);
	owner = mosaic_choose_owner(old, s->snapshot);
	s->domain = mosaic_choose_domain(options->domain, name, old, s->snapshot, mosaic_find_domain);
	read_replaced(s, old);
	s->height = mosaic_read_store_options(s->snapshot).height;
	s->model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	cxt = AllocSetContextCreate(caller, "pg_mosaic import", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(cxt);
	stage(s, source, owner, caller, stats);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
	CommandCounterIncrement();
	mosaic_progress_end();
	return s;
}

/* ---- settling ---- */

/* A block that became another. */
typedef struct Change
{
	int32		was;			/* first: compare_ids */
	int32		is;
	ItemPointerData place;
} Change;

typedef struct Changes
{
	Change	   *changes;		/* ascending */
	int64		n,
				capacity;

	/* For the rows of tensors. */
	Relation	rel;
	CatalogIndexState indexes;
	int64		model_id;
} Changes;

static void
settle_blocks(const MosaicStagedModel *s, MosaicWriter *writer, Changes *c)
{
	c->capacity = 16;
	c->changes = palloc(c->capacity * sizeof *c->changes);
	for (int64 i = 0; i < s->nblocks; i++)
	{
		Change		change = {.was = s->blocks[i].block_id};

		CHECK_FOR_INTERRUPTS();
		mosaic_writer_settle(writer, &s->blocks[i], &change.is, &change.place);
		if (change.is == change.was)
			continue;
		if (c->n == c->capacity)
		{
			c->capacity *= 2;
			c->changes = repalloc_huge(c->changes, c->capacity * sizeof *c->changes);
		}
		c->changes[c->n++] = change;
	}
	qsort(c->changes, c->n, sizeof *c->changes, compare_ids);
}

static void
update_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Changes    *c = arg;
	Datum		values[Natts_tensor] = {0};
	bool		nulls[Natts_tensor] = {false};
	bool		replace[Natts_tensor] = {false};
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);

	CHECK_FOR_INTERRUPTS();
	values[Anum_tensor_model_id - 1] = Int64GetDatum(c->model_id);
	replace[Anum_tensor_model_id - 1] = true;
	if (!isnull)
	{
		bytea	   *map = DatumGetByteaPCopy(value);
		bytea	   *places = DatumGetByteaPCopy(heap_getattr(tuple, Anum_tensor_places, desc, &isnull));
		int64		n;
		int32	   *ids = (int32 *) mosaic_map_ids(map, &n);

		for (int64 i = 0; i < n; i++)
		{
			const Change *change = bsearch(&ids[i], c->changes, c->n, sizeof *c->changes, compare_ids);

			if (change == NULL)
				continue;
			ids[i] = change->is;
			memcpy(VARDATA(places) + i * sizeof(ItemPointerData), &change->place, sizeof(ItemPointerData));
		}
		values[Anum_tensor_map - 1] = PointerGetDatum(map);
		values[Anum_tensor_places - 1] = PointerGetDatum(places);
		replace[Anum_tensor_map - 1] = replace[Anum_tensor_places - 1] = true;
	}
	CatalogTupleUpdateWithInfo(c->rel, &tuple->t_self,
							   heap_modify_tuple(tuple, desc, values, nulls, replace), c->indexes);
}

/* A model_id names content that never changes, and this backend has seen that of the one so far. */
static void
change_tensors(MosaicStagedModel *s, Changes *c, Snapshot snapshot)
{
	int64		was = s->model_id;

	s->model_id = c->model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	c->rel = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	c->indexes = CatalogOpenIndexes(c->rel);
	mosaic_scan_tensors(was, snapshot, update_tensor, c);
	CatalogCloseIndexes(c->indexes);
	table_close(c->rel, NoLock);
}

static void
delete_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	CatalogTupleDelete(arg, &tuple->t_self);
}

/* What was only to be compared with. */
static void
discard(MosaicStagedModel *s, MosaicWriter *writer, Snapshot snapshot)
{
	Relation	tensors = table_open(mosaic_relid("tensor"), RowExclusiveLock);

	for (int64 i = 0; i < s->nblocks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		mosaic_writer_discard(writer, &s->blocks[i]);
	}
	mosaic_scan_tensors(s->model_id, snapshot, delete_tensor, tensors);
	table_close(tensors, NoLock);
	UnregisterSnapshot(s->snapshot);
}

/* The row with what was not known before. */
static HeapTuple
final_row(const MosaicStagedModel *s, Oid owner)
{
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};
	HeapTuple	row;

	values[Anum_model_model_id - 1] = Int64GetDatum(s->model_id);
	values[Anum_model_owner - 1] = ObjectIdGetDatum(owner);
	values[Anum_model_domain - 1] = Int32GetDatum(s->domain);
	values[Anum_model_created - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	replace[Anum_model_model_id - 1] = replace[Anum_model_domain - 1] = true;
	replace[Anum_model_owner - 1] = replace[Anum_model_created - 1] = true;
	nulls[Anum_model_content - 1] = replace[Anum_model_content - 1] = true;
	row = heap_modify_tuple(s->row, RelationGetDescr(rel), values, nulls, replace);
	table_close(rel, NoLock);
	return row;
}

void
mosaic_settle_model(MosaicStagedModel *s)
{
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	old = mosaic_check_existing(s->name, s->options.replace, snapshot);
	Oid			owner = mosaic_choose_owner(old, snapshot);
	Changes		changes = {0};
	MosaicWriter *writer;

	if (s->options.like)
		s->row = mosaic_carry_settings(s->row, mosaic_like_row(s->options.like, snapshot));
	s->domain = mosaic_choose_domain(s->options.domain, s->name, old, snapshot, mosaic_join_domain);
	if (mosaic_store_options(NULL).height != s->height)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("the store's block height was fixed while model \"%s\" was imported", s->name),
				 errhint("Import it again.")));
	writer = mosaic_writer_open(snapshot, s->domain);
	if (s->options.lossless)
		mosaic_job_seek_bases(writer, old, s->options.keep, snapshot);
	settle_blocks(s, writer, &changes);
	if (s->original)
		discard(s->original, writer, snapshot);
	mosaic_writer_close(writer);
	if (changes.n > 0)
		change_tensors(s, &changes, snapshot);
	UnregisterSnapshot(snapshot);
	mosaic_insert_model(final_row(s, owner), old, s->options.keep);
	if (changes.n > 0)
		mosaic_stamp_model(s->model_id);
	if (old)
	{
		mosaic_check_kept_labels(s->name);
		mosaic_check_kept_inputs(s->name);
	}
	UnregisterSnapshot(s->snapshot);
	s->settled = true;
}
