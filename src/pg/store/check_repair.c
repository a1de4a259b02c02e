/*
 * check_repair.c
 *		repair_store(): repairs what check_store() finds, where that is possible.
 *
 * First the tensors: those of no model are deleted, maps come to name the first
 * of equal blocks, places are looked up.  Then, by a second check, the blocks:
 * those that nobody uses (any more) are deleted, block_meta gets what is so.  A
 * third check tells what could not be repaired: lost or damaged blocks and maps.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "checker.h"
#include "progress.h"
#include "roles.h"
#include "row.h"
#include "store.h"

/* ---- tensors ---- */

typedef struct TensorRepair
{
	MosaicChecked *checked;
	Relation	tensors;
	int64		new_model_id;	/* 0: the maps stay as they are */
	bool		merge;			/* one of the model's blocks is a duplicate */
} TensorRepair;

static void
find_duplicates(HeapTuple tuple, TupleDesc desc, void *arg)
{
	TensorRepair *r = arg;
	bool		isnull;
	Datum		map = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	const int32 *ids;
	int64		n;

	if (isnull)
		return;
	ids = mosaic_map_ids((bytea *) mosaic_plain(map), &n);
	for (int64 i = 0; i < n && !r->merge; i++)
	{
		MosaicCheckedBlock *b = mosaic_checked_block(r->checked, ids[i]);

		r->merge = b && b->same_as != 0;
	}
}

static void
rewrite_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	TensorRepair *r = arg;
	Datum		values[Natts_tensor] = {0};
	bool		nulls[Natts_tensor] = {false};
	bool		replace[Natts_tensor] = {false};
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);

	CHECK_FOR_INTERRUPTS();
	if (!isnull)
	{
		int64		n;
		const int32 *ids = mosaic_map_ids((bytea *) mosaic_plain(value), &n);
		int32	   *new_ids = palloc(Max(n, 1) * sizeof(int32));
		bytea	   *places = palloc0(VARHDRSZ + n * MOSAIC_PLACE_BYTES);

		SET_VARSIZE(places, VARHDRSZ + n * MOSAIC_PLACE_BYTES);
		for (int64 i = 0; i < n; i++)
		{
			MosaicCheckedBlock *b = mosaic_checked_block(r->checked, ids[i]);

			if (b && b->same_as != 0)
				b = mosaic_checked_block(r->checked, b->same_as);
			new_ids[i] = b ? b->block_id : ids[i];
			if (b && b->stored)
				memcpy(VARDATA(places) + i * MOSAIC_PLACE_BYTES, &b->place, MOSAIC_PLACE_BYTES);
		}
		values[Anum_tensor_places - 1] = PointerGetDatum(places);
		replace[Anum_tensor_places - 1] = true;
		values[Anum_tensor_map - 1] = PointerGetDatum(mosaic_make_map(new_ids, n));
		replace[Anum_tensor_map - 1] = r->new_model_id != 0;
	}
	else if (r->new_model_id == 0)
		return;
	values[Anum_tensor_model_id - 1] = Int64GetDatum(r->new_model_id);
	replace[Anum_tensor_model_id - 1] = r->new_model_id != 0;
	CatalogTupleUpdate(r->tensors, &tuple->t_self,
					   heap_modify_tuple(tuple, desc, values, nulls, replace));
}

/* A model_id names content that never changes (model_cache.h), and a map is part of that. */
static void
change_model_id(int64 model_id, int64 new_model_id, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_model_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid("model_pkey"), true, snapshot, 1, &key);
	tuple = mosaic_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "model " INT64_FORMAT " is missing", model_id);
	values[Anum_model_model_id - 1] = Int64GetDatum(new_model_id);
	replace[Anum_model_model_id - 1] = true;
	CatalogTupleUpdate(rel, &tuple->t_self,
					   heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, replace));
	systable_endscan(scan);
	table_close(rel, NoLock);
}

/* Whether a model's maps can be read, and its places need it, or its blocks have duplicates. */
static void
repair_model(TensorRepair *r, int64 model_id, bool stale)
{
	Snapshot	snapshot = r->checked->snapshot;

	r->merge = false;
	r->new_model_id = 0;
	mosaic_scan_tensors(model_id, snapshot, find_duplicates, r);
	if (!r->merge && !stale)
		return;
	if (r->merge)
		r->new_model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	mosaic_scan_tensors(model_id, snapshot, rewrite_tensor, r);
	if (r->merge)
		change_model_id(model_id, r->new_model_id, snapshot);
}

static bool
has_problem(MosaicChecked *checked, MosaicProblemKind kind, int64 model_id)
{
	for (int64 i = 0; i < checked->nproblems; i++)
		if (checked->problems[i].kind == kind &&
			(model_id == 0 || checked->problems[i].model_id == model_id))
			return true;
	return false;
}

static void
delete_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	CatalogTupleDelete(((TensorRepair *) arg)->tensors, &tuple->t_self);
}

static void
repair_tensors(MosaicChecked *checked)
{
	TensorRepair r = {.checked = checked};
	int64		deleted = 0;

	r.tensors = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	for (int64 i = 0; i < checked->nmodels; i++)
	{
		MosaicCheckedModel *m = &checked->models[i];

		CHECK_FOR_INTERRUPTS();
		if (!m->damaged)
			repair_model(&r, m->model_id, has_problem(checked, MOSAIC_STALE_PLACES, m->model_id));
	}
	/* Reported in the order of models, each once for every tensor. */
	for (int64 i = 0; i < checked->nproblems; i++)
	{
		MosaicProblem *p = &checked->problems[i];

		if (p->kind == MOSAIC_ORPHAN_TENSOR && p->model_id != deleted)
		{
			deleted = p->model_id;
			mosaic_scan_tensors(deleted, checked->snapshot, delete_tensor, &r);
		}
	}
	table_close(r.tensors, NoLock);
	CommandCounterIncrement();
}

/* ---- blocks ---- */

/* The hash of a stored block under this geometry, in the domain of its users. */
static pg_uuid_t
hash_of(MosaicCheckedBlock *b, MosaicGeometry geometry)
{
	MosaicReader reader;
	Buffer		buffer;
	pg_uuid_t	hash;
	const void *payload;

	mosaic_reader_open(&reader);
	payload = mosaic_read_block(&reader, b->block_id, b->length, &b->place, CurrentResourceOwner, &buffer);
	mosaic_block_hash(geometry, payload, b->length, hash.data);
	mosaic_hash_in_domain(b->used_domain, hash.data);
	ReleaseBuffer(buffer);
	mosaic_reader_close(&reader);
	return hash;
}

/*
 * Puts right the block_meta row of a block that is used.  Its hash is what shows
 * damage, so it is never made to fit a payload that it does not fit.
 */
static void
repair_meta(Relation meta, CatalogIndexState indexes, MosaicCheckedBlock *b)
{
	MosaicGeometry geometry = mosaic_geometry_unpack(b->used_geometry);
	Datum		values[Natts_meta];
	bool		nulls[Natts_meta] = {false};
	pg_uuid_t	hash;

	if (!b->stored || b->length != mosaic_geometry_bytes(geometry))
		return;
	if (b->has_meta && b->models == b->users && b->geometry == b->used_geometry &&
		b->domain == b->used_domain)
		return;
	hash = hash_of(b, geometry);
	if (b->has_meta && (b->geometry != b->used_geometry || b->domain != b->used_domain) &&
		memcmp(hash.data, b->hash.data, UUID_LEN) != 0)
		return;
	if (b->has_meta)
	{
		hash = b->hash;
		CatalogTupleDelete(meta, &b->meta_place);
	}
	values[Anum_meta_block_id - 1] = Int32GetDatum(b->block_id);
	values[Anum_meta_models - 1] = Int32GetDatum(b->users);
	values[Anum_meta_geometry - 1] = Int64GetDatum((int64) b->used_geometry);
	values[Anum_meta_hash - 1] = UUIDPGetDatum(&hash);
	values[Anum_meta_domain - 1] = Int32GetDatum(b->used_domain);
	CatalogTupleInsertWithInfo(meta, heap_form_tuple(RelationGetDescr(meta), values, nulls), indexes);
}

static void
repair_blocks(MosaicChecked *checked)
{
	Relation	blocks = table_open(mosaic_relid("block"), RowExclusiveLock);
	Relation	meta = table_open(mosaic_relid("block_meta"), RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(meta);
	/* What a map that cannot be read uses is not known, nor which tensors a damaged model lacks. */
	bool		users_known = !checked->models_are_damaged &&
		!has_problem(checked, MOSAIC_DAMAGED_MAP, 0) &&
		!has_problem(checked, MOSAIC_MISSING_TENSOR, 0) &&
		!has_problem(checked, MOSAIC_DAMAGED_MODEL, 0);

	for (int64 i = 0; i < checked->nblocks; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
		if (!users_known)
			break;
		if (b->users > 0)
		{
			/* A row that is there but cannot be read would be in the way of a new one. */
			if (!checked->meta_is_damaged)
				repair_meta(meta, indexes, b);
		}
		else
		{
			if (b->stored)
				simple_table_tuple_delete(blocks, &b->place, checked->snapshot);
			if (b->has_meta)
				CatalogTupleDelete(meta, &b->meta_place);
		}
	}
	CatalogCloseIndexes(indexes);
	table_close(meta, NoLock);
	table_close(blocks, NoLock);
	if (!checked->near_is_damaged)
		mosaic_repair_near_keys(checked, users_known);
	CommandCounterIncrement();
}

/* ---- the function ---- */

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

/* Whether a problem is still there.  now: sorted. */
static bool
remains(const MosaicProblem *p, const MosaicChecked *now)
{
	return bsearch(p, now->problems, now->nproblems, sizeof *p, compare_problems) != NULL;
}

static MosaicChecked *
check_now(void)
{
	return mosaic_check(RegisterSnapshot(GetLatestSnapshot()));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_repair_store);
Datum
mosaic_pg_repair_store(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext cxt,
				saved;
	MosaicChecked *found,
			   *between,
			   *left;

	InitMaterializedSRF(fcinfo, 0);
	mosaic_progress_start(MOSAIC_PROGRESS_REPAIR);
	UnregisterSnapshot(mosaic_lock_store());
	cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic repair", ALLOCSET_DEFAULT_SIZES);
	saved = MemoryContextSwitchTo(cxt);
	CommandCounterIncrement();
	found = check_now();
	mosaic_progress_phase(MOSAIC_PHASE_REPAIRING, 0);
	repair_tensors(found);
	between = check_now();
	mosaic_progress_phase(MOSAIC_PHASE_REPAIRING, 0);
	repair_blocks(between);
	mosaic_release_roles();
	left = check_now();
	qsort(left->problems, left->nproblems, sizeof *left->problems, compare_problems);
	for (int64 i = 0; i < found->nproblems; i++)
	{
		MosaicProblem *p = &found->problems[i];
		Datum		values[6] = {0};
		bool		nulls[6] = {false, p->model == NULL, p->tensor == NULL, p->block_id == 0, false, false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(mosaic_problem_name(p->kind));
		if (p->model)
			values[1] = CStringGetTextDatum(p->model);
		if (p->tensor)
			values[2] = CStringGetTextDatum(p->tensor);
		values[3] = Int32GetDatum(p->block_id);
		values[4] = CStringGetTextDatum(p->detail);
		values[5] = BoolGetDatum(!remains(p, left));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	UnregisterSnapshot(found->snapshot);
	UnregisterSnapshot(between->snapshot);
	UnregisterSnapshot(left->snapshot);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	mosaic_progress_end();
	return (Datum) 0;
}
