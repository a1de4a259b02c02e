/*
 * aliases.c
 *		Aliases: names that mean a model or one of its versions, or share items out between two.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "aliases.h"
#include "catalog.h"
#include "errors.h"
#include "roles.h"
#include "row.h"
#include "versions.h"

/* ---- rows ---- */

HeapTuple
mosaic_find_alias(const char *name, Snapshot snapshot)
{
	Relation	rel = table_open(mosaic_relid("alias"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, Anum_alias_name, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(name));
	key.sk_collation = C_COLLATION_OID;
	scan = systable_beginscan(rel, mosaic_relid("alias_pkey"), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	table_close(rel, NoLock);
	return row;
}

static Datum
attribute(HeapTuple row, int attnum, bool *isnull)
{
	Relation	rel = table_open(mosaic_relid("alias"), AccessShareLock);
	Datum		value = heap_getattr(row, attnum, RelationGetDescr(rel), isnull);

	table_close(rel, NoLock);
	return value;
}

Datum
mosaic_alias_attr(HeapTuple row, int attnum)
{
	bool		isnull;
	Datum		value = attribute(row, attnum, &isnull);

	if (isnull)
		elog(ERROR, "column %d of mosaic.alias is null", attnum);
	return value;
}

void
mosaic_update_alias(HeapTuple row, int attnum, Datum value)
{
	Relation	rel = table_open(mosaic_relid("alias"), RowExclusiveLock);
	bool		isnull = false;

	CatalogTupleUpdate(rel, &row->t_self,
					   heap_modify_tuple_by_cols(row, RelationGetDescr(rel), 1, &attnum, &value, &isnull));
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

static Oid
owner_of(HeapTuple row)
{
	return DatumGetObjectId(mosaic_alias_attr(row, Anum_alias_owner));
}

/* As mosaic_check_unchanged() does for models. */
static void
check_unchanged(const char *name, HeapTuple row)
{
	HeapTuple	seen;

	if (!IsolationUsesXactSnapshot())
		return;
	seen = mosaic_find_alias(name, GetTransactionSnapshot());
	if (HeapTupleIsValid(seen) != HeapTupleIsValid(row) ||
		(HeapTupleIsValid(row) && !ItemPointerEquals(&seen->t_self, &row->t_self)))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("Alias \"%s\" was changed since this transaction's snapshot was taken.",
						   mosaic_shown_name(name, (int) strlen(name)))));
}

HeapTuple
mosaic_owned_alias(const char *name, Snapshot snapshot)
{
	HeapTuple	row = mosaic_find_alias(name, snapshot);

	check_unchanged(name, row);
	if (HeapTupleIsValid(row) && !has_privs_of_role(GetUserId(), owner_of(row)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of alias \"%s\"", name)));
	return row;
}

void
mosaic_check_no_alias(const char *name, Snapshot snapshot)
{
	if (HeapTupleIsValid(mosaic_find_alias(name, snapshot)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"%s\" is the name of an alias", name),
				 errhint("Use another name, or drop_alias() first.")));
}

/* ---- what they mean ---- */

/* One of the two models that a row of mosaic.alias names; model is NULL where it names none. */
typedef struct Target
{
	char	   *model;
	int32		version;		/* 0: the current one */
} Target;

static Target
target_of(HeapTuple row, bool canary)
{
	Target		t = {NULL, 0};
	bool		isnull;
	Datum		model = attribute(row, canary ? Anum_alias_canary : Anum_alias_model, &isnull);
	Datum		version;

	if (isnull)
		return t;
	t.model = mosaic_plain_text(model);
	version = attribute(row, canary ? Anum_alias_canary_version : Anum_alias_version, &isnull);
	t.version = isnull ? 0 : DatumGetInt32(version);
	return t;
}

static HeapTuple
find_target(const Target *t, Snapshot snapshot)
{
	if (t->model == NULL)
		return NULL;
	if (t->version == 0)
		return mosaic_find_model(t->model, snapshot, AccessShareLock);
	return mosaic_resolve_model(mosaic_version_name(t->model, t->version), snapshot);
}

/* The owner of an alias lends the right to what is theirs, and no longer. */
static bool
lends(Oid owner, HeapTuple model)
{
	return has_privs_of_role(owner, DatumGetObjectId(mosaic_model_attr(model, Anum_model_owner)));
}

static MosaicNameState
look_up_alias(HeapTuple alias, const char *name, Snapshot snapshot, MosaicMeaning *m)
{
	Target		main = target_of(alias, false),
				canary = target_of(alias, true);
	bool		isnull;
	Datum		share = attribute(alias, Anum_alias_share, &isnull);

	if (!mosaic_may_use(owner_of(alias), mosaic_plain_roles(mosaic_alias_attr(alias, Anum_alias_readers))))
		return MOSAIC_NAME_DENIED;
	m->row = find_target(&main, snapshot);
	m->canary = find_target(&canary, snapshot);
	m->share = isnull ? 0 : DatumGetFloat8(share);
	m->seed = hash_bytes_extended((const unsigned char *) name, (int) strlen(name), 0);
	if (!HeapTupleIsValid(m->row) || (canary.model && !HeapTupleIsValid(m->canary)))
		return MOSAIC_NAME_UNKNOWN;
	if (!lends(owner_of(alias), m->row) || (m->canary && !lends(owner_of(alias), m->canary)))
		return MOSAIC_NAME_DENIED;
	return MOSAIC_NAME_USABLE;
}

MosaicNameState
mosaic_look_up(const char *name, Snapshot snapshot, MosaicMeaning *m)
{
	HeapTuple	alias;

	memset(m, 0, sizeof *m);
	m->row = mosaic_resolve_model(name, snapshot);
	if (HeapTupleIsValid(m->row))
		return mosaic_may_use_model(m->row) ? MOSAIC_NAME_USABLE : MOSAIC_NAME_DENIED;
	alias = mosaic_find_alias(name, snapshot);
	return HeapTupleIsValid(alias) ? look_up_alias(alias, name, snapshot, m) : MOSAIC_NAME_UNKNOWN;
}

HeapTuple
mosaic_usable_model(const char *name, MosaicMeaning *meaning)
{
	MosaicMeaning unused;

	if (meaning == NULL)
		meaning = &unused;
	switch (mosaic_look_up(name, GetActiveSnapshot(), meaning))
	{
		case MOSAIC_NAME_UNKNOWN:
			mosaic_no_such_model(name);
		case MOSAIC_NAME_DENIED:
			mosaic_denied(name);
		case MOSAIC_NAME_USABLE:
			break;
	}
	return meaning->row;
}

/* ---- the same inputs ---- */

static bool
same_input(const MosaicValueInfo *a, const MosaicValueInfo *b)
{
	if (strcmp(a->name, b->name) != 0 || a->dtype != b->dtype || a->ndim != b->ndim || a->item_axis != b->item_axis)
		return false;
	for (int i = 0; i < a->ndim; i++)
		if (a->dims[i] != b->dims[i] && (a->dims[i] >= 0 || b->dims[i] >= 0))
			return false;
	return true;
}

static bool
same_option(HeapTuple a, HeapTuple b, int attnum, bool is_text)
{
	bool		null_a,
				null_b;
	Datum		x = mosaic_model_option(a, attnum, &null_a),
				y = mosaic_model_option(b, attnum, &null_b);

	if (null_a || null_b)
		return null_a == null_b;
	return is_text ? strcmp(mosaic_plain_text(x), mosaic_plain_text(y)) == 0 : DatumGetInt32(x) == DatumGetInt32(y);
}

void
mosaic_check_same_inputs(const char *alias, HeapTuple a, const MosaicModel *model_a, HeapTuple b, const MosaicModel *model_b)
{
	int			n = mosaic_model_input_count(model_a);
	bool		same = n == mosaic_model_input_count(model_b) &&
		same_option(a, b, Anum_model_tokenizer, false) && same_option(a, b, Anum_model_max_tokens, false) &&
		same_option(a, b, Anum_model_truncates, false) && same_option(a, b, Anum_model_input_map, true);

	for (int i = 0; i < n && same; i++)
		same = same_input(mosaic_model_input(model_a, i), mosaic_model_input(model_b, i));
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the models of alias \"%s\" do not take the same inputs", alias),
				 errdetail("Names, types and shapes of their inputs, tokenizers and the columns of rows must be the same for items to be shared out.")));
}

/* ---- what models have to mind ---- */

/* The next alias that means a model, or one version of it by number; *canary: as the one that gets a share. */
static bool
means(HeapTuple alias, const char *model, int32 version, bool canary)
{
	Target		t = target_of(alias, canary);

	return t.model && strcmp(t.model, model) == 0 && (version == 0 || t.version == version);
}

typedef void (*AliasFn) (HeapTuple alias, void *arg);

static void
scan_aliases(Snapshot snapshot, AliasFn fn, void *arg)
{
	Relation	rel = table_open(mosaic_relid("alias"), AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	row;

	while (HeapTupleIsValid(row = mosaic_getnext(scan)))
		fn(row, arg);
	systable_endscan(scan);
	table_close(rel, NoLock);
}

typedef struct Search
{
	const char *model;
	int32		version;
	char	   *alias;			/* the first that was found */
} Search;

static void
search(HeapTuple alias, void *arg)
{
	Search	   *s = arg;

	if (s->alias == NULL && (means(alias, s->model, s->version, false) || means(alias, s->model, s->version, true)))
		s->alias = mosaic_plain_text(mosaic_alias_attr(alias, Anum_alias_name));
}

bool
mosaic_alias_of(const char *model, int32 version, Snapshot snapshot)
{
	Search		s = {model, version, NULL};

	scan_aliases(snapshot, search, &s);
	return s.alias != NULL;
}

void
mosaic_check_unaliased(const char *model, int32 version, Snapshot snapshot)
{
	Search		s = {model, version, NULL};

	scan_aliases(snapshot, search, &s);
	if (s.alias == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 version ? errmsg("version %d of model \"%s\" is what alias \"%s\" means", version, model, s.alias) :
			 errmsg("model \"%s\" is what alias \"%s\" means", model, s.alias),
			 errhint("Use set_alias() to let it mean another, or drop_alias() first.")));
}

typedef struct Move
{
	const char *model;			/* NULL: all models of old_owner */
	const char *new_name;
	Oid			old_owner,
				new_owner;
	Snapshot	before,			/* without the move, where owners change; and with it */
				after;
} Move;

static void
rename_target(HeapTuple alias, void *arg)
{
	Move	   *m = arg;
	int			columns[] = {Anum_alias_model, Anum_alias_canary};
	bool		is_main = means(alias, m->model, 0, false),
				is_canary = means(alias, m->model, 0, true);
	Relation	rel;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (!is_main && !is_canary)
		return;
	values[0] = is_main ? CStringGetTextDatum(m->new_name) : attribute(alias, Anum_alias_model, &nulls[0]);
	values[1] = is_canary ? CStringGetTextDatum(m->new_name) : attribute(alias, Anum_alias_canary, &nulls[1]);
	rel = table_open(mosaic_relid("alias"), RowExclusiveLock);
	CatalogTupleUpdate(rel, &alias->t_self,
					   heap_modify_tuple_by_cols(alias, RelationGetDescr(rel), 2, columns, values, nulls));
	table_close(rel, NoLock);
}

/* A model that an alias means and that this owner cannot lend; NULL: it works. */
static char *
not_lent(HeapTuple alias, Oid owner, Snapshot snapshot)
{
	for (int canary = 0; canary <= 1; canary++)
	{
		Target		t = target_of(alias, canary);
		HeapTuple	model = find_target(&t, snapshot);

		if (t.model && !(HeapTupleIsValid(model) && lends(owner, model)))
			return t.model;
	}
	return NULL;
}

/* An alias goes with its first model.  Refused where one that works would be broken. */
static void
give(HeapTuple alias, void *arg)
{
	Move	   *m = arg;
	Oid			owner = owner_of(alias);
	bool		with_first = m->model == NULL || means(alias, m->model, 0, false),
				goes = with_first && mosaic_is_meant(owner, m->old_owner, m->before);
	char	   *broken;

	if (!with_first && !means(alias, m->model, 0, true))
		return;
	broken = not_lent(alias, goes ? m->new_owner : owner, m->after);
	if (broken && not_lent(alias, owner, m->before) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("alias \"%s\" means model \"%s\", which its owner would not own",
						mosaic_plain_text(mosaic_alias_attr(alias, Anum_alias_name)), broken),
				 errdetail("The owner of an alias must own both of its models."),
				 errhint("Use reassign_models() for both, or set_alias() or drop_alias() first.")));
	if (!goes)
		return;
	mosaic_hold_role(MOSAIC_ALIAS_OWNER, m->new_owner);
	mosaic_update_alias(alias, Anum_alias_owner, ObjectIdGetDatum(m->new_owner));
}

static void
move_aliases(AliasFn fn, Move *move)
{
	CommandCounterIncrement();
	move->after = RegisterSnapshot(GetLatestSnapshot());
	scan_aliases(move->after, fn, move);
	UnregisterSnapshot(move->after);
	CommandCounterIncrement();
}

void
mosaic_rename_alias_targets(const char *model, const char *new_name)
{
	Move		move = {.model = model,.new_name = new_name};

	move_aliases(rename_target, &move);
}

void
mosaic_give_aliases(const char *model, Oid old_owner, Oid new_owner, Snapshot before)
{
	Move		move = {.model = model,.old_owner = old_owner,.new_owner = new_owner,.before = before};

	move_aliases(give, &move);
}
