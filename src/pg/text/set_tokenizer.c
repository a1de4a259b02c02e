/*
 * set_tokenizer.c
 *		set_tokenizer(), drop_tokenizer().
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

static void
set_tokenizer(const char *name, const void *content, Size len)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic tokenizer",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	const char *description = describe(name, content, len);
	Snapshot	snapshot = mosaic_lock_store();
	HeapTuple	row = mosaic_owned_model(name, snapshot);
	int32		id = mosaic_store_tokenizer(content, len, description);

	if (id != mosaic_tokenizer_of(row))
	{
		mosaic_update_model(row, Anum_model_tokenizer, Int32GetDatum(id));
		mosaic_leave_tokenizer(mosaic_tokenizer_of(row));
	}
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
	set_tokenizer(name, VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
	PG_RETURN_VOID();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_tokenizer_path);
Datum
mosaic_pg_set_tokenizer_path(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	char	   *path = mosaic_name_argument(fcinfo, 1, "path");
	MosaicHostSource *source;
	const MosaicSource *callbacks;
	char	   *content;

	mosaic_check_catalogs();
	source = mosaic_source_file(path);
	callbacks = mosaic_source_callbacks(source);
	check_length(name, callbacks->size);
	content = palloc(callbacks->size + 1);
	for (uint64 pos = 0; pos < callbacks->size; pos += 1024 * 1024)
	{
		CHECK_FOR_INTERRUPTS();
		if (callbacks->read(callbacks->ctx, pos, Min(callbacks->size - pos, 1024 * 1024), content + pos) != 0)
			mosaic_source_rethrow(source);
	}
	set_tokenizer(name, content, callbacks->size);
	mosaic_source_close(source);
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

	if (mosaic_tokenizer_of(row) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("model \"%s\" has no tokenizer", name)));
	mosaic_clear_model(row, Anum_model_tokenizer);
	mosaic_leave_tokenizer(mosaic_tokenizer_of(row));
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}
