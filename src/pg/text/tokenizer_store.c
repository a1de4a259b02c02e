/*
 * tokenizer_store.c
 *		Tokenizers as rows.
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
#include "utils/uuid.h"

#include "mosaic/capi_text.h"

#include "catalog.h"
#include "row.h"
#include "tokenizer_store.h"

/* The first row that an index finds by one key, a copy; NULL: there is none. */
static HeapTuple
find_row(Relation rel, const char *index, AttrNumber column, int32 value, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(value));
	scan = systable_beginscan(rel, mosaic_relid(index), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	return row;
}

static HeapTuple
find_tokenizer(Relation rel, int32 id, Snapshot snapshot)
{
	return find_row(rel, "tokenizer_pkey", Anum_tokenizer_tokenizer_id, id, snapshot);
}

/* Of a column of mosaic.tokenizer, none of which may be NULL. */
static Datum
attribute(Relation rel, HeapTuple row, int attnum)
{
	bool		isnull;
	Datum		value = heap_getattr(row, attnum, RelationGetDescr(rel), &isnull);

	if (isnull)
		elog(ERROR, "column %d of mosaic.tokenizer is null", attnum);
	return value;
}

int32
mosaic_tokenizer_of(HeapTuple model)
{
	bool		isnull;
	Datum		id = mosaic_model_option(model, Anum_model_tokenizer, &isnull);

	return isnull ? 0 : DatumGetInt32(id);
}

static pg_uuid_t
hash_of(const void *content, Size len)
{
	pg_uuid_t	hash;

	mosaic_tokenizer_hash(content, len, hash.data);
	return hash;
}

bytea *
mosaic_read_tokenizer(int32 id, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("tokenizer"), AccessShareLock);
	HeapTuple	row = find_tokenizer(rel, id, snapshot);
	pg_uuid_t	hash;
	bytea	   *content;

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tokenizer %d is missing from the store", id),
				 errhint("set_tokenizer() gives the model its tokenizer anew.")));
	content = mosaic_plain(attribute(rel, row, Anum_tokenizer_content));
	hash = hash_of(VARDATA(content), VARSIZE(content) - VARHDRSZ);
	if (memcmp(DatumGetUUIDP(attribute(rel, row, Anum_tokenizer_hash)), &hash, sizeof hash) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tokenizer %d is not what was stored", id),
				 errdetail("Its content does not have the hash that its row has."),
				 errhint("set_tokenizer() gives the model its tokenizer anew.")));
	table_close(rel, NoLock);
	return content;
}

/* The id of the row with this content, or 0. */
static int32
find_equal(Relation rel, pg_uuid_t *hash, const void *content, Size len, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	int32		id = 0;

	ScanKeyInit(&key, Anum_tokenizer_hash, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(hash));
	scan = systable_beginscan(rel, mosaic_relid("tokenizer_hash_idx"), true, snapshot, 1, &key);
	while (id == 0 && HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		struct varlena *other = mosaic_plain(attribute(rel, row, Anum_tokenizer_content));

		if (VARSIZE(other) - VARHDRSZ == len && memcmp(VARDATA(other), content, len) == 0)
			id = DatumGetInt32(attribute(rel, row, Anum_tokenizer_tokenizer_id));
		pfree(other);
	}
	systable_endscan(scan);
	return id;
}

static bytea *
make_bytea(const void *data, Size len)
{
	bytea	   *b = palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), data, len);
	return b;
}

/* A snapshot that sees what this transaction did before. */
static Snapshot
current_snapshot(void)
{
	CommandCounterIncrement();
	return RegisterSnapshot(GetLatestSnapshot());
}

int32
mosaic_store_tokenizer(const void *content, Size len, const char *description)
{
	Relation	rel = table_open(mosaic_relid("tokenizer"), RowExclusiveLock);
	Snapshot	snapshot = current_snapshot();
	pg_uuid_t	hash = hash_of(content, len);
	int32		id = find_equal(rel, &hash, content, len, snapshot);

	if (id == 0)
	{
		Datum		values[Natts_tokenizer];
		bool		nulls[Natts_tokenizer] = {false};

		id = (int32) nextval_internal(mosaic_relid("tokenizer_id_seq"), false);
		values[Anum_tokenizer_tokenizer_id - 1] = Int32GetDatum(id);
		values[Anum_tokenizer_hash - 1] = UUIDPGetDatum(&hash);
		values[Anum_tokenizer_bytes - 1] = Int32GetDatum((int32) len);
		values[Anum_tokenizer_description - 1] = DirectFunctionCall1(jsonb_in, CStringGetDatum(description));
		values[Anum_tokenizer_content - 1] = PointerGetDatum(make_bytea(content, len));
		CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	}
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return id;
}

void
mosaic_leave_tokenizer(int32 id)
{
	Relation	models,
				rel;
	Snapshot	snapshot;
	HeapTuple	row;

	if (id == 0)
		return;
	models = table_open(mosaic_relid("model"), AccessShareLock);
	snapshot = current_snapshot();
	row = find_row(models, "model_tokenizer_idx", Anum_model_tokenizer, id, snapshot);
	table_close(models, NoLock);
	if (!HeapTupleIsValid(row))
	{
		rel = table_open(mosaic_relid("tokenizer"), RowExclusiveLock);
		row = find_tokenizer(rel, id, snapshot);
		if (HeapTupleIsValid(row))
			CatalogTupleDelete(rel, &row->t_self);
		table_close(rel, NoLock);
		CommandCounterIncrement();
	}
	UnregisterSnapshot(snapshot);
}
