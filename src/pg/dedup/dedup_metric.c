/*
 * dedup_metric.c
 *		A metric of the user's own.
 *
 * It is called in a query over the rows (outputs, label) of an evaluation, kept
 * in a tuplestore: so SQL itself coerces labels, checks privileges, runs
 * aggregates and reads rows that do not fit in memory.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/queryenvironment.h"
#include "utils/syscache.h"

#include "compat.h"
#include "dedup_metric.h"
#include "read_only.h"

#define FETCH_ROWS 1024

static void
no_metric(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("function %s cannot be a metric", name),
			 errdetail("%s", detail),
			 errhint("A metric is a function or an aggregate of (outputs real[]) or (outputs real[], label) that returns a number.")));
}

/* Whether a type is a number that casts to float8. */
static bool
is_number(Oid type)
{
	return type == FLOAT8OID || type == FLOAT4OID || type == NUMERICOID || type == INT8OID ||
		type == INT4OID || type == INT2OID;
}

static bool
is_polymorphic(Oid type)
{
	return get_typtype(type) == TYPTYPE_PSEUDO;
}

/* A column as an argument of just the type that the function takes, so that no other is meant. */
static char *
argument(const char *column, Oid type)
{
	return is_polymorphic(type) ? pstrdup(column) :
		psprintf("%s::%s", column, format_type_be_qualified(type));
}

static void
check_signature(Form_pg_proc proc, const char *name)
{
	if (proc->prokind != PROKIND_FUNCTION && proc->prokind != PROKIND_AGGREGATE)
		no_metric(name, "It is neither a function nor an aggregate.");
	if (proc->proretset)
		no_metric(name, "It returns a set.");
	if (proc->pronargs < 1 || proc->pronargs > 2)
		no_metric(name, psprintf("It takes %d arguments.", proc->pronargs));
	if (!is_polymorphic(proc->proargtypes.values[0]) &&
		proc->proargtypes.values[0] != FLOAT4ARRAYOID && proc->proargtypes.values[0] != FLOAT8ARRAYOID)
		no_metric(name, psprintf("Its first argument is of type %s.",
								 format_type_be(proc->proargtypes.values[0])));
	if (!is_number(proc->prorettype))
		no_metric(name, psprintf("It returns %s.", format_type_be(proc->prorettype)));
}

MosaicMetricFunction *
mosaic_metric_function(Oid function)
{
	MosaicMetricFunction *f = palloc0(sizeof *f);
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc proc;
	char	   *arguments;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", function)));
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	f->name = quote_qualified_identifier(get_namespace_name(proc->pronamespace), NameStr(proc->proname));
	check_signature(proc, f->name);
	if (!mosaic_may_execute(function))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, f->name);
	f->labels = proc->pronargs == 2;
	f->aggregate = proc->prokind == PROKIND_AGGREGATE;
	arguments = argument("outputs", proc->proargtypes.values[0]);
	if (f->labels)
		arguments = psprintf("%s, %s", arguments, argument("label", proc->proargtypes.values[1]));
	f->query = psprintf("SELECT %s(%s)::pg_catalog.float8 FROM " MOSAIC_METRIC_ROWS, f->name, arguments);
	ReleaseSysCache(tuple);
	return f;
}

TupleDesc
mosaic_metric_desc(const MosaicMetricFunction *f, Oid label_type)
{
	TupleDesc	desc = CreateTemplateTupleDesc(f->labels ? 2 : 1);

	TupleDescInitEntry(desc, 1, "outputs", FLOAT4ARRAYOID, -1, 0);
	if (f->labels)
		TupleDescInitEntry(desc, 2, "label", label_type, -1, 0);
	return desc;
}

/* The mean of what the query returns, of one row for an aggregate, and its standard error: not known of that one. */
static double
mean_of(const MosaicMetricFunction *f, double *standard_error)
{
	SPIPlanPtr	plan = SPI_prepare(f->query, 0, NULL);
	Portal		portal;
	double		sum = 0,
				mean = 0,
				squares = 0;	/* of differences from the mean so far (Welford) */
	int64		rows = 0;

	if (plan == NULL)
		elog(ERROR, "cannot prepare \"%s\"", f->query);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		datum = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
			double		value,
						delta;

			rows++;
			if (isnull)
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("metric %s returned NULL", f->name)));
			value = DatumGetFloat8(datum);
			sum += value;
			delta = value - mean;
			mean += delta / rows;
			squares += delta * (value - mean);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	*standard_error = f->aggregate || rows < 2 ? NAN : sqrt(squares / (rows - 1) / rows);
	return sum / rows;
}

typedef struct MetricCall
{
	const MosaicMetricFunction *function;
	EphemeralNamedRelation rows;
	double		value,
				standard_error;
} MetricCall;

static void
call_metric(void *arg)
{
	MetricCall *call = arg;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_register_relation(call->rows) != SPI_OK_REL_REGISTER)
		elog(ERROR, "SPI_register_relation failed");
	call->value = mean_of(call->function, &call->standard_error);
	SPI_finish();
}

double
mosaic_metric_value(const MosaicMetricFunction *f, Tuplestorestate *rows, TupleDesc desc, double *standard_error)
{
	EphemeralNamedRelationData relation = {0};
	MetricCall	call = {f, &relation};

	relation.md.name = MOSAIC_METRIC_ROWS;
	relation.md.reliddesc = InvalidOid;
	relation.md.tupdesc = desc;
	relation.md.enrtype = ENR_NAMED_TUPLESTORE;
	relation.md.enrtuples = tuplestore_tuple_count(rows);
	relation.reldata = rows;
	mosaic_run_read_only(call_metric, &call);
	*standard_error = call.standard_error;
	return call.value;
}
