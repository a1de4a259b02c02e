/*
 * grants.c
 *		mosaic.grant_import(), mosaic.grant_admin() and what takes them back.
 *
 * What they give are ordinary privileges on the extension's functions and views, so
 * that pg_dump, \df+ and DROP OWNED know them.  A role of the extension's own would be
 * there in all databases of the server, and in none of their dumps.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "admin.h"
#include "catalog.h"
#include "roles.h"

/* For roles that bring models and look after their own. */
#define IMPORT_FUNCTIONS "import_model,import_adapter,check_model,dedup_model,plan_dedup,dedup_ladder,plan_ladder,drop_model,rename_model," \
	"grant_model,revoke_model,revoke_models,change_model_owner,reassign_models," \
	"set_tokenizer,drop_tokenizer,set_pooling,set_labels,set_inputs,content_id,rollback_model,drop_version,set_alias,drop_alias,export_model"

/* For roles that look after the store, and what pg_monitor may see of it. */
#define ADMIN_FUNCTIONS "init_store,pack_models,check_store,repair_store," \
	"page_reads,sharing_classes,moved_blocks,cache_models,cache_sharing_classes,pin_shares,stat_reset"
#define ADMIN_VIEWS "storage,pages,model_pages,places,cache,cache_classes"

/* "name, name, ..." of the extension's functions or views that are in a list; NULL where there is none. */
static char *
named_members(const char *catalog, const char *address, const char *name_column, const char *names)
{
	char	   *query = psprintf(
		"SELECT string_agg(%s, ', ') FROM pg_catalog.pg_depend d JOIN pg_catalog.%s c ON c.oid = d.objid"
		" WHERE d.classid = 'pg_catalog.%s'::regclass AND d.deptype = 'e'"
		" AND d.refclassid = 'pg_catalog.pg_extension'::regclass"
		" AND d.refobjid = (SELECT oid FROM pg_catalog.pg_extension WHERE extname = 'pg_mosaic')"
		" AND c.%s = ANY (string_to_array('%s', ','))", address, catalog, catalog, name_column, names);

	if (SPI_execute(query, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not find the extension's objects");
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

/* Given or taken as the current role: GRANT and REVOKE check whether it may. */
static void
change_grants(FunctionCallInfo fcinfo, bool grant, const char *functions, const char *views)
{
	Oid			role = mosaic_role_argument(fcinfo, 0, "role");
	const char *grantee = "PUBLIC";
	char	   *list;

	mosaic_check_catalogs();
	if (role != MOSAIC_EVERYONE)
	{
		mosaic_check_role(role);
		grantee = quote_identifier(GetUserNameFromId(role, false));
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	/* The functions' search_path has nothing in it that hides a qualified name. */
	list = named_members("pg_proc", "c.oid::pg_catalog.regprocedure::text", "proname", functions);
	if (list)
		SPI_execute(psprintf("%s EXECUTE ON FUNCTION %s %s %s", grant ? "GRANT" : "REVOKE", list,
							 grant ? "TO" : "FROM", grantee), false, 0);
	list = views ? named_members("pg_class", "c.oid::pg_catalog.regclass::text", "relname", views) : NULL;
	if (list)
		SPI_execute(psprintf("%s SELECT ON %s %s %s", grant ? "GRANT" : "REVOKE", list,
							 grant ? "TO" : "FROM", grantee), false, 0);
	SPI_finish();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_grant_import);
Datum
mosaic_pg_grant_import(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, true, IMPORT_FUNCTIONS, NULL);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_revoke_import);
Datum
mosaic_pg_revoke_import(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, false, IMPORT_FUNCTIONS, NULL);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_grant_admin);
Datum
mosaic_pg_grant_admin(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, true, ADMIN_FUNCTIONS, ADMIN_VIEWS);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_revoke_admin);
Datum
mosaic_pg_revoke_admin(PG_FUNCTION_ARGS)
{
	change_grants(fcinfo, false, ADMIN_FUNCTIONS, ADMIN_VIEWS);
	PG_RETURN_VOID();
}
