/*
 * roles.c
 *		Roles that the extension's tables name, and their rows in pg_shdepend.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_shdepend.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "catalog.h"
#include "page_scan.h"
#include "roles.h"
#include "row.h"

static const struct
{
	const char *table;
	AttrNumber	attnum;
	bool		array;
}			columns[MOSAIC_ROLE_COLUMNS] = {
	[MOSAIC_MODEL_OWNER] = {"model", Anum_model_owner},
	[MOSAIC_MODEL_READERS] = {"model", Anum_model_readers, true},
	[MOSAIC_DOMAIN_OWNER] = {"domain", Anum_domain_owner},
	[MOSAIC_ALIAS_OWNER] = {"alias", Anum_alias_owner},
	[MOSAIC_ALIAS_READERS] = {"alias", Anum_alias_readers, true}
};

bool
mosaic_role_exists(Oid role, Snapshot snapshot)
{
	Relation	rel = table_open(AuthIdRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool		exists;

	ScanKeyInit(&key, Anum_pg_authid_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(role));
	scan = systable_beginscan(rel, AuthIdOidIndexId, true, snapshot, 1, &key);
	exists = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return exists;
}

bool
mosaic_is_meant(Oid owner, Oid role, Snapshot snapshot)
{
	return role == MOSAIC_NOBODY ? !mosaic_role_exists(owner, snapshot) : owner == role;
}

void
mosaic_check_role(Oid role)
{
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("role with OID %u does not exist", role)));
}

/* An array's own element type must be right: it is what writes the elements. */
static Oid
role_type(void)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("role"),
									   ObjectIdGetDatum(get_rel_namespace(mosaic_relid("model"))));

	if (!OidIsValid(type))
		elog(ERROR, "type mosaic.role does not exist");
	return type;
}

ArrayType *
mosaic_make_roles(const Oid *roles, int n)
{
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = ObjectIdGetDatum(roles[i]);
	return construct_array(elements, n, role_type(), sizeof(Oid), true, TYPALIGN_INT);
}

ArrayType *
mosaic_plain_roles(Datum value)
{
	return mosaic_plain_array(value, role_type(), sizeof(Oid));
}

Oid *
mosaic_read_roles(ArrayType *array, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	Oid		   *roles;

	deconstruct_array(array, ARR_ELEMTYPE(array), sizeof(Oid), true, TYPALIGN_INT, &elements, &nulls, n);
	roles = palloc(Max(*n, 1) * sizeof(Oid));
	for (int i = 0; i < *n; i++)
		roles[i] = nulls[i] ? MOSAIC_NOBODY : DatumGetObjectId(elements[i]);
	pfree(elements);
	pfree(nulls);
	return roles;
}

/* ---- what pg_shdepend has ---- */

List *
mosaic_held_roles(MosaicRoleColumn column, Snapshot snapshot)
{
	Relation	rel = table_open(SharedDependRelationId, AccessShareLock);
	List	   *held = NIL;
	ScanKeyData keys[4];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_shdepend_dbid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_shdepend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));
	ScanKeyInit(&keys[2], Anum_pg_shdepend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(mosaic_relid(columns[column].table)));
	ScanKeyInit(&keys[3], Anum_pg_shdepend_objsubid, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(columns[column].attnum));
	scan = systable_beginscan(rel, SharedDependDependerIndexId, true, snapshot, 4, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_shdepend row = (Form_pg_shdepend) GETSTRUCT(tuple);

		if (row->refclassid == AuthIdRelationId && row->deptype == SHARED_DEPENDENCY_ACL)
			held = lappend_oid(held, row->refobjid);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	list_sort(held, list_oid_cmp);
	list_deduplicate_oid(held);
	return held;
}

/* As updateAclDependencies() wants them; it frees them. */
static Oid *
role_array(List *roles)
{
	Oid		   *array = palloc(Max(list_length(roles), 1) * sizeof(Oid));

	for (int i = 0; i < list_length(roles); i++)
		array[i] = list_nth_oid(roles, i);
	return array;
}

/* From the one ascending list to the other.  Those that are added are locked against DROP ROLE. */
static void
change_held(MosaicRoleColumn column, List *from, List *to)
{
	updateAclDependencies(RelationRelationId, mosaic_relid(columns[column].table), columns[column].attnum,
						  InvalidOid, list_length(from), role_array(from), list_length(to), role_array(to));
	CommandCounterIncrement();
}

/* ---- what the tables have ---- */

static List *
add_existing(List *roles, Oid role, Snapshot snapshot)
{
	if (role == MOSAIC_EVERYONE || role == MOSAIC_NOBODY || IsPinnedObject(AuthIdRelationId, role) ||
		list_member_oid(roles, role) || !mosaic_role_exists(role, snapshot))
		return roles;
	return lappend_oid(roles, role);
}

typedef struct NamedRoles
{
	MosaicRoleColumn column;
	Oid			type;			/* mosaic.role */
	Snapshot	snapshot;
	MemoryContext cxt;			/* of the list */
	List	   *roles;
	bool		all;
} NamedRoles;

static void
add_named(Relation rel, HeapTuple row, void *arg)
{
	NamedRoles *named = arg;
	MemoryContext saved = MemoryContextSwitchTo(named->cxt);
	bool		isnull;
	Datum		value = heap_getattr(row, columns[named->column].attnum, RelationGetDescr(rel), &isnull);

	if (!isnull && columns[named->column].array)
	{
		int			n;
		Oid		   *roles = mosaic_read_roles(mosaic_plain_array(value, named->type, sizeof(Oid)), &n);

		for (int i = 0; i < n; i++)
			named->roles = add_existing(named->roles, roles[i], named->snapshot);
		pfree(roles);
	}
	else if (!isnull)
		named->roles = add_existing(named->roles, DatumGetObjectId(value), named->snapshot);
	MemoryContextSwitchTo(saved);
}

static void
note_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	((NamedRoles *) arg)->all = false;
}

List *
mosaic_named_roles(MosaicRoleColumn column, Snapshot snapshot, bool *all)
{
	Relation	rel = table_open(mosaic_relid(columns[column].table), AccessShareLock);
	NamedRoles	named = {column, role_type(), snapshot, CurrentMemoryContext, NIL, true};
	MosaicPageScan scan = {snapshot, add_named, note_damage, &named};

	mosaic_scan_pages(rel, &scan);
	table_close(rel, NoLock);
	list_sort(named.roles, list_oid_cmp);
	*all = named.all;
	return named.roles;
}

/* Makes pg_shdepend say what the tables do; let_go: of roles that they do not name, too. */
static void
synchronise(bool let_go)
{
	Snapshot	snapshot;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	for (MosaicRoleColumn column = 0; column < MOSAIC_ROLE_COLUMNS; column++)
	{
		List	   *held = mosaic_held_roles(column, snapshot);
		bool		all;
		List	   *named = mosaic_named_roles(column, snapshot, &all);

		if (!all || !let_go)
		{
			named = list_concat_unique_oid(named, held);
			list_sort(named, list_oid_cmp);
		}
		change_held(column, held, named);
	}
	UnregisterSnapshot(snapshot);
}

void
mosaic_release_roles(void)
{
	synchronise(true);
}

void
mosaic_hold_role(MosaicRoleColumn column, Oid role)
{
	List	   *held;

	if (role == MOSAIC_EVERYONE || role == MOSAIC_NOBODY || IsPinnedObject(AuthIdRelationId, role))
		return;
	held = mosaic_held_roles(column, NULL);
	if (list_member_oid(held, role))
		return;
	/* None at all: this is the first one, or pg_upgrade made the rows. */
	if (held == NIL)
	{
		synchronise(false);
		held = mosaic_held_roles(column, NULL);
	}
	if (!list_member_oid(held, role))
		change_held(column, NIL, list_make1_oid(role));
}

void
mosaic_hold_readers(MosaicRoleColumn column, ArrayType *readers)
{
	int			n;
	Oid		   *roles = mosaic_read_roles(readers, &n);

	for (int i = 0; i < n; i++)
		mosaic_hold_role(column, roles[i]);
	pfree(roles);
}
