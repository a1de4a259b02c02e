/*
 * set_tokenizer.c
 *		set_tokenizer(), drop_tokenizer(), set_pooling().
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "mosaic/capi_text.h"

#include "admin.h"
#include "catalog.h"
#include "errors.h"
#include "source.h"
#include "text_options.h"
#include "tokenizer_store.h"

/* Of a tokenizer that was compiled to see that it can be. */
typedef struct Checked
{
	MemoryContextCallback callback;
	MosaicTokenizer *tokenizer;
} Checked;

static void
free_checked(void *arg)
{
	mosaic_tokenizer_free(((Checked *) arg)->tokenizer);
}

/* What it is, as JSON; an error where it is no tokenizer.  Valid for the current context. */
static const char *
describe(const char *name, const void *content, Size len)
{
	Checked    *checked = palloc0(sizeof *checked);
	MosaicError error;
	const char *json;

	checked->callback.func = free_checked;
	checked->callback.arg = checked;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &checked->callback);
	if (mosaic_tokenizer_new(content, len, &checked->tokenizer, &error) != MOSAIC_OK ||
		mosaic_tokenizer_describe(checked->tokenizer, &json, &error) != MOSAIC_OK)
	{
		MosaicError named = error;

		snprintf(named.message, sizeof named.message, "tokenizer of model \"%s\": %.900s",
				 mosaic_shown_name(name, (int) strlen(name)), error.message);
		mosaic_report(&named);
	}
	return json;
}

void
mosaic_set_tokenizer(const char *name, const void *content, Size len, int max_tokens, bool truncate)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic tokenizer",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	const char *description = describe(name, content, len);
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	int32		old = mosaic_tokenizer_of(row),
				id = mosaic_store_tokenizer(content, len, description);
	const int	columns[] = {Anum_model_tokenizer, Anum_model_max_tokens, Anum_model_truncates};
	Datum		values[] = {Int32GetDatum(id), Int32GetDatum(max_tokens), BoolGetDatum(truncate)};
	bool		nulls[] = {false, max_tokens == 0, truncate};

	mosaic_update_columns(row, lengthof(columns), columns, values, nulls);
	if (id != old)
		mosaic_leave_tokenizer(old);
	UnregisterSnapshot(snapshot);
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
}

static void
check_length(const char *name, uint64 len)
{
	if (len > MOSAIC_MAX_TOKENIZER_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("tokenizer of model \"%s\": it has " UINT64_FORMAT " bytes, at most %d are allowed",
						mosaic_shown_name(name, (int) strlen(name)), len, MOSAIC_MAX_TOKENIZER_BYTES)));
}

/* The third argument; 0: the tokenizer says it. */
static int
max_tokens_argument(FunctionCallInfo fcinfo)
{
	int			max_tokens = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);

	if (max_tokens < 1 && !PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_tokens must be at least 1, not %d", max_tokens)));
	return max_tokens;
}

/* The fourth argument. */
static bool
truncate_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("truncate must not be NULL")));
	return PG_GETARG_BOOL(3);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_tokenizer_bytea);
Datum
mosaic_pg_set_tokenizer_bytea(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	bytea	   *content;

	mosaic_check_catalogs();
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the content must not be NULL"),
				 errhint("drop_tokenizer() takes its tokenizer from a model.")));
	content = PG_GETARG_BYTEA_PP(1);
	check_length(name, VARSIZE_ANY_EXHDR(content));
	mosaic_set_tokenizer(name, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), max_tokens_argument(fcinfo),
						 truncate_argument(fcinfo));
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_tokenizer_path);
Datum
mosaic_pg_set_tokenizer_path(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	char	   *path = mosaic_name_argument(fcinfo, 1, "path");
	int			max_tokens = max_tokens_argument(fcinfo);
	Size		len;
	char	   *content;

	mosaic_check_catalogs();
	content = mosaic_read_server_file(path, MOSAIC_MAX_TOKENIZER_BYTES, &len);
	mosaic_set_tokenizer(name, content, len, max_tokens, truncate_argument(fcinfo));
	pfree(content);
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_drop_tokenizer);
Datum
mosaic_pg_drop_tokenizer(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	const int	columns[] = {Anum_model_tokenizer, Anum_model_max_tokens, Anum_model_truncates};
	Datum		values[] = {(Datum) 0, (Datum) 0, (Datum) 0};
	bool		nulls[] = {true, true, true};

	if (mosaic_tokenizer_of(row) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model \"%s\" has no tokenizer", name)));
	mosaic_update_columns(row, lengthof(columns), columns, values, nulls);
	mosaic_leave_tokenizer(mosaic_tokenizer_of(row));
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

void
mosaic_set_pooling(const char *name, const char *pooling, bool normalize)
{
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	const int	columns[] = {Anum_model_pooling, Anum_model_normalized};
	Datum		values[] = {pooling ? CStringGetTextDatum(pooling) : (Datum) 0, BoolGetDatum(normalize)};
	bool		nulls[] = {pooling == NULL, pooling == NULL};

	mosaic_update_columns(row, lengthof(columns), columns, values, nulls);
	UnregisterSnapshot(snapshot);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_pooling);
Datum
mosaic_pg_set_pooling(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	char	   *pooling = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	MosaicPooling known;

	mosaic_check_catalogs();
	if (pooling && !mosaic_pooling_by_name(pooling, &known))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pooling \"%s\" is not known", pooling),
				 errhint("It is mean, cls, max or last; NULL takes what was set from a model.")));
	mosaic_set_pooling(name, pooling, !PG_ARGISNULL(2) && PG_GETARG_BOOL(2));
	PG_RETURN_VOID();
}
