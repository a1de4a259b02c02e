/*
 * check_model.c
 *		check_model(): what of a model file can be run, without importing it.
 */
#include "postgres.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "catalog.h"
#include "errors.h"
#include "source.h"

static void
free_check(void *arg)
{
	mosaic_check_free(arg);
}

static Datum
check_model(FunctionCallInfo fcinfo, MosaicHostSource *source)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicImportOptions options = {
		.model_name = "",.block_height = MOSAIC_DEFAULT_BLOCK_HEIGHT,.weight_dtype = MOSAIC_FLOAT,
		.ascii_names = GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII
	};
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	MosaicCheck *check;
	MosaicError error;

	if (mosaic_check_new(mosaic_source_callbacks(source), &options, &check, &error) != MOSAIC_OK)
	{
		if (error.code == MOSAIC_E_HOST)
			mosaic_source_rethrow(source);
		mosaic_report(&error);
	}
	callback->func = free_check;
	callback->arg = check;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	mosaic_source_close(source);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < mosaic_check_count(check); i++)
	{
		MosaicOperatorUse use = mosaic_check_use(check, i);
		bool		whole = use.op_type[0] == '\0';
		Datum		values[5] = {0};
		bool		nulls[5] = {whole, whole, whole, false, use.supported};

		values[0] = CStringGetTextDatum(use.op_type);
		values[1] = CStringGetTextDatum(use.domain[0] == '\0' ? "ai.onnx" : use.domain);
		values[2] = Int64GetDatum(use.count);
		values[3] = BoolGetDatum(use.supported);
		values[4] = CStringGetTextDatum(use.reason);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_check_path);
Datum
mosaic_pg_check_path(PG_FUNCTION_ARGS)
{
	return check_model(fcinfo, mosaic_source_file(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_check_bytea);
Datum
mosaic_pg_check_bytea(PG_FUNCTION_ARGS)
{
	bytea	   *content = PG_GETARG_BYTEA_PP(0);

	return check_model(fcinfo, mosaic_source_memory(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_check_lo);
Datum
mosaic_pg_check_lo(PG_FUNCTION_ARGS)
{
	return check_model(fcinfo, mosaic_source_large_object(PG_GETARG_OID(0)));
}
