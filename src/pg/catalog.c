/*
 * catalog.c
 *		The extension's own tables: names, row layouts, and the rows of models and tensors.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "errors.h"
#include "mosaic/page_reader.h"
#include "roles.h"
#include "row.h"
#include "versions.h"

Oid
mosaic_relid(const char *relname)
{
	Oid			nsp = get_namespace_oid("mosaic", true);
	Oid			relid;

	mosaic_check_catalogs();
	relid = OidIsValid(nsp) ? get_relname_relid(relname, nsp) : InvalidOid;
	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation mosaic.%s does not exist", relname),
				 errhint("Run CREATE EXTENSION pg_mosaic in this database.")));
	return relid;
}

/*
 * The one row of mosaic.store as snapshot sees it, a copy, or NULL before the
 * first import.  Refuses a format that we do not know.
 */
static HeapTuple
store_row(Relation rel, Snapshot snapshot)
{
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple = mosaic_getnext(scan);

	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		int			version = DatumGetInt32(heap_getattr(tuple, Anum_store_format_version,
														 RelationGetDescr(rel), &isnull));

		if (version < 1 || version > MOSAIC_FORMAT_VERSION)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the store has format version %d, this pg_mosaic reads versions 1 to %d",
							version, MOSAIC_FORMAT_VERSION),
					 errhint("Install the version of pg_mosaic that wrote the store, or a newer one.")));
		tuple = heap_copytuple(tuple);
	}
	systable_endscan(scan);
	return tuple;
}

void
mosaic_check_format(Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("store"), AccessShareLock);

	(void) store_row(rel, snapshot);
	table_close(rel, NoLock);
}

void
mosaic_check_may_write(void)
{
	PreventCommandIfReadOnly("changing models");
	PreventCommandIfParallelMode("changing models");
	PreventCommandDuringRecovery("changing models");
}

Snapshot
mosaic_lock_store(void)
{
	Snapshot	snapshot;

	mosaic_check_may_write();

	/* Conflicts with itself alone: neither readers nor vacuum of the blocks wait. */
	LockRelationOid(mosaic_relid("store"), ShareRowExclusiveLock);

	/*
	 * What earlier writers committed while we waited must be seen, whatever the
	 * isolation level: the store is maintained like a catalog, by its current state.
	 */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	mosaic_check_format(snapshot);
	return snapshot;
}

static MosaicStoreOptions
read_options(HeapTuple tuple, TupleDesc desc)
{
	MosaicStoreOptions o;
	bool		isnull;

	o.height = DatumGetInt32(heap_getattr(tuple, Anum_store_block_height, desc, &isnull));
	o.near_settings.tables = DatumGetInt32(heap_getattr(tuple, Anum_store_near_tables, desc, &isnull));
	o.near_settings.hashes = DatumGetInt32(heap_getattr(tuple, Anum_store_near_hashes, desc, &isnull));
	o.near_settings.width = DatumGetFloat4(heap_getattr(tuple, Anum_store_near_width, desc, &isnull));
	return o;
}

static void
insert_options(Relation rel, const MosaicStoreOptions *o)
{
	Datum		values[Natts_store];
	bool		nulls[Natts_store] = {false};

	values[Anum_store_only_row - 1] = BoolGetDatum(true);
	values[Anum_store_format_version - 1] = Int32GetDatum(MOSAIC_FORMAT_WHOLE);
	values[Anum_store_block_height - 1] = Int32GetDatum(o->height);
	values[Anum_store_near_tables - 1] = Int32GetDatum(o->near_settings.tables);
	values[Anum_store_near_hashes - 1] = Int32GetDatum(o->near_settings.hashes);
	values[Anum_store_near_width - 1] = Float4GetDatum(o->near_settings.width);
	values[Anum_store_created - 1] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	CommandCounterIncrement();
}

/* Refuses to make other options of those that are fixed. */
static void
check_options(const MosaicStoreOptions *is, const MosaicStoreOptions *wanted)
{
	const char *hint = "This is fixed by init_store() or the first import; "
		"to change it, recreate the extension and import the models again.";
	const MosaicNearSettings *a = &is->near_settings,
			   *b = &wanted->near_settings;

	if (is->height != wanted->height)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the store's block height is %d already and cannot become %d",
						is->height, wanted->height),
				 errhint("%s", hint)));
	if (a->tables != b->tables || a->hashes != b->hashes || a->width != b->width)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the store finds near duplicates with %d tables of %d hashes of width %g already",
						a->tables, a->hashes, a->width),
				 errhint("%s", hint)));
}

static const MosaicStoreOptions defaults = {
	MOSAIC_DEFAULT_BLOCK_HEIGHT,
	{MOSAIC_DEFAULT_NEAR_TABLES, MOSAIC_DEFAULT_NEAR_HASHES, MOSAIC_DEFAULT_NEAR_WIDTH}
};

MosaicStoreOptions
mosaic_read_store_options(Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("store"), AccessShareLock);
	HeapTuple	tuple = store_row(rel, snapshot);
	MosaicStoreOptions options = defaults;

	if (HeapTupleIsValid(tuple))
		options = read_options(tuple, RelationGetDescr(rel));
	table_close(rel, NoLock);
	return options;
}

MosaicStoreOptions
mosaic_store_options(const MosaicStoreOptions *wanted)
{
	Relation	rel = table_open(mosaic_relid("store"), RowExclusiveLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	HeapTuple	tuple = store_row(rel, snapshot);
	MosaicStoreOptions options = wanted ? *wanted : defaults;

	if (HeapTupleIsValid(tuple))
	{
		options = read_options(tuple, RelationGetDescr(rel));
		if (wanted)
			check_options(&options, wanted);
	}
	else
		insert_options(rel, &options);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	return options;
}

void
mosaic_raise_format(int version)
{
	Relation	rel = table_open(mosaic_relid("store"), RowExclusiveLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	HeapTuple	tuple = store_row(rel, snapshot);
	Datum		values[Natts_store] = {0};
	bool		nulls[Natts_store] = {false};
	bool		replace[Natts_store] = {false};
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "mosaic.store has no row");
	values[Anum_store_format_version - 1] = Int32GetDatum(version);
	replace[Anum_store_format_version - 1] = true;
	if (DatumGetInt32(heap_getattr(tuple, Anum_store_format_version, desc, &isnull)) < version)
		CatalogTupleUpdate(rel, &tuple->t_self, heap_modify_tuple(tuple, desc, values, nulls, replace));
	CommandCounterIncrement();
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

void
mosaic_check_name(const char *name)
{
	char	   *model;
	int32		version;

	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a model must not be empty")));
	if (strlen(name) > MOSAIC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of a model has %zu bytes, at most %d are allowed",
						strlen(name), MOSAIC_MAX_NAME)));
	if (mosaic_split_version(name, &model, &version))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" would be the name of a version of model \"%s\"", name, model),
				 errhint("The name of a model must not end in \"@\" and a number.")));
}

HeapTuple
mosaic_find_model(const char *name, Snapshot snapshot, LOCKMODE lockmode)
{
	Relation	rel = table_open(mosaic_relid("model"), lockmode);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_model_name, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(rel, mosaic_relid("model_name_key"), true, snapshot, 1, &key);
	tuple = mosaic_getnext(scan);
	if (HeapTupleIsValid(tuple))
		tuple = heap_copytuple(tuple);
	systable_endscan(scan);
	table_close(rel, NoLock);
	return tuple;
}

HeapTuple
mosaic_find_version(int64 model_id, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_model_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid("model_pkey"), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	table_close(rel, NoLock);
	return row;
}

void
mosaic_check_unchanged(const char *name, HeapTuple row)
{
	HeapTuple	seen;

	if (!IsolationUsesXactSnapshot())
		return;
	/* Sees what this transaction did itself, too. */
	seen = mosaic_find_model(name, GetTransactionSnapshot(), AccessShareLock);
	if (HeapTupleIsValid(seen) == HeapTupleIsValid(row) &&
		(!HeapTupleIsValid(row) || ItemPointerEquals(&seen->t_self, &row->t_self)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update"),
			 errdetail("Model \"%s\" was changed since this transaction's snapshot was taken.",
					   mosaic_shown_name(name, (int) strlen(name)))));
}

Datum
mosaic_model_attr(HeapTuple tuple, int attnum)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, RelationGetDescr(rel), &isnull);

	if (isnull)
		elog(ERROR, "column %d of mosaic.model is null", attnum);
	table_close(rel, NoLock);
	return value;
}

Datum
mosaic_model_option(HeapTuple tuple, int attnum, bool *isnull)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	Datum		value = heap_getattr(tuple, attnum, RelationGetDescr(rel), isnull);

	table_close(rel, NoLock);
	return value;
}

bool
mosaic_may_use(Oid owner, ArrayType *readers)
{
	Oid		   *roles;
	int			n;
	bool		may = has_privs_of_role(GetUserId(), owner);

	roles = mosaic_read_roles(readers, &n);
	for (int i = 0; i < n && !may; i++)
		may = roles[i] == MOSAIC_EVERYONE || has_privs_of_role(GetUserId(), roles[i]);
	pfree(roles);
	return may;
}

bool
mosaic_may_use_model(HeapTuple model)
{
	return mosaic_may_use(DatumGetObjectId(mosaic_model_attr(model, Anum_model_owner)),
						  mosaic_plain_roles(mosaic_model_attr(model, Anum_model_readers)));
}

bool
mosaic_owns_model(HeapTuple model)
{
	return has_privs_of_role(GetUserId(), DatumGetObjectId(mosaic_model_attr(model, Anum_model_owner)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_may_use);
Datum
mosaic_pg_may_use(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mosaic_may_use(PG_GETARG_OID(0), mosaic_plain_roles(PG_GETARG_DATUM(1))));
}

static bool
looks_like_content(const char *name)
{
	return strlen(name) == 36 && strspn(name, "0123456789abcdefABCDEF-") == 36 && name[8] == '-' && name[13] == '-';
}

void
mosaic_no_such_model(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not exist", mosaic_shown_name(name, (int) strlen(name))),
			 looks_like_content(name) ? errhint("What content_id() gives is of type uuid: '%s'::uuid.", name) :
			 errhint("The view mosaic.models lists the models, mosaic.versions their versions, mosaic.aliases other names of them.")));
}

void
mosaic_denied(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", name),
			 errhint("Its owner can allow predictions with grant_model().")));
}

void
mosaic_scan_tensors(int64 model_id, Snapshot snapshot, MosaicTensorFn fn, void *arg)
{
	Relation	rel = table_open(mosaic_relid("tensor"), AccessShareLock);
	Relation	index = index_open(mosaic_relid("tensor_pkey"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_tensor_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan_ordered(rel, index, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = mosaic_getnext_ordered(scan, ForwardScanDirection)))
		fn(tuple, RelationGetDescr(rel), arg);
	systable_endscan_ordered(scan);
	index_close(index, NoLock);
	table_close(rel, NoLock);
}

const int32 *
mosaic_map_ids(bytea *map, int64 *n)
{
	char		damage[MOSAIC_DAMAGE_BYTES];
	const void *ids;
	uint32		count;
	MosaicMapState state = mosaic_map_parse(VARDATA_ANY(map), VARSIZE_ANY_EXHDR(map), &ids, &count, damage);

	if (state == MOSAIC_MAP_DAMAGED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("%s", damage),
				 errhint("check_store() names what is damaged.")));
	if (state == MOSAIC_MAP_NEWER)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("%s", damage)));
	*n = count;
	return ids;
}

bytea *
mosaic_make_map(const int32 *ids, int64 n)
{
	Size		len = MOSAIC_MAP_HEADER + (Size) n * sizeof(int32);
	bytea	   *map = palloc0(VARHDRSZ + len);
	char	   *p = VARDATA(map);
	uint32		magic = MOSAIC_MAP_MAGIC,
				count = (uint32) n;
	uint16		version = MOSAIC_MAP_VERSION;

	SET_VARSIZE(map, VARHDRSZ + len);
	memcpy(p, &magic, 4);
	memcpy(p + 4, &version, 2);
	memcpy(p + 8, &count, 4);
	memcpy(p + MOSAIC_MAP_HEADER, ids, (Size) n * sizeof(int32));
	return map;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_map_blocks);
Datum
mosaic_pg_map_blocks(PG_FUNCTION_ARGS)
{
	int64		n;
	const int32 *ids = mosaic_map_ids((bytea *) mosaic_plain(PG_GETARG_DATUM(0)), &n);
	ArrayType  *result;
	int			dims[1] = {(int) n};
	int			lbs[1] = {1};
	Size		size;

	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT4OID));
	size = ARR_OVERHEAD_NONULLS(1) + (Size) n * sizeof(int32);
	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->elemtype = INT4OID;
	memcpy(ARR_DIMS(result), dims, sizeof dims);
	memcpy(ARR_LBOUND(result), lbs, sizeof lbs);
	memcpy(ARR_DATA_PTR(result), ids, (Size) n * sizeof(int32));
	PG_RETURN_ARRAYTYPE_P(result);
}
