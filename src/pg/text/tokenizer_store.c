/*
 * tokenizer_store.c
 *		Tokenizers as rows: which a model has, and their content.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "commands/sequence.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "mosaic/capi_text.h"

#include "catalog.h"
#include "row.h"
#include "tokenizer_store.h"

/* The first row of a table that an index finds by one key, a copy; NULL: there is none. */
static HeapTuple
find_row(Relation rel, const char *index, AttrNumber column, RegProcedure equal, Datum value,
		 Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, equal, value);
	scan = systable_beginscan(rel, mosaic_relid(index), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	return row;
}

static Datum
attribute(Relation rel, HeapTuple row, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attnum, RelationGetDescr(rel), &isnull);

	if (isnull)
		elog(ERROR, "column %d of mosaic.%s is null", attnum, RelationGetRelationName(rel));
	return value;
}

static HeapTuple
find_link(Relation links, int64 model_id, Snapshot snapshot)
{
	return find_row(links, "model_tokenizer_pkey", Anum_model_tokenizer_model_id, F_INT8EQ,
					Int64GetDatum(model_id), snapshot);
}

static HeapTuple
find_tokenizer(Relation rel, int32 id, Snapshot snapshot)
{
	HeapTuple	row = find_row(rel, "tokenizer_pkey", Anum_tokenizer_tokenizer_id, F_INT4EQ,
							   Int32GetDatum(id), snapshot);

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tokenizer %d is missing from the store", id),
				 errhint("set_tokenizer() gives the model its tokenizer anew.")));
	return row;
}

bool
mosaic_find_tokenizer(int64 model_id, Snapshot snapshot, int32 *id, uint8 hash[MOSAIC_HASH_BYTES])
{
	Relation	links = table_open(mosaic_relid("model_tokenizer"), AccessShareLock);
	HeapTuple	link = find_link(links, model_id, snapshot);
	Relation	rel;
	struct varlena *value;

	if (!HeapTupleIsValid(link))
	{
		table_close(links, NoLock);
		return false;
	}
	*id = DatumGetInt32(attribute(links, link, Anum_model_tokenizer_tokenizer_id));
	table_close(links, NoLock);

	rel = table_open(mosaic_relid("tokenizer"), AccessShareLock);
	value = mosaic_plain(attribute(rel, find_tokenizer(rel, *id, snapshot), Anum_tokenizer_hash));
	table_close(rel, NoLock);
	if (VARSIZE_ANY_EXHDR(value) != MOSAIC_HASH_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the hash of tokenizer %d has %zu bytes", *id, (Size) VARSIZE_ANY_EXHDR(value))));
	memcpy(hash, VARDATA_ANY(value), MOSAIC_HASH_BYTES);
	return true;
}

bytea *
mosaic_tokenizer_content(int32 id, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("tokenizer"), AccessShareLock);
	bytea	   *content = mosaic_plain(attribute(rel, find_tokenizer(rel, id, snapshot), Anum_tokenizer_content));

	table_close(rel, NoLock);
	return content;
}

static bytea *
make_bytea(const void *data, Size len)
{
	bytea	   *b = palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), data, len);
	return b;
}

/* The row with this content, or 0. */
static int32
find_equal(Relation rel, bytea *hash, bytea *content, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	int32		id = 0;

	ScanKeyInit(&key, Anum_tokenizer_hash, BTEqualStrategyNumber, F_BYTEAEQ, PointerGetDatum(hash));
	scan = systable_beginscan(rel, mosaic_relid("tokenizer_hash_idx"), true, snapshot, 1, &key);
	while (id == 0 && HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		struct varlena *other = mosaic_plain(attribute(rel, row, Anum_tokenizer_content));

		if (VARSIZE(other) == VARSIZE(content) &&
			memcmp(VARDATA(other), VARDATA(content), VARSIZE(content) - VARHDRSZ) == 0)
			id = DatumGetInt32(attribute(rel, row, Anum_tokenizer_tokenizer_id));
		pfree(other);
	}
	systable_endscan(scan);
	return id;
}

static int32
add_tokenizer(const void *content, Size len, const char *description, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("tokenizer"), RowExclusiveLock);
	uint8		hash[MOSAIC_HASH_BYTES];
	Datum		values[Natts_tokenizer];
	bool		nulls[Natts_tokenizer] = {false};
	bytea	   *content_value = make_bytea(content, len),
			   *hash_value;
	int32		id;

	mosaic_tokenizer_hash(content, len, hash);
	hash_value = make_bytea(hash, sizeof hash);
	id = find_equal(rel, hash_value, content_value, snapshot);
	if (id == 0)
	{
		id = (int32) nextval_internal(mosaic_relid("tokenizer_id_seq"), false);
		values[Anum_tokenizer_tokenizer_id - 1] = Int32GetDatum(id);
		values[Anum_tokenizer_hash - 1] = PointerGetDatum(hash_value);
		values[Anum_tokenizer_bytes - 1] = Int32GetDatum((int32) len);
		values[Anum_tokenizer_description - 1] =
			DirectFunctionCall1(jsonb_in, CStringGetDatum(description));
		values[Anum_tokenizer_content - 1] = PointerGetDatum(content_value);
		CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	}
	table_close(rel, NoLock);
	return id;
}

/* A snapshot that sees what this transaction did before. */
static Snapshot
current_snapshot(void)
{
	CommandCounterIncrement();
	return RegisterSnapshot(GetLatestSnapshot());
}

void
mosaic_store_tokenizer(int64 model_id, const void *content, Size len, const char *description)
{
	Snapshot	snapshot = current_snapshot();
	Relation	links = table_open(mosaic_relid("model_tokenizer"), RowExclusiveLock);
	int32		id = add_tokenizer(content, len, description, snapshot);
	HeapTuple	link = find_link(links, model_id, snapshot);
	Datum		values[Natts_model_tokenizer] = {Int64GetDatum(model_id), Int32GetDatum(id)};
	bool		nulls[Natts_model_tokenizer] = {false};

	UnregisterSnapshot(snapshot);
	if (HeapTupleIsValid(link) &&
		DatumGetInt32(attribute(links, link, Anum_model_tokenizer_tokenizer_id)) == id)
	{
		table_close(links, NoLock);
		return;
	}
	if (HeapTupleIsValid(link))
		mosaic_remove_tokenizer(model_id);
	CatalogTupleInsert(links, heap_form_tuple(RelationGetDescr(links), values, nulls));
	table_close(links, NoLock);
	CommandCounterIncrement();
}

bool
mosaic_remove_tokenizer(int64 model_id)
{
	Snapshot	snapshot = current_snapshot();
	Relation	links = table_open(mosaic_relid("model_tokenizer"), RowExclusiveLock);
	HeapTuple	link = find_link(links, model_id, snapshot);
	int32		id;

	UnregisterSnapshot(snapshot);
	if (!HeapTupleIsValid(link))
	{
		table_close(links, NoLock);
		return false;
	}
	id = DatumGetInt32(attribute(links, link, Anum_model_tokenizer_tokenizer_id));
	CatalogTupleDelete(links, &link->t_self);
	snapshot = current_snapshot();
	if (!HeapTupleIsValid(find_row(links, "model_tokenizer_tokenizer_id_idx",
								   Anum_model_tokenizer_tokenizer_id, F_INT4EQ, Int32GetDatum(id), snapshot)))
	{
		Relation	rel = table_open(mosaic_relid("tokenizer"), RowExclusiveLock);
		HeapTuple	row = find_row(rel, "tokenizer_pkey", Anum_tokenizer_tokenizer_id, F_INT4EQ,
								   Int32GetDatum(id), snapshot);

		if (HeapTupleIsValid(row))
			CatalogTupleDelete(rel, &row->t_self);
		table_close(rel, NoLock);
	}
	UnregisterSnapshot(snapshot);
	table_close(links, NoLock);
	CommandCounterIncrement();
	return true;
}

void
mosaic_move_tokenizer(int64 from_model_id, int64 to_model_id)
{
	Snapshot	snapshot = current_snapshot();
	Relation	links = table_open(mosaic_relid("model_tokenizer"), RowExclusiveLock);
	HeapTuple	link = find_link(links, from_model_id, snapshot);

	if (HeapTupleIsValid(link))
	{
		Datum		values[Natts_model_tokenizer] = {Int64GetDatum(to_model_id)};
		bool		nulls[Natts_model_tokenizer] = {false};
		bool		replace[Natts_model_tokenizer] = {true, false};

		CatalogTupleUpdate(links, &link->t_self,
						   heap_modify_tuple(link, RelationGetDescr(links), values, nulls, replace));
		CommandCounterIncrement();
	}
	UnregisterSnapshot(snapshot);
	table_close(links, NoLock);
}
