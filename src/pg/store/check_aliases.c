/*
 * check_aliases.c
 *		check_store(): whether what aliases mean is there.
 *
 * set_alias() and what drops models keep it so; rows that a restore or a replication brings in part may not.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/hsearch.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "roles.h"
#include "row.h"
#include "versions.h"

/* A name that predict() takes: of a model, or of one of its versions. */
typedef struct KnownName
{
	char		name[NAMEDATALEN * 8];	/* names have 255 bytes at most, and a number behind */
} KnownName;

typedef struct AliasCheck
{
	MosaicChecker *c;
	HTAB	   *names;
	bool		damaged;		/* mosaic.alias */
} AliasCheck;

static void
note_name(AliasCheck *a, const char *name)
{
	char		key[sizeof(KnownName)];

	strlcpy(key, name, sizeof key);
	hash_search(a->names, key, HASH_ENTER, NULL);
}

static bool
is_known(AliasCheck *a, const char *name)
{
	char		key[sizeof(KnownName)];

	strlcpy(key, name, sizeof key);
	return hash_search(a->names, key, HASH_FIND, NULL) != NULL;
}

/* A kept version has its number in its name; the current one goes by it, too. */
static void
note_model(Relation rel, HeapTuple row, void *arg)
{
	AliasCheck *a = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;
	char	   *name = mosaic_plain_text(heap_getattr(row, Anum_model_name, desc, &isnull));
	Datum		version = heap_getattr(row, Anum_model_version, desc, &isnull);
	int32		number = isnull ? 1 : DatumGetInt32(version);

	note_name(a, name);
	heap_getattr(row, Anum_model_replaced, desc, &isnull);
	if (isnull)
		note_name(a, mosaic_version_name(name, number));
	pfree(name);
}

static void
check_target(AliasCheck *a, const char *alias, HeapTuple row, TupleDesc desc, int model_column, int version_column)
{
	bool		isnull;
	Datum		value = heap_getattr(row, model_column, desc, &isnull);
	char	   *model;

	if (isnull)
		return;
	model = mosaic_plain_text(value);
	value = heap_getattr(row, version_column, desc, &isnull);
	if (!is_known(a, isnull ? model : mosaic_version_name(model, DatumGetInt32(value))))
	{
		if (isnull)
			mosaic_checker_report(a->c, MOSAIC_WRONG_ALIAS, -1, NULL, 0, "alias \"%s\" means model \"%s\", which is not there",
								  alias, model);
		else
			mosaic_checker_report(a->c, MOSAIC_WRONG_ALIAS, -1, NULL, 0,
								  "alias \"%s\" means version %d of model \"%s\", which is not there", alias,
								  DatumGetInt32(value), model);
	}
}

static void
check_share(AliasCheck *a, const char *alias, HeapTuple row, TupleDesc desc)
{
	bool		no_canary,
				no_share;
	Datum		value;

	heap_getattr(row, Anum_alias_canary, desc, &no_canary);
	value = heap_getattr(row, Anum_alias_share, desc, &no_share);
	if (no_canary != no_share)
		mosaic_checker_report(a->c, MOSAIC_WRONG_ALIAS, -1, NULL, 0,
							  no_share ? "alias \"%s\" has a second model and no share for it" :
							  "alias \"%s\" has a share and no second model", alias);
	/* A NaN is none, either. */
	if (!no_share && !(DatumGetFloat8(value) >= 0 && DatumGetFloat8(value) <= 1))
		mosaic_checker_report(a->c, MOSAIC_WRONG_ALIAS, -1, NULL, 0,
							  "the share of alias \"%s\" is %g, which is not between 0 and 1", alias, DatumGetFloat8(value));
}

static void
check_alias(Relation rel, HeapTuple row, void *arg)
{
	AliasCheck *a = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;
	char	   *alias = mosaic_plain_text(heap_getattr(row, Anum_alias_name, desc, &isnull));
	Oid			owner = DatumGetObjectId(heap_getattr(row, Anum_alias_owner, desc, &isnull));

	if (owner == MOSAIC_EVERYONE || !mosaic_role_exists(owner, a->c->checked->snapshot))
		mosaic_checker_report(a->c, MOSAIC_UNKNOWN_ROLE, -1, NULL, 0,
							  "the owner of alias \"%s\" is gone; reassign_models(NULL, ...) gives it another", alias);
	if (is_known(a, alias))
		mosaic_checker_report(a->c, MOSAIC_WRONG_ALIAS, -1, NULL, 0, "alias \"%s\" has the name of a model, which counts", alias);
	check_share(a, alias, row, desc);
	/* Which models are there is not known where their rows are damaged. */
	if (!a->c->checked->models_are_damaged)
	{
		check_target(a, alias, row, desc, Anum_alias_model, Anum_alias_version);
		check_target(a, alias, row, desc, Anum_alias_canary, Anum_alias_canary_version);
	}
	pfree(alias);
}

static void
report_damage(Relation rel, BlockNumber page, OffsetNumber line, const char *what, void *arg)
{
	AliasCheck *a = arg;

	a->c->table_is_damaged = &a->damaged;
	mosaic_checker_damage(rel, page, line, what, a->c);
}

void
mosaic_check_aliases(MosaicChecker *c)
{
	HASHCTL		ctl = {.keysize = sizeof(KnownName),.entrysize = sizeof(KnownName),.hcxt = CurrentMemoryContext};
	AliasCheck	a = {.c = c};

	a.names = hash_create("names of models", 1024, &ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	mosaic_checker_read(c, "model", note_model, mosaic_checker_ignore_damage, &a);
	mosaic_checker_read(c, "alias", check_alias, report_damage, &a);
	hash_destroy(a.names);
}
