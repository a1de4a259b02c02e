/*
 * domain.c
 *		Sharing domains: who may take part in which, and how long they last.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "domain.h"
#include "roles.h"
#include "row.h"

static void
denied(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for sharing domain \"%s\"", name),
			 errhint("Members of the role that imported its first model may take part in a domain.")));
}

static void
check_name(const char *name)
{
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("the name of a sharing domain must not be empty"),
				 errhint("Leave it out for your default domain.")));
	if (strlen(name) > MOSAIC_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the name of a sharing domain has %zu bytes, at most %d are allowed",
						strlen(name), MOSAIC_MAX_NAME)));
}

static int32
add_domain(const char *name)
{
	Relation	rel = table_open(mosaic_relid("domain"), RowExclusiveLock);
	int32		domain = (int32) nextval_internal(mosaic_relid("domain_id_seq"), false);
	Datum		values[Natts_domain];
	bool		nulls[Natts_domain] = {false};

	values[Anum_domain_domain_id - 1] = Int32GetDatum(domain);
	values[Anum_domain_name - 1] = CStringGetTextDatum(name);
	values[Anum_domain_owner - 1] = ObjectIdGetDatum(GetUserId());
	mosaic_hold_role(MOSAIC_DOMAIN_OWNER, GetUserId());
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	table_close(rel, NoLock);
	CommandCounterIncrement();
	return domain;
}

int32
mosaic_find_domain(const char *name, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("domain"), AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		isnull;
	int32		domain = 0;

	if (name)
		check_name(name);
	ScanKeyInit(&keys[0], Anum_domain_name, BTEqualStrategyNumber, F_TEXTEQ,
				CStringGetTextDatum(name ? name : ""));
	keys[0].sk_collation = C_COLLATION_OID;
	ScanKeyInit(&keys[1], Anum_domain_owner, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(GetUserId()));
	/* A name is there once; without one, each role has its own, the oldest where it took over others. */
	scan = systable_beginscan(rel, mosaic_relid("domain_name_idx"), true, snapshot, name ? 1 : 2, keys);
	while (HeapTupleIsValid(tuple = mosaic_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		int32		found = DatumGetInt32(heap_getattr(tuple, Anum_domain_domain_id, desc, &isnull));

		if (name && !has_privs_of_role(GetUserId(),
									   DatumGetObjectId(heap_getattr(tuple, Anum_domain_owner, desc, &isnull))))
			denied(name);
		domain = domain == 0 ? found : Min(domain, found);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return domain;
}

int32
mosaic_join_domain(const char *name, Snapshot snapshot)
{
	int32		domain = mosaic_find_domain(name, snapshot);

	return domain ? domain : add_domain(name ? name : "");
}

/* *tuple: the domain's row, NULL where it is lost. */
static SysScanDesc
scan_domain(Relation rel, int32 domain, Snapshot snapshot, HeapTuple *tuple)
{
	ScanKeyData key;
	SysScanDesc scan;

	ScanKeyInit(&key, Anum_domain_domain_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(domain));
	scan = systable_beginscan(rel, mosaic_relid("domain_pkey"), true, snapshot, 1, &key);
	*tuple = mosaic_getnext(scan);
	return scan;
}

void
mosaic_check_domain(int32 domain, const char *model, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("domain"), AccessShareLock);
	HeapTuple	tuple;
	bool		isnull;
	SysScanDesc scan = scan_domain(rel, domain, snapshot, &tuple);

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("model \"%s\": its sharing domain %d is missing from mosaic.domain",
						model, domain)));
	if (!has_privs_of_role(GetUserId(),
						   DatumGetObjectId(heap_getattr(tuple, Anum_domain_owner, RelationGetDescr(rel), &isnull))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the sharing domain of model \"%s\"", model),
				 errhint("Import the model with replace => true and a domain of your own.")));
	systable_endscan(scan);
	table_close(rel, NoLock);
}

void
mosaic_leave_domain(int32 domain)
{
	Relation	models = table_open(mosaic_relid("model"), AccessShareLock);
	Relation	rel = table_open(mosaic_relid("domain"), RowExclusiveLock);
	Snapshot	snapshot;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		used = false,
				isnull;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	/* No key: the scan would look at it before the row was checked. */
	scan = systable_beginscan(models, InvalidOid, false, snapshot, 0, NULL);
	while (!used && HeapTupleIsValid(tuple = mosaic_getnext(scan)))
		used = DatumGetInt32(heap_getattr(tuple, Anum_model_domain, RelationGetDescr(models), &isnull)) == domain;
	systable_endscan(scan);
	if (!used)
	{
		scan = scan_domain(rel, domain, snapshot, &tuple);
		/* Even a damaged model can be dropped. */
		if (HeapTupleIsValid(tuple))
			CatalogTupleDelete(rel, &tuple->t_self);
		systable_endscan(scan);
	}
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
	table_close(models, NoLock);
}

static void
set_owner(Relation rel, HeapTuple tuple, Oid owner)
{
	Datum		values[Natts_domain] = {0};
	bool		nulls[Natts_domain] = {false};
	bool		replace[Natts_domain] = {false};

	values[Anum_domain_owner - 1] = ObjectIdGetDatum(owner);
	replace[Anum_domain_owner - 1] = true;
	mosaic_hold_role(MOSAIC_DOMAIN_OWNER, owner);
	CatalogTupleUpdate(rel, &tuple->t_self,
					   heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, replace));
	CommandCounterIncrement();
}

static Oid
owner_of(Relation rel, HeapTuple tuple)
{
	bool		isnull;
	Datum		owner = heap_getattr(tuple, Anum_domain_owner, RelationGetDescr(rel), &isnull);

	return isnull ? MOSAIC_NOBODY : DatumGetObjectId(owner);
}

static bool
owns_all_models(int32 domain, Oid owner, Snapshot snapshot)
{
	Relation	models = table_open(mosaic_relid("model"), AccessShareLock);
	/* No key: the scan would look at it before the row was checked. */
	SysScanDesc scan = systable_beginscan(models, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;
	bool		all = true;

	while (all && HeapTupleIsValid(tuple = mosaic_getnext(scan)))
		all = DatumGetInt32(mosaic_model_attr(tuple, Anum_model_domain)) != domain ||
			DatumGetObjectId(mosaic_model_attr(tuple, Anum_model_owner)) == owner;
	systable_endscan(scan);
	table_close(models, NoLock);
	return all;
}

void
mosaic_follow_domain(int32 domain, Oid owner)
{
	Relation	rel = table_open(mosaic_relid("domain"), RowExclusiveLock);
	Snapshot	snapshot;
	HeapTuple	tuple;
	SysScanDesc scan;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = scan_domain(rel, domain, snapshot, &tuple);
	if (HeapTupleIsValid(tuple) && owner_of(rel, tuple) != owner &&
		has_privs_of_role(GetUserId(), owner_of(rel, tuple)) && owns_all_models(domain, owner, snapshot))
		set_owner(rel, tuple, owner);
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, NoLock);
}

void
mosaic_reassign_domains(Oid old_role, Oid new_role, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("domain"), RowExclusiveLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = mosaic_getnext(scan)))
	{
		Oid			owner = owner_of(rel, tuple);

		if (old_role == MOSAIC_NOBODY ? !mosaic_role_exists(owner, snapshot) : owner == old_role)
			set_owner(rel, tuple, new_role);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
}
