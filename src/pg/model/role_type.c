/*
 * role_type.c
 *		The type mosaic.role, and the trigger that takes in rows from elsewhere.
 *
 * pg_restore, psql and logical replication write rows as text.  A role that is
 * missing must fail neither the row nor the table, and must give nobody a right.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "roles.h"

#define MAX_WARNED 1000

/* Once for each name in a session: a restore has many rows. */
static void
warn_missing(const char *name)
{
	static List *warned = NIL;	/* the first names */
	MemoryContext saved;
	ListCell   *cell;

	foreach(cell, warned)
		if (strcmp(lfirst(cell), name) == 0)
			return;
	if (list_length(warned) < MAX_WARNED)
	{
		saved = MemoryContextSwitchTo(TopMemoryContext);
		warned = lappend(warned, pstrdup(name));
		MemoryContextSwitchTo(saved);
	}
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("role \"%s\" does not exist", name),
			 errdetail("Models that it owned go to the current role; what it was granted is left out.")));
}

static Oid
read_role(const char *string)
{
	List	   *names;
	char	   *name;
	Oid			role;

	if (strcmp(string, "-") == 0)
		return MOSAIC_EVERYONE;
	if (strcmp(string, "?") == 0)
		return MOSAIC_NOBODY;
	names = textToQualifiedNameList(cstring_to_text(string));
	if (list_length(names) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME), errmsg("invalid name syntax: \"%s\"", string)));
	name = strVal(linitial(names));
	/* Without quotes, it is the number that regrole writes for a role that is gone. */
	role = strspn(string, "0123456789") == strlen(string) ? InvalidOid : get_role_oid(name, true);
	if (OidIsValid(role))
		return role;
	warn_missing(name);
	return MOSAIC_NOBODY;
}

/* Quoted as an identifier: no role is written like one of the two signs. */
static const char *
write_role(Oid role)
{
	char	   *name;

	if (role == MOSAIC_EVERYONE)
		return "-";
	name = GetUserNameFromId(role, true);
	return name ? quote_identifier(name) : "?";
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_role_in);
Datum
mosaic_pg_role_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(read_role(PG_GETARG_CSTRING(0)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_role_out);
Datum
mosaic_pg_role_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(write_role(PG_GETARG_OID(0))));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_role_recv);
Datum
mosaic_pg_role_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			nbytes;

	PG_RETURN_OID(read_role(pq_getmsgtext(buf, buf->len - buf->cursor, &nbytes)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_role_send);
Datum
mosaic_pg_role_send(PG_FUNCTION_ARGS)
{
	const char *name = write_role(PG_GETARG_OID(0));
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, name, strlen(name));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ---- rows from elsewhere ---- */

static bool
is_nobody(Oid role)
{
	return role != MOSAIC_EVERYONE && !SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role));
}

/* The readers without nobody. */
static ArrayType *
known_readers(ArrayType *readers)
{
	int			n,
				m = 0;
	Oid		   *roles = mosaic_read_roles(readers, &n);

	for (int i = 0; i < n; i++)
		if (!is_nobody(roles[i]))
			roles[m++] = roles[i];
	return m == n ? readers : mosaic_make_roles(roles, m);
}

static HeapTuple
take_in(HeapTuple row, TupleDesc desc, MosaicRoleColumn owner_column, int owner, MosaicRoleColumn readers_column, int readers)
{
	int			columns[2] = {owner, readers};
	Datum		values[2];
	bool		nulls[2];

	values[0] = heap_getattr(row, owner, desc, &nulls[0]);
	if (!nulls[0] && (DatumGetObjectId(values[0]) == MOSAIC_EVERYONE || is_nobody(DatumGetObjectId(values[0]))))
		values[0] = ObjectIdGetDatum(GetUserId());
	if (!nulls[0])
		mosaic_hold_role(owner_column, DatumGetObjectId(values[0]));
	if (readers)
		values[1] = heap_getattr(row, readers, desc, &nulls[1]);
	if (readers && !nulls[1])
	{
		ArrayType  *known = known_readers(DatumGetArrayTypeP(values[1]));

		mosaic_hold_readers(readers_column, known);
		values[1] = PointerGetDatum(known);
	}
	return heap_modify_tuple_by_cols(row, desc, readers ? 2 : 1, columns, values, nulls);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_hold_roles);
Datum
mosaic_pg_hold_roles(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	desc;
	HeapTuple	row;

	bool		is_model,
				is_alias,
				is_domain;

	is_model = CALLED_AS_TRIGGER(fcinfo) && RelationGetRelid(trigger->tg_relation) == mosaic_relid("model");
	is_domain = CALLED_AS_TRIGGER(fcinfo) && RelationGetRelid(trigger->tg_relation) == mosaic_relid("domain");
	is_alias = CALLED_AS_TRIGGER(fcinfo) && RelationGetRelid(trigger->tg_relation) == mosaic_relid("alias");
	if ((!is_model && !is_domain && !is_alias) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		!TRIGGER_FIRED_BEFORE(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mosaic.hold_roles() is for the extension's own triggers")));
	desc = RelationGetDescr(trigger->tg_relation);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	if (is_model)
		row = take_in(row, desc, MOSAIC_MODEL_OWNER, Anum_model_owner, MOSAIC_MODEL_READERS, Anum_model_readers);
	else if (is_alias)
		row = take_in(row, desc, MOSAIC_ALIAS_OWNER, Anum_alias_owner, MOSAIC_ALIAS_READERS, Anum_alias_readers);
	else
		row = take_in(row, desc, MOSAIC_DOMAIN_OWNER, Anum_domain_owner, 0, 0);
	return PointerGetDatum(row);
}
