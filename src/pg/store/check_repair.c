/*
 * check_repair.c
 *		Repairs what check_store() finds, where that is possible.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "catalog.h"
#include "check_repair.h"
#include "checker.h"
#include "model_rows.h"
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

/* A model that can be loaded: its places are refreshed, its duplicates given up, its checksum made if it has none. */
static void
repair_model(TensorRepair *r, const MosaicCheckedModel *m)
{
	Snapshot	snapshot = r->checked->snapshot;

	r->merge = false;
	r->new_model_id = 0;
	mosaic_scan_tensors(m->model_id, snapshot, find_duplicates, r);
	if (r->merge)
		r->new_model_id = nextval_internal(mosaic_relid("model_id_seq"), false);
	if (r->merge || m->stale)
		mosaic_scan_tensors(m->model_id, snapshot, rewrite_tensor, r);
	if (r->merge)
		change_model_id(m->model_id, r->new_model_id, snapshot);
	if (r->merge || m->unsealed)
		mosaic_stamp_model(r->merge ? r->new_model_id : m->model_id);
}

static void
delete_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	CatalogTupleDelete(((TensorRepair *) arg)->tensors, &tuple->t_self);
}

void
mosaic_repair_tensors(MosaicChecked *checked, bool delete_orphans)
{
	TensorRepair r = {.checked = checked};
	int64		deleted = 0;

	r.tensors = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	for (int64 i = 0; i < checked->nmodels; i++)
	{
		MosaicCheckedModel *m = &checked->models[i];

		CHECK_FOR_INTERRUPTS();
		if (!m->damaged)
			repair_model(&r, m);
	}
	/* Reported in the order of models, each once for every tensor. */
	for (int64 i = 0; i < checked->nproblems && delete_orphans; i++)
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

/* The hash of a stored block under this geometry, in the domain of its users; false: its base is lost. */
static bool
hash_of(MosaicCheckedBlock *b, MosaicGeometry geometry, pg_uuid_t *hash)
{
	MosaicReader reader;
	Buffer		buffer;
	const void *payload;

	mosaic_reader_open(&reader);
	payload = mosaic_find_block(&reader, b->block_id, b->length, &b->place, CurrentResourceOwner, &buffer);
	if (payload)
	{
		mosaic_block_hash(geometry, payload, b->length, hash->data);
		mosaic_hash_in_domain(b->used_domain, hash->data);
		ReleaseBuffer(buffer);
	}
	mosaic_reader_close(&reader);
	return payload != NULL;
}

/* Whether the block_meta row of a block that is used is missing or wrong. */
static bool
meta_is_wrong(const MosaicCheckedBlock *b)
{
	return !b->has_meta || b->models != b->users || b->geometry != b->used_geometry ||
		b->domain != b->used_domain || b->meta_base != b->base || b->meta_delta_bytes != b->delta_bytes;
}

/*
 * Whether it can be put right.  Its hash is what shows damage, so it is never made
 * to fit a payload that it does not fit.
 */
static bool
meta_is_repairable(MosaicCheckedBlock *b, pg_uuid_t *hash)
{
	MosaicGeometry geometry = mosaic_geometry_unpack(b->used_geometry);

	if (!b->stored || b->length != mosaic_geometry_bytes(geometry))
		return false;
	if (!hash_of(b, geometry, hash))
		return false;
	if (b->has_meta && (b->geometry != b->used_geometry || b->domain != b->used_domain) &&
		memcmp(hash->data, b->hash.data, UUID_LEN) != 0)
		return false;
	if (b->has_meta)
		*hash = b->hash;
	return true;
}

static void
repair_meta(Relation meta, CatalogIndexState indexes, MosaicCheckedBlock *b)
{
	Datum		values[Natts_meta];
	bool		nulls[Natts_meta] = {false};
	pg_uuid_t	hash;

	if (!meta_is_wrong(b) || !meta_is_repairable(b, &hash))
		return;
	if (b->has_meta)
		CatalogTupleDelete(meta, &b->meta_place);
	values[Anum_meta_block_id - 1] = Int32GetDatum(b->block_id);
	values[Anum_meta_models - 1] = Int32GetDatum(b->users);
	values[Anum_meta_geometry - 1] = Int64GetDatum((int64) b->used_geometry);
	values[Anum_meta_hash - 1] = UUIDPGetDatum(&hash);
	values[Anum_meta_domain - 1] = Int32GetDatum(b->used_domain);
	values[Anum_meta_base - 1] = Int32GetDatum(b->base);
	values[Anum_meta_delta_bytes - 1] = Int32GetDatum((int32) b->delta_bytes);
	nulls[Anum_meta_base - 1] = nulls[Anum_meta_delta_bytes - 1] = b->base == 0;
	CatalogTupleInsertWithInfo(meta, heap_form_tuple(RelationGetDescr(meta), values, nulls), indexes);
}

/* What a map that cannot be read uses is not known, nor which tensors a damaged model lacks. */
static bool
users_are_known(const MosaicChecked *checked)
{
	if (checked->models_are_damaged)
		return false;
	for (int64 i = 0; i < checked->nproblems; i++)
	{
		MosaicProblemKind kind = checked->problems[i].kind;

		if (kind == MOSAIC_DAMAGED_MAP || kind == MOSAIC_MISSING_TENSOR || kind == MOSAIC_DAMAGED_MODEL)
			return false;
	}
	return true;
}

bool
mosaic_models_are_missing(const MosaicChecked *checked)
{
	return checked->lost_models > 0 || (checked->nmodels == 0 && checked->nblocks > 0);
}

/* Deletes a block that nobody uses. */
static void
delete_block(Relation blocks, Relation meta, MosaicCheckedBlock *b, Snapshot snapshot)
{
	if (b->stored)
		simple_table_tuple_delete(blocks, &b->place, snapshot);
	if (b->has_meta)
		CatalogTupleDelete(meta, &b->meta_place);
}

void
mosaic_repair_blocks(MosaicChecked *checked, bool delete_orphans)
{
	Relation	blocks = table_open(mosaic_relid("block"), RowExclusiveLock);
	Relation	meta = table_open(mosaic_relid("block_meta"), RowExclusiveLock);
	CatalogIndexState indexes = CatalogOpenIndexes(meta);
	bool		users_known = users_are_known(checked);
	bool		may_delete = users_known && (delete_orphans || !mosaic_models_are_missing(checked));

	for (int64 i = 0; i < checked->nblocks && users_known; i++)
	{
		MosaicCheckedBlock *b = &checked->blocks[i];

		CHECK_FOR_INTERRUPTS();
		/* A row that is there but cannot be read would be in the way of a new one. */
		if (b->users > 0 && !checked->meta_is_damaged)
			repair_meta(meta, indexes, b);
		else if (b->users == 0 && may_delete)
			delete_block(blocks, meta, b, checked->snapshot);
	}
	CatalogCloseIndexes(indexes);
	table_close(meta, NoLock);
	table_close(blocks, NoLock);
	if (!checked->near_is_damaged)
		mosaic_repair_near_keys(checked, may_delete);
	mosaic_repair_sequences(checked);
	CommandCounterIncrement();
}

/* ---- what would be done ---- */

static bool
would_repair(const MosaicChecked *checked, const MosaicProblem *p, bool users_known, bool delete_orphans)
{
	MosaicCheckedBlock *b = mosaic_checked_block(checked, p->block_id);
	pg_uuid_t	hash;

	switch (p->kind)
	{
		case MOSAIC_MISSING_META:
		case MOSAIC_WRONG_COUNT:
		case MOSAIC_WRONG_GEOMETRY:
		case MOSAIC_WRONG_DOMAIN:
		case MOSAIC_WRONG_BASE:
			return users_known && !checked->meta_is_damaged && b && meta_is_repairable(b, &hash);
		case MOSAIC_ORPHAN_BLOCK:
		case MOSAIC_ORPHAN_META:
			return users_known && (delete_orphans || !mosaic_models_are_missing(checked));
		case MOSAIC_ORPHAN_TENSOR:
			return delete_orphans;
		case MOSAIC_DUPLICATE_BLOCK:
			return users_known;
		case MOSAIC_MISSING_NEAR_KEY:
		case MOSAIC_ORPHAN_NEAR_KEY:
			return !checked->near_is_damaged;
		case MOSAIC_SEQUENCE_BEHIND:
		case MOSAIC_MISSING_DEPENDENCY:
			return true;
		default:
			return false;
	}
}

void
mosaic_plan_repair(MosaicChecked *checked, bool delete_orphans)
{
	bool		users_known = users_are_known(checked);

	for (int64 i = 0; i < checked->nproblems; i++)
	{
		CHECK_FOR_INTERRUPTS();
		checked->problems[i].repaired = would_repair(checked, &checked->problems[i], users_known,
													 delete_orphans);
	}
}
