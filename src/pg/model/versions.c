/*
 * versions.c
 *		Versions of a model: those that were replaced and are kept, by number.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "admin.h"
#include "aliases.h"
#include "catalog.h"
#include "dedup_log.h"
#include "domain.h"
#include "errors.h"
#include "roles.h"
#include "row.h"
#include "tokenizer_store.h"
#include "versions.h"

#define MAX_DIGITS 9

/* ---- names ---- */

char *
mosaic_version_name(const char *model, int32 version)
{
	return psprintf("%s@%d", model, version);
}

bool
mosaic_split_version(const char *name, char **model, int32 *version)
{
	const char *at = strrchr(name, '@');
	size_t		digits = at ? strlen(at + 1) : 0;

	if (at == NULL || at == name || digits == 0 || digits > MAX_DIGITS ||
		at[1] == '0' || strspn(at + 1, "0123456789") != digits)
		return false;
	*model = pnstrdup(name, at - name);
	*version = atoi(at + 1);
	return true;
}

HeapTuple
mosaic_resolve_model(const char *name, Snapshot snapshot)
{
	HeapTuple	row = mosaic_find_model(name, snapshot, AccessShareLock);
	char	   *model;
	int32		version;

	if (HeapTupleIsValid(row) || !mosaic_split_version(name, &model, &version))
		return row;
	row = mosaic_find_model(model, snapshot, AccessShareLock);
	return HeapTupleIsValid(row) && mosaic_version_of(row) == version ? row : NULL;
}

/* ---- rows ---- */

static int32
number_of(HeapTuple row, int attnum, int32 none)
{
	bool		isnull;
	Datum		value = mosaic_model_option(row, attnum, &isnull);

	return isnull ? none : DatumGetInt32(value);
}

int32
mosaic_version_of(HeapTuple row)
{
	return number_of(row, Anum_model_version, 1);
}

int32
mosaic_predecessor_of(HeapTuple row)
{
	return number_of(row, Anum_model_predecessor, 0);
}

int32
mosaic_last_version(HeapTuple row)
{
	return Max(number_of(row, Anum_model_last_version, 1), mosaic_version_of(row));
}

/* When the row's version was replaced; 0: it is the current one. */
static TimestampTz
replaced_at(HeapTuple row)
{
	bool		isnull;
	Datum		value = mosaic_model_option(row, Anum_model_replaced, &isnull);

	return isnull ? 0 : DatumGetTimestampTz(value);
}

bool
mosaic_is_kept(HeapTuple row)
{
	bool		isnull;

	(void) mosaic_model_option(row, Anum_model_replaced, &isnull);
	return !isnull;
}

void
mosaic_check_current(const char *name, HeapTuple row)
{
	if (mosaic_is_kept(row))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a version that was replaced", name),
				 errhint("It may be predicted with; rollback_model() makes it current, drop_version() drops it.")));
}

/* Last replaced first; of the same time, the higher number. */
static int
compare_versions(const ListCell *a, const ListCell *b)
{
	TimestampTz x = replaced_at(lfirst(a)),
				y = replaced_at(lfirst(b));

	return x != y ? (x < y ? 1 : -1) : mosaic_version_of(lfirst(b)) - mosaic_version_of(lfirst(a));
}

List *
mosaic_kept_versions(const char *model, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	row;
	List	   *rows = NIL;

	/* 'A' is the character after '@'. */
	ScanKeyInit(&keys[0], Anum_model_name, BTGreaterEqualStrategyNumber, F_TEXT_GE,
				CStringGetTextDatum(psprintf("%s@", model)));
	ScanKeyInit(&keys[1], Anum_model_name, BTLessStrategyNumber, F_TEXT_LT,
				CStringGetTextDatum(psprintf("%sA", model)));
	keys[0].sk_collation = keys[1].sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(rel, mosaic_relid("model_name_key"), true, snapshot, 2, keys);
	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
		if (mosaic_is_kept(row) && strcmp(mosaic_plain_text(mosaic_model_attr(row, Anum_model_name)),
										  mosaic_version_name(model, mosaic_version_of(row))) == 0)
			rows = lappend(rows, heap_copytuple(row));
	systable_endscan(scan);
	table_close(rel, NoLock);
	list_sort(rows, compare_versions);
	return rows;
}

/* As what this transaction has done left them. */
static List *
kept_versions_now(const char *model)
{
	Snapshot	snapshot;
	List	   *rows;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	rows = mosaic_kept_versions(model, snapshot);
	UnregisterSnapshot(snapshot);
	return rows;
}

/* Sets the columns that tell a kept version from a current one. */
static void
set_state(HeapTuple row, const char *name, TimestampTz replaced, int32 last_version)
{
	int			columns[] = {Anum_model_name, Anum_model_version, Anum_model_replaced, Anum_model_last_version};
	Datum		values[] = {CStringGetTextDatum(name), Int32GetDatum(mosaic_version_of(row)),
	TimestampTzGetDatum(replaced), Int32GetDatum(last_version)};
	bool		nulls[] = {false, false, replaced == 0, last_version == 0};

	mosaic_update_columns(row, lengthof(columns), columns, values, nulls);
}

bool
mosaic_stays(HeapTuple row, int n)
{
	Snapshot	snapshot;
	bool		stays = n > 0;

	if (!stays)
	{
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		stays = mosaic_alias_of(mosaic_plain_text(mosaic_model_attr(row, Anum_model_name)),
								mosaic_version_of(row), snapshot);
		UnregisterSnapshot(snapshot);
	}
	return stays;
}

void
mosaic_retire_model(HeapTuple row)
{
	const char *model = mosaic_plain_text(mosaic_model_attr(row, Anum_model_name));
	char	   *name = mosaic_version_name(model, mosaic_version_of(row));
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	/* One that had such a name before there were versions. */
	if (HeapTupleIsValid(mosaic_find_model(name, snapshot, RowExclusiveLock)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", mosaic_shown_name(name, (int) strlen(name))),
				 errhint("A version that is to be kept needs the name: use rename_model() first.")));
	UnregisterSnapshot(snapshot);
	set_state(row, name, GetCurrentTimestamp(), 0);
}

/* Removes a kept version. */
static void
remove_version(HeapTuple row)
{
	mosaic_remove_model(row);
	mosaic_leave_domain(DatumGetInt32(mosaic_model_attr(row, Anum_model_domain)));
	mosaic_leave_tokenizer(mosaic_tokenizer_of(row));
}

void
mosaic_prune_versions(const char *model, int n)
{
	ListCell   *lc;

	if (n == MOSAIC_KEEP_ALL)
		return;
	foreach(lc, kept_versions_now(model))
		if (n-- <= 0 && !mosaic_alias_of(model, mosaic_version_of(lfirst(lc)), GetLatestSnapshot()))
			remove_version(lfirst(lc));
}

void
mosaic_update_versions(const char *model, int attnum, Datum value)
{
	ListCell   *lc;

	foreach(lc, kept_versions_now(model))
		mosaic_update_model(lfirst(lc), attnum, value);
}

void
mosaic_rename_versions(const char *model, const char *new_name)
{
	ListCell   *lc;

	foreach(lc, kept_versions_now(model))
		mosaic_update_model(lfirst(lc), Anum_model_name,
							CStringGetTextDatum(mosaic_version_name(new_name, mosaic_version_of(lfirst(lc)))));
}

/* ---- functions ---- */

/* A kept version of a model of one's own; an error (42704, 40001) otherwise. */
static HeapTuple
kept_version(const char *model, int32 version, Snapshot snapshot)
{
	char	   *name = mosaic_version_name(model, version);
	HeapTuple	row = mosaic_find_model(name, snapshot, RowExclusiveLock);

	mosaic_check_unchanged(name, row);
	if (!HeapTupleIsValid(row) || !mosaic_is_kept(row))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d",
						mosaic_shown_name(model, (int) strlen(model)), version),
				 errhint("The view mosaic.versions lists those that are kept.")));
	return row;
}

/* rollback_model(name text, version int DEFAULT NULL) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_rollback_model);
Datum
mosaic_pg_rollback_model(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	int32		version = PG_ARGISNULL(1) ? mosaic_predecessor_of(row) : PG_GETARG_INT32(1);
	int32		last = mosaic_last_version(row);
	HeapTuple	target;

	if (version == mosaic_version_of(row))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is the current one", version, name)));
	if (PG_ARGISNULL(1) && version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" replaced none that was kept", mosaic_version_of(row), name),
				 errhint("Give the number of one of mosaic.versions.")));
	target = kept_version(name, version, snapshot);
	UnregisterSnapshot(snapshot);
	mosaic_move_dedup_log(DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id)),
						  DatumGetInt64(mosaic_model_attr(target, Anum_model_model_id)));
	mosaic_retire_model(row);
	set_state(target, name, 0, last);
	PG_RETURN_INT32(version);
}

/* drop_version(name text, version int) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_drop_version);
Datum
mosaic_pg_drop_version(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Snapshot	snapshot;
	HeapTuple	row;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the version must not be NULL")));
	snapshot = mosaic_lock_store();
	row = mosaic_owned_model(name, snapshot);
	if (mosaic_version_of(row) == PG_GETARG_INT32(1))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is the current one", PG_GETARG_INT32(1), name),
				 errhint("Make another one current with rollback_model() first, or drop the model.")));
	row = kept_version(name, PG_GETARG_INT32(1), snapshot);
	mosaic_check_unaliased(name, PG_GETARG_INT32(1), snapshot);
	UnregisterSnapshot(snapshot);
	remove_version(row);
	mosaic_release_roles();
	PG_RETURN_VOID();
}
