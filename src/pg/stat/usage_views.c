/*
 * usage_views.c
 *		mosaic.stat_usage(), which mosaic.stat_models shows, and mosaic.stat_reset().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "row.h"
#include "usage_shared.h"

/* The counters as they are shown, in their order. */
static const MosaicUsageCounter shown[] = {
	MOSAIC_USAGE_CALLS, MOSAIC_USAGE_ROWS, MOSAIC_USAGE_ERRORS, MOSAIC_USAGE_BATCHES, MOSAIC_USAGE_BATCHED_ROWS,
	MOSAIC_USAGE_SINGLE_PLAN, MOSAIC_USAGE_SINGLE_MODEL, MOSAIC_USAGE_SINGLE_BATCH,
	MOSAIC_USAGE_TOKENS, MOSAIC_USAGE_HITS, MOSAIC_USAGE_READS
};

#define COLUMNS (1 + lengthof(shown) + 3)

/* model_id, the counters, seconds, when it was used last, since when it is counted. */
static void
put_row(ReturnSetInfo *set, Oid catalog, int64 model_id)
{
	MosaicUsageKey key = {.database = MyDatabaseId,.catalog = catalog,.model_id = model_id};
	MosaicUsageRow row;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	int			n = 0;

	if (!mosaic_usage_read(&key, &row))
		return;
	values[n++] = Int64GetDatum(model_id);
	for (int i = 0; i < lengthof(shown); i++)
		values[n++] = Int64GetDatum(row.counts[shown[i]]);
	values[n++] = Float8GetDatum(row.counts[MOSAIC_USAGE_NANOSECONDS] / 1e9);
	nulls[n] = row.last_used == 0;
	values[n++] = TimestampTzGetDatum(row.last_used);
	values[n++] = TimestampTzGetDatum(row.since);
	tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_stat_usage);
Datum
mosaic_pg_stat_usage(PG_FUNCTION_ARGS)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	SysScanDesc scan;
	HeapTuple	model;

	InitMaterializedSRF(fcinfo, 0);
	scan = systable_beginscan(rel, InvalidOid, false, GetActiveSnapshot(), 0, NULL);
	while (HeapTupleIsValid(model = mosaic_getnext(scan)))
		if (mosaic_may_use_model(model))
			put_row((ReturnSetInfo *) fcinfo->resultinfo, RelationGetRelid(rel),
					DatumGetInt64(mosaic_model_attr(model, Anum_model_model_id)));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_stat_reset);
Datum
mosaic_pg_stat_reset(PG_FUNCTION_ARGS)
{
	mosaic_check_catalogs();
	mosaic_usage_reset();
	PG_RETURN_VOID();
}
