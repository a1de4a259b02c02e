/*
 * owner.c
 *		change_model_owner(), reassign_models(), revoke_models().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "aliases.h"
#include "catalog.h"
#include "compat.h"
#include "domain.h"
#include "roles.h"
#include "row.h"
#include "versions.h"

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_change_model_owner);
Datum
mosaic_pg_change_model_owner(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Oid			role = mosaic_role_argument(fcinfo, 1, "role");
	Snapshot	snapshot;
	HeapTuple	row;

	mosaic_check_role(role);
	snapshot = mosaic_lock_store();
	row = mosaic_owned_model(name, snapshot);
	/* As ALTER ... OWNER TO has it: nobody is given what they do not want. */
	mosaic_check_can_become(role);
	mosaic_hold_role(MOSAIC_MODEL_OWNER, role);
	mosaic_update_model(row, Anum_model_owner, ObjectIdGetDatum(role));
	mosaic_update_versions(name, Anum_model_owner, ObjectIdGetDatum(role));
	mosaic_give_aliases(name, DatumGetObjectId(mosaic_model_attr(row, Anum_model_owner)), role, snapshot);
	mosaic_follow_domain(DatumGetInt32(mosaic_model_attr(row, Anum_model_domain)), role);
	mosaic_release_roles();
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

/* Replaces one column of a row found by scanning; 40001 where the transaction's snapshot has another version. */
static void
change_row(HeapTuple row, int attnum, Datum value)
{
	mosaic_check_unchanged(mosaic_plain_text(mosaic_model_attr(row, Anum_model_name)), row);
	mosaic_update_model(row, attnum, value);
}

/* 42501 where the current role may not give away what is old_role's. */
static void
check_may_reassign(Oid old_role, Oid new_role)
{
	if (old_role == MOSAIC_NOBODY ? !superuser() : !has_privs_of_role(GetUserId(), old_role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to reassign models"),
				 old_role == MOSAIC_NOBODY ?
				 errdetail("Models of roles that are gone are the superuser's to give.") :
				 errdetail("Only roles with privileges of role \"%s\" may reassign its models.",
						   GetUserNameFromId(old_role, false))));
	mosaic_check_can_become(new_role);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_reassign_models);
Datum
mosaic_pg_reassign_models(PG_FUNCTION_ARGS)
{
	Oid			old_role = PG_ARGISNULL(0) ? MOSAIC_NOBODY : PG_GETARG_OID(0);
	Oid			new_role = mosaic_role_argument(fcinfo, 1, "new role");
	Snapshot	snapshot;
	Relation	models;
	SysScanDesc scan;
	HeapTuple	row;
	int32		n = 0;

	if (old_role != MOSAIC_NOBODY)
		mosaic_check_role(old_role);
	mosaic_check_role(new_role);
	check_may_reassign(old_role, new_role);
	snapshot = mosaic_lock_store();
	models = table_open(mosaic_relid("model"), RowExclusiveLock);
	scan = systable_beginscan(models, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		if (!mosaic_is_meant(DatumGetObjectId(mosaic_model_attr(row, Anum_model_owner)), old_role, snapshot))
			continue;
		mosaic_hold_role(MOSAIC_MODEL_OWNER, new_role);
		change_row(row, Anum_model_owner, ObjectIdGetDatum(new_role));
		n += !mosaic_is_kept(row);
	}
	systable_endscan(scan);
	table_close(models, NoLock);
	mosaic_give_aliases(NULL, old_role, new_role, snapshot);
	mosaic_reassign_domains(old_role, new_role, snapshot);
	mosaic_release_roles();
	UnregisterSnapshot(snapshot);
	PG_RETURN_INT32(n);
}

/* The readers without role, or without those that are gone; NULL where all stay. */
static ArrayType *
other_readers(ArrayType *readers, Oid role, Snapshot snapshot)
{
	int			n,
				m = 0;
	Oid		   *roles = mosaic_read_roles(readers, &n);

	for (int i = 0; i < n; i++)
		if (roles[i] == MOSAIC_EVERYONE ? role != MOSAIC_EVERYONE : !mosaic_is_meant(roles[i], role, snapshot))
			roles[m++] = roles[i];
	return m == n ? NULL : mosaic_make_roles(roles, m);
}

/* From all aliases that the current role owns. */
static void
revoke_aliases(Oid role, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("alias"), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	row;

	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		ArrayType  *readers;

		if (!has_privs_of_role(GetUserId(), DatumGetObjectId(mosaic_alias_attr(row, Anum_alias_owner))))
			continue;
		readers = other_readers(mosaic_plain_roles(mosaic_alias_attr(row, Anum_alias_readers)), role, snapshot);
		if (readers)
			mosaic_update_alias(row, Anum_alias_readers, PointerGetDatum(readers));
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_revoke_models);
Datum
mosaic_pg_revoke_models(PG_FUNCTION_ARGS)
{
	Oid			role = PG_ARGISNULL(0) ? MOSAIC_NOBODY : PG_GETARG_OID(0);
	Snapshot	snapshot;
	Relation	models;
	SysScanDesc scan;
	HeapTuple	row;
	int32		n = 0;

	snapshot = mosaic_lock_store();
	models = table_open(mosaic_relid("model"), RowExclusiveLock);
	scan = systable_beginscan(models, InvalidOid, false, snapshot, 0, NULL);
	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		ArrayType  *readers;

		if (!mosaic_owns_model(row))
			continue;
		readers = other_readers(mosaic_plain_roles(mosaic_model_attr(row, Anum_model_readers)), role, snapshot);
		if (readers == NULL)
			continue;
		change_row(row, Anum_model_readers, PointerGetDatum(readers));
		n += !mosaic_is_kept(row);
	}
	systable_endscan(scan);
	table_close(models, NoLock);
	revoke_aliases(role, snapshot);
	mosaic_release_roles();
	UnregisterSnapshot(snapshot);
	PG_RETURN_INT32(n);
}
