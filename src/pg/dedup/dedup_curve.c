/*
 * dedup_curve.c
 *		mosaic.dedup_curve(): what the last deduplication of a model measured.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "row.h"

typedef struct Point
{
	Datum		columns[6];		/* evaluation, merged, bytes, value, kept, standard_error */
	bool		nulls[6];
} Point;

static int
compare_points(const void *a, const void *b)
{
	const Point *p = a,
			   *q = b;
	int64		x = DatumGetInt64(p->columns[1]),
				y = DatumGetInt64(q->columns[1]);

	return x != y ? (x < y ? -1 : 1) : DatumGetInt32(p->columns[0]) - DatumGetInt32(q->columns[0]);
}

/* The points of a row of mosaic.dedup_run, by the number of blocks merged. */
static Point *
read_points(Relation rel, HeapTuple row, int *n)
{
	static const Oid types[] = {INT8OID, INT8OID, FLOAT8OID, BOOLOID, FLOAT8OID};
	Point	   *points = NULL;

	*n = 0;
	for (int c = 0; c < lengthof(types); c++)
	{
		bool		is_bool = types[c] == BOOLOID;
		bool		isnull;
		Datum	   *values;
		int			count;
		Datum		array = heap_getattr(row, Anum_run_merged + c, RelationGetDescr(rel), &isnull);

		/* Of 0.1.0 there is no standard error. */
		if (isnull)
			continue;
		deconstruct_array(mosaic_plain_array(array, types[c], is_bool ? 1 : 8), types[c], is_bool ? 1 : 8,
						  is_bool || FLOAT8PASSBYVAL, is_bool ? TYPALIGN_CHAR : TYPALIGN_DOUBLE,
						  &values, NULL, &count);
		if (c == 0)
		{
			*n = count;
			points = palloc0((count + 1) * sizeof *points);
			for (int i = 0; i < count; i++)
				points[i].nulls[lengthof(types)] = true;
		}
		for (int i = 0; i < Min(*n, count); i++)
		{
			points[i].columns[c + 1] = values[i];
			points[i].nulls[c + 1] = c + Anum_run_merged == Anum_run_standard_error && isnan(DatumGetFloat8(values[i]));
		}
		*n = Min(*n, count);
	}
	for (int i = 0; i < *n; i++)
		points[i].columns[0] = Int32GetDatum(i + 1);
	qsort(points, *n, sizeof *points, compare_points);
	return points;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_dedup_curve);
Datum
mosaic_pg_dedup_curve(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Snapshot	snapshot = GetActiveSnapshot();
	HeapTuple	model = mosaic_find_model(name, snapshot, AccessShareLock);
	bool		isnull;
	Relation	rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	row;

	if (!HeapTupleIsValid(model))
		mosaic_no_such_model(name);
	if (!mosaic_owns_model(model))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", name)));
	InitMaterializedSRF(fcinfo, 0);
	rel = table_open(mosaic_relid("dedup_run"), AccessShareLock);
	ScanKeyInit(&key, Anum_run_model_id, BTEqualStrategyNumber, F_INT8EQ,
				mosaic_model_attr(model, Anum_model_model_id));
	scan = systable_beginscan(rel, mosaic_relid("dedup_run_pkey"), true, snapshot, 1, &key);
	row = mosaic_getnext(scan);
	/* What was measured of a version that was replaced since says nothing of this one. */
	if (HeapTupleIsValid(row) &&
		heap_getattr(row, Anum_run_version, RelationGetDescr(rel), &isnull) ==
		mosaic_model_attr(model, Anum_model_model_id))
	{
		int			n;
		Point	   *points = read_points(rel, row, &n);

		for (int i = 0; i < n; i++)
			tuplestore_putvalues(set->setResult, set->setDesc, points[i].columns, points[i].nulls);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return (Datum) 0;
}
