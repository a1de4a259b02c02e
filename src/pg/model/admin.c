/*
 * admin.c
 *		drop_model(), rename_model(), grant_model(), revoke_model(), model_id().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "admin.h"
#include "aliases.h"
#include "cache.h"
#include "catalog.h"
#include "content.h"
#include "damage.h"
#include "dedup_log.h"
#include "domain.h"
#include "roles.h"
#include "row.h"
#include "store.h"
#include "tokenizer_store.h"
#include "usage_drops.h"
#include "versions.h"

/* ---- removal ---- */

typedef struct Removal
{
	const char *model;
	int32		domain;
	Relation	tensors;
	int32	   *ids;			/* of all maps */
	int64		n,
				capacity;
} Removal;

static void
note_ids(Removal *r, bytea *map)
{
	int64		n;
	const int32 *ids = mosaic_map_ids(map, &n);

	if (r->n + n > r->capacity)
	{
		r->capacity = Max(r->n + n, 2 * r->capacity);
		r->ids = repalloc_huge(r->ids, r->capacity * sizeof(int32));
	}
	memcpy(r->ids + r->n, ids, n * sizeof(int32));
	r->n += n;
}

/* A model whose map is damaged must be droppable: what it used is left behind. */
static void
remove_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Removal    *r = arg;
	char	   *damage;
	bytea	   *map = mosaic_read_map(tuple, desc, &damage);
	bool		isnull;

	if (damage)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\": the blocks of tensor \"%s\" cannot be freed, its map is damaged",
						r->model,
						mosaic_plain_text(heap_getattr(tuple, Anum_tensor_name, desc, &isnull))),
				 errdetail_internal("%s", damage),
				 errhint("repair_store() deletes blocks that no model uses.")));
	if (map)
	{
		note_ids(r, map);
		pfree(map);
	}
	CatalogTupleDelete(r->tensors, &tuple->t_self);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/* A block is counted once per model, however often its maps name it. */
static void
leave_blocks(Removal *r, Snapshot snapshot)
{
	MosaicWriter *writer = mosaic_writer_open(snapshot, r->domain);
	int64		missing = 0;

	qsort(r->ids, r->n, sizeof(int32), compare_ids);
	for (int64 i = 0; i < r->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i == 0 || r->ids[i] != r->ids[i - 1])
			missing += !mosaic_writer_leave(writer, r->ids[i]);
	}
	mosaic_writer_close(writer);
	if (missing > 0)
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\": " INT64_FORMAT " of its blocks were missing from the store",
						r->model, missing),
				 errhint("check_store() tells what is wrong with the store, repair_store() repairs it.")));
}

void
mosaic_remove_model(HeapTuple model)
{
	int64		model_id = DatumGetInt64(mosaic_model_attr(model, Anum_model_model_id));
	Relation	models = table_open(mosaic_relid("model"), RowExclusiveLock);
	Removal		r = {.capacity = 1024};
	Snapshot	snapshot;

	mosaic_remove_dedup_log(model_id);
	/* What this transaction did before must be seen. */
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	CatalogTupleDelete(models, &model->t_self);
	mosaic_cache_drops(model_id);
	mosaic_usage_drops(RelationGetRelid(models), model_id);
	table_close(models, NoLock);

	r.model = mosaic_plain_text(mosaic_model_attr(model, Anum_model_name));
	r.domain = DatumGetInt32(mosaic_model_attr(model, Anum_model_domain));
	r.tensors = table_open(mosaic_relid("tensor"), RowExclusiveLock);
	r.ids = palloc(r.capacity * sizeof(int32));
	mosaic_scan_tensors(model_id, snapshot, remove_tensor, &r);
	table_close(r.tensors, NoLock);

	leave_blocks(&r, snapshot);
	UnregisterSnapshot(snapshot);
	pfree(r.ids);
	CommandCounterIncrement();
}

/* ---- functions ---- */

char *
mosaic_name_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the %s must not be NULL", what)));
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

Oid
mosaic_role_argument(FunctionCallInfo fcinfo, int arg, const char *what)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the %s must not be NULL", what)));
	return PG_GETARG_OID(arg);
}

HeapTuple
mosaic_owned_model(const char *name, Snapshot snapshot)
{
	HeapTuple	row = mosaic_find_model(name, snapshot, RowExclusiveLock);

	mosaic_check_unchanged(name, row);
	if (!HeapTupleIsValid(row))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name)));
	mosaic_check_current(name, row);
	return row;
}

void
mosaic_update_columns(HeapTuple row, int n, const int *columns, const Datum *new_values, const bool *new_nulls)
{
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Datum		values[Natts_model] = {0};
	bool		nulls[Natts_model] = {false};
	bool		replace[Natts_model] = {false};

	for (int i = 0; i < n; i++)
	{
		values[columns[i] - 1] = new_values[i];
		nulls[columns[i] - 1] = new_nulls[i];
		replace[columns[i] - 1] = true;
		/* It is another content then, which has no id yet. */
		if (mosaic_changes_content(columns[i]))
			nulls[Anum_model_content - 1] = replace[Anum_model_content - 1] = true;
	}
	CatalogTupleUpdate(rel, &row->t_self,
					   heap_modify_tuple(row, RelationGetDescr(rel), values, nulls, replace));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
mosaic_update_model(HeapTuple row, int attnum, Datum value)
{
	bool		isnull = false;

	mosaic_update_columns(row, 1, &attnum, &value, &isnull);
}

void
mosaic_clear_model(HeapTuple row, int attnum)
{
	Datum		value = (Datum) 0;
	bool		isnull = true;

	mosaic_update_columns(row, 1, &attnum, &value, &isnull);
}

void
mosaic_set_readers(int64 model_id, Datum readers)
{
	Relation	rel = table_open(mosaic_relid("model"), RowExclusiveLock);
	Snapshot	snapshot;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyInit(&key, Anum_model_model_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(model_id));
	scan = systable_beginscan(rel, mosaic_relid("model_pkey"), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (!HeapTupleIsValid(row))
		elog(ERROR, "model " INT64_FORMAT " is missing", model_id);
	mosaic_update_model(row, Anum_model_readers, readers);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_drop_model);
Datum
mosaic_pg_drop_model(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);

	mosaic_check_unaliased(name, 0, snapshot);
	mosaic_prune_versions(name, 0);
	mosaic_remove_model(row);
	mosaic_leave_domain(DatumGetInt32(mosaic_model_attr(row, Anum_model_domain)));
	mosaic_leave_tokenizer(mosaic_tokenizer_of(row));
	mosaic_release_roles();
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_rename_model);
Datum
mosaic_pg_rename_model(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	char	   *new_name = mosaic_name_argument(fcinfo, 1, "new name");
	Snapshot	snapshot;

	mosaic_check_name(new_name);
	snapshot = mosaic_lock_store();
	if (strcmp(name, new_name) != 0 &&
		HeapTupleIsValid(mosaic_find_model(new_name, snapshot, RowExclusiveLock)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", new_name)));
	mosaic_check_no_alias(new_name, snapshot);
	mosaic_update_model(mosaic_owned_model(name, snapshot), Anum_model_name, CStringGetTextDatum(new_name));
	if (strcmp(name, new_name) != 0)
	{
		mosaic_rename_versions(name, new_name);
		mosaic_rename_alias_targets(name, new_name);
	}
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

/* Readers with a role added, or taken away. */
static Datum
changed_readers(Datum old, Oid role, bool add)
{
	int			n,
				m = 0;
	Oid		   *readers = mosaic_read_roles(mosaic_plain_roles(old), &n);

	readers = repalloc(readers, (n + 1) * sizeof *readers);
	for (int i = 0; i < n; i++)
		if (readers[i] != role)
			readers[m++] = readers[i];
	if (add)
		readers[m++] = role;
	return PointerGetDatum(mosaic_make_roles(readers, m));
}

/* Of a model and its versions, or of an alias. */
static void
change_readers(FunctionCallInfo fcinfo, bool add)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Oid			role = mosaic_role_argument(fcinfo, 1, "role");
	Snapshot	snapshot;
	HeapTuple	row,
				alias;
	Datum		readers;

	/* One that was dropped can lose what it had. */
	if (add && role != MOSAIC_EVERYONE)
		mosaic_check_role(role);
	snapshot = mosaic_lock_store();
	alias = mosaic_owned_alias(name, snapshot);
	if (add)
		mosaic_hold_role(alias ? MOSAIC_ALIAS_READERS : MOSAIC_MODEL_READERS, role);
	if (alias)
		mosaic_update_alias(alias, Anum_alias_readers,
							changed_readers(mosaic_alias_attr(alias, Anum_alias_readers), role, add));
	else
	{
		row = mosaic_owned_model(name, snapshot);
		readers = changed_readers(mosaic_model_attr(row, Anum_model_readers), role, add);
		mosaic_update_model(row, Anum_model_readers, readers);
		mosaic_update_versions(name, Anum_model_readers, readers);
	}
	if (!add)
		mosaic_release_roles();
	UnregisterSnapshot(snapshot);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_grant_model);
Datum
mosaic_pg_grant_model(PG_FUNCTION_ARGS)
{
	change_readers(fcinfo, true);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_revoke_model);
Datum
mosaic_pg_revoke_model(PG_FUNCTION_ARGS)
{
	change_readers(fcinfo, false);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_model_id);
Datum
mosaic_pg_model_id(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");

	PG_RETURN_DATUM(mosaic_model_attr(mosaic_usable_model(name, NULL), Anum_model_model_id));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_dtype_name);
Datum
mosaic_pg_dtype_name(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(mosaic_dtype_name(PG_GETARG_INT16(0))));
}
