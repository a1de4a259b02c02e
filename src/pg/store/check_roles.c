/*
 * check_roles.c
 *		check_store(): the roles that models and sharing domains name.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "damage.h"
#include "page_scan.h"
#include "roles.h"
#include "row.h"

static bool
is_gone(const MosaicChecker *c, Oid role)
{
	return role != MOSAIC_EVERYONE && !mosaic_role_exists(role, c->checked->snapshot);
}

typedef struct RolesRead
{
	Datum		value;
	Oid		   *roles;
	int			n;
} RolesRead;

static void
read_roles(void *arg)
{
	RolesRead  *r = arg;

	r->roles = mosaic_read_roles(mosaic_plain_roles(r->value), &r->n);
}

static void
check_model(Relation rel, HeapTuple row, void *arg)
{
	MosaicChecker *c = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;
	int			gone = 0;
	RolesRead	readers = {heap_getattr(row, Anum_model_readers, desc, &isnull)};
	Datum		value;

	if (mosaic_catch_damage(read_roles, &readers) != NULL)
		readers.n = 0;
	for (int i = 0; i < readers.n; i++)
		gone += is_gone(c, readers.roles[i]);
	c->model_id = DatumGetInt64(heap_getattr(row, Anum_model_model_id, desc, &isnull));
	c->model = mosaic_plain_text(heap_getattr(row, Anum_model_name, desc, &isnull));
	value = heap_getattr(row, Anum_model_owner, desc, &isnull);
	if (DatumGetObjectId(value) == MOSAIC_EVERYONE || is_gone(c, DatumGetObjectId(value)))
		mosaic_checker_report(c, MOSAIC_UNKNOWN_ROLE, -1, NULL, 0,
							  "its owner is gone; change_model_owner() gives it another");
	if (gone > 0)
		mosaic_checker_report(c, MOSAIC_UNKNOWN_ROLE, -1, NULL, 0,
							  "%d of its readers are gone; revoke_models(NULL) takes them out", gone);
}

static void
check_domain(Relation rel, HeapTuple row, void *arg)
{
	MosaicChecker *c = arg;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		isnull;
	Oid			owner = DatumGetObjectId(heap_getattr(row, Anum_domain_owner, desc, &isnull));

	if (owner == MOSAIC_EVERYONE || is_gone(c, owner))
		mosaic_checker_report(c, MOSAIC_UNKNOWN_ROLE, -1, NULL, 0,
							  "the owner of sharing domain %d is gone; reassign_models(NULL, ...) gives it another",
							  DatumGetInt32(heap_getattr(row, Anum_domain_domain_id, desc, &isnull)));
}

static void
check_table(MosaicChecker *c, const char *table, void (*check) (Relation, HeapTuple, void *))
{
	mosaic_checker_read(c, table, check, mosaic_checker_ignore_damage, c);
	c->model_id = 0;
	c->model = NULL;
}

void
mosaic_check_roles(MosaicChecker *c)
{
	static const char *const what[MOSAIC_ROLE_COLUMNS] = {
		[MOSAIC_MODEL_OWNER] = "owns models",
		[MOSAIC_MODEL_READERS] = "was granted models",
		[MOSAIC_DOMAIN_OWNER] = "owns sharing domains",
		[MOSAIC_ALIAS_OWNER] = "owns aliases",
		[MOSAIC_ALIAS_READERS] = "was granted aliases"
	};

	check_table(c, "model", check_model);
	check_table(c, "domain", check_domain);
	for (MosaicRoleColumn column = 0; column < MOSAIC_ROLE_COLUMNS; column++)
	{
		List	   *held = mosaic_held_roles(column, c->checked->snapshot);
		ListCell   *cell;
		bool		all;

		foreach(cell, mosaic_named_roles(column, c->checked->snapshot, &all))
		{
			char	   *name = GetUserNameFromId(lfirst_oid(cell), true);

			if (name && !list_member_oid(held, lfirst_oid(cell)))
				mosaic_checker_report(c, MOSAIC_MISSING_DEPENDENCY, -1, NULL, 0,
									  "role \"%s\" %s, and could be dropped", name, what[column]);
		}
	}
}
