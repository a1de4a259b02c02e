/*
 * catalog_version.c
 *		Whether the extension's catalogs are those that this module was built for.
 *
 * A module reads rows and arguments by their numbers: over catalogs of another
 * build it would read what is not there.  mosaic.catalog_version() says which
 * these are (sql/00_header.sql), as CATALOG_VERSION_NO does for the server's.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "catalog.h"

/* The schema whose catalogs were found right; forgotten where functions change. */
static Oid	checked = InvalidOid;

static void
forget_check(Datum arg, int cacheid, uint32 hashvalue)
{
	checked = InvalidOid;
}

/* What mosaic.catalog_version() returns; 0 where there is none.  It is read, not run: "SELECT 1". */
static int
installed_catalogs(Oid schema)
{
	HeapTuple	function = SearchSysCache3(PROCNAMEARGSNSP, CStringGetDatum("catalog_version"),
										   PointerGetDatum(buildoidvector(NULL, 0)),
										   ObjectIdGetDatum(schema));
	int			version = 0;
	bool		isnull;

	if (!HeapTupleIsValid(function))
		return 0;
	sscanf(TextDatumGetCString(SysCacheGetAttr(PROCNAMEARGSNSP, function, Anum_pg_proc_prosrc, &isnull)),
		   "SELECT %d", &version);
	ReleaseSysCache(function);
	return version;
}

static char *
installed_version(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = "unknown";

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("pg_mosaic"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;

		version = TextDatumGetCString(heap_getattr(tuple, Anum_pg_extension_extversion,
												   RelationGetDescr(rel), &isnull));
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return version;
}

void
mosaic_check_catalogs(void)
{
	static bool registered = false;
	Oid			schema = get_namespace_oid("mosaic", true);
	int			version;

	if (schema == checked)
		return;
	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget_check, (Datum) 0);
	registered = true;
	version = installed_catalogs(schema);
	if (version != MOSAIC_CATALOG_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the module of pg_mosaic was built for other catalogs than this database has"),
				 errdetail("The extension is of version %s, with catalogs %d; the module is of version %s, for catalogs %d.",
						   installed_version(), version, MOSAIC_VERSION, MOSAIC_CATALOG_VERSION),
				 version < MOSAIC_CATALOG_VERSION ?
				 errhint("Run ALTER EXTENSION pg_mosaic UPDATE.") :
				 errhint("Connect anew, if the module was replaced since; else install it in the extension's version.")));
	checked = schema;
}
