/*
 * set_alias.c
 *		set_alias(), drop_alias().
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "aliases.h"
#include "catalog.h"
#include "errors.h"
#include "model_cache.h"
#include "roles.h"
#include "row.h"
#include "versions.h"

/* A model as it is given: its row, and what a row of mosaic.alias has of it. */
typedef struct Target
{
	HeapTuple	row;
	char	   *model;
	int32		version;		/* 0: the current one, whichever that is */
} Target;

/* The model or version of a name, which must be the current role's. */
static Target
find_target(const char *name, Snapshot snapshot)
{
	Target		t = {.row = mosaic_resolve_model(name, snapshot)};
	bool		by_number;

	if (!HeapTupleIsValid(t.row))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(t.row))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("must be owner of model \"%s\"", name)));
	/* A kept version, or the current one by its number: not a model that has had such a name since 0.1.0. */
	by_number = mosaic_is_kept(t.row) ||
		strcmp(name, mosaic_plain_text(mosaic_model_attr(t.row, Anum_model_name))) != 0;
	if (!by_number || !mosaic_split_version(name, &t.model, &t.version))
	{
		t.model = pstrdup(name);
		t.version = 0;
	}
	return t;
}

/* Both are loaded, with the newest snapshot, for a look at their inputs. */
static void
check_inputs(const char *alias, HeapTuple a, HeapTuple b)
{
	MosaicModelHandle *x,
			   *y;

	PushActiveSnapshot(GetLatestSnapshot());
	x = mosaic_model_acquire(a);
	PG_TRY();
	{
		y = mosaic_model_acquire(b);
		PG_TRY();
		{
			mosaic_check_same_inputs(alias, a, x->model, b, y->model);
		}
		PG_FINALLY();
		{
			mosaic_model_release(y);
		}
		PG_END_TRY();
	}
	PG_FINALLY();
	{
		mosaic_model_release(x);
	}
	PG_END_TRY();
	PopActiveSnapshot();
}

/* The owner of an alias has to own what it means. */
static void
check_lends(const char *alias, Oid owner, const Target *t)
{
	if (t->row && !has_privs_of_role(owner, DatumGetObjectId(mosaic_model_attr(t->row, Anum_model_owner))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the owner of alias \"%s\" must own model \"%s\"", alias, t->model)));
}

static double
share_argument(FunctionCallInfo fcinfo)
{
	double		share = PG_ARGISNULL(3) ? -1 : PG_GETARG_FLOAT8(3);

	if (PG_ARGISNULL(2) != PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a second model of an alias and its share go together")));
	if (!PG_ARGISNULL(3) && !(share >= 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the share of a second model must be between 0 and 1")));
	return share;
}

/* Inserts the row, or replaces what old has of models. */
static void
store_alias(const char *name, HeapTuple old, Oid owner, const Target *main, const Target *canary, double share)
{
	Relation	rel = table_open(mosaic_relid("alias"), RowExclusiveLock);
	Datum		values[Natts_alias] = {0};
	bool		nulls[Natts_alias] = {false};
	bool		replace[Natts_alias] = {false};

	values[Anum_alias_name - 1] = CStringGetTextDatum(name);
	values[Anum_alias_owner - 1] = ObjectIdGetDatum(owner);
	values[Anum_alias_readers - 1] = PointerGetDatum(mosaic_make_roles(NULL, 0));
	values[Anum_alias_model - 1] = CStringGetTextDatum(main->model);
	values[Anum_alias_version - 1] = Int32GetDatum(main->version);
	nulls[Anum_alias_version - 1] = main->version == 0;
	if (canary->model)
		values[Anum_alias_canary - 1] = CStringGetTextDatum(canary->model);
	nulls[Anum_alias_canary - 1] = nulls[Anum_alias_share - 1] = canary->model == NULL;
	values[Anum_alias_canary_version - 1] = Int32GetDatum(canary->version);
	nulls[Anum_alias_canary_version - 1] = canary->model == NULL || canary->version == 0;
	values[Anum_alias_share - 1] = Float8GetDatum(share);
	for (int i = Anum_alias_model; i <= Natts_alias; i++)
		replace[i - 1] = true;
	if (old)
		CatalogTupleUpdate(rel, &old->t_self, heap_modify_tuple(old, RelationGetDescr(rel), values, nulls, replace));
	else
	{
		CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
		mosaic_hold_role(MOSAIC_ALIAS_OWNER, owner);
	}
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

/* set_alias(name text, model text, canary text, share float8) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_alias);
Datum
mosaic_pg_set_alias(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	char	   *model = mosaic_name_argument(fcinfo, 1, "model");
	double		share = share_argument(fcinfo);
	Target		main,
				canary = {0};
	Snapshot	snapshot;
	HeapTuple	old;
	Oid			owner;

	mosaic_check_name(name);
	snapshot = mosaic_lock_store();
	old = mosaic_owned_alias(name, snapshot);
	if (old == NULL && HeapTupleIsValid(mosaic_find_model(name, snapshot, RowExclusiveLock)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("model \"%s\" already exists", name)));
	main = find_target(model, snapshot);
	if (!PG_ARGISNULL(2))
		canary = find_target(text_to_cstring(PG_GETARG_TEXT_PP(2)), snapshot);
	owner = DatumGetObjectId(old ? mosaic_alias_attr(old, Anum_alias_owner) :
							 mosaic_model_attr(main.row, Anum_model_owner));
	check_lends(name, owner, &main);
	check_lends(name, owner, &canary);
	if (canary.row)
		check_inputs(name, main.row, canary.row);
	store_alias(name, old, owner, &main, &canary, share);
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

/* drop_alias(name text) */
PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_drop_alias);
Datum
mosaic_pg_drop_alias(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "name");
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_alias(name, snapshot);
	Relation	rel;

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("alias \"%s\" does not exist", mosaic_shown_name(name, (int) strlen(name))),
				 errhint("The view mosaic.aliases lists the aliases.")));
	rel = table_open(mosaic_relid("alias"), RowExclusiveLock);
	CatalogTupleDelete(rel, &row->t_self);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	mosaic_release_roles();
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}
