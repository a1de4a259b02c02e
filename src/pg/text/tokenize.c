/*
 * tokenize.c
 *		tokenize(), token_count(), detokenize().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "aliases.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "errors.h"
#include "time_limit.h"
#include "tokenizer_cache.h"
#include "view.h"

/* Of one call in a query; hangs at flinfo->fn_extra. */
typedef struct TextCall
{
	MemoryContextCallback callback;
	MosaicView	view;
	char	   *name;
	MosaicTokenizerHandle *handle;
	int64		max_tokens;		/* of the model; 0: as the tokenizer says */
} TextCall;

static void
release(void *arg)
{
	TextCall   *call = arg;

	if (call->handle)
		mosaic_tokenizer_release(call->handle);
	call->handle = NULL;
}

static void
resolve(TextCall *call, const char *name)
{
	HeapTuple	row = mosaic_usable_model(name, NULL);
	Datum		max_tokens;
	bool		isnull;

	max_tokens = mosaic_model_option(row, Anum_model_max_tokens, &isnull);
	call->max_tokens = isnull ? 0 : DatumGetInt32(max_tokens);
	call->handle = mosaic_tokenizer_acquire(row, GetActiveSnapshot());
	if (call->handle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no tokenizer", name),
				 errhint("set_tokenizer() gives it one.")));
}

/* The encoder of the model that the first argument names. */
static MosaicEncoder *
encoder_argument(FunctionCallInfo fcinfo)
{
	TextCall   *call = fcinfo->flinfo->fn_extra;
	text	   *argument = PG_GETARG_TEXT_PP(0);
	MosaicView	view = mosaic_current_view();

	if (call == NULL)
	{
		call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *call);
		call->callback.func = release;
		call->callback.arg = call;
		MemoryContextRegisterResetCallback(fcinfo->flinfo->fn_mcxt, &call->callback);
		fcinfo->flinfo->fn_extra = call;
	}
	if (call->handle == NULL || memcmp(&call->view, &view, sizeof view) != 0 ||
		strlen(call->name) != VARSIZE_ANY_EXHDR(argument) ||
		memcmp(call->name, VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument)) != 0)
	{
		char	   *name = text_to_cstring(argument);

		release(call);
		resolve(call, name);
		if (call->name)
			pfree(call->name);
		call->name = NULL;
		call->name = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, name);
		call->view = view;
		pfree(name);
	}
	return mosaic_tokenizer_encoder(call->handle);
}

/* The tokens of the text that is the second argument. */
static MosaicTokens
encode(FunctionCallInfo fcinfo, bool special_tokens, bool truncate)
{
	MosaicEncoder *encoder = encoder_argument(fcinfo);
	text	   *argument = PG_GETARG_TEXT_PP(1);
	MosaicEncodeOptions options = {.special_tokens = special_tokens,.truncate = truncate};
	MosaicTokens tokens;
	MosaicError error;
	MosaicCode	code;
	int64		limit = mosaic_time_limit(1);
	char	   *utf8 = VARDATA_ANY(argument);
	Size		len = VARSIZE_ANY_EXHDR(argument);

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		char	   *converted = pg_server_to_any(utf8, (int) len, PG_UTF8);

		if (converted != utf8)
			len = strlen(converted);
		utf8 = converted;
	}
	if (truncate)
		options.max_length = ((TextCall *) fcinfo->flinfo->fn_extra)->max_tokens;
	if (mosaic_encoder_start(encoder, utf8, len, NULL, 0, &options, &error) != MOSAIC_OK)
		mosaic_report(&error);
	while ((code = mosaic_encoder_step(encoder, &tokens, &error)) == MOSAIC_MORE)
		mosaic_check_time_limit(limit);
	if (code != MOSAIC_OK)
		mosaic_report(&error);
	return tokens;
}

/* A long text or list of tokens is not to cost memory for the rest of the statement. */
static void
give_back(FunctionCallInfo fcinfo)
{
	mosaic_encoder_give_back(mosaic_tokenizer_encoder(((TextCall *) fcinfo->flinfo->fn_extra)->handle));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_tokenize);
Datum
mosaic_pg_tokenize(PG_FUNCTION_ARGS)
{
	MosaicTokens tokens = encode(fcinfo, PG_GETARG_BOOL(2), PG_GETARG_BOOL(3));
	Size		size = ARR_OVERHEAD_NONULLS(1) + tokens.count * sizeof(int32);
	ArrayType  *array;

	if (tokens.count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT4OID));
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = INT4OID;
	ARR_DIMS(array)[0] = (int) tokens.count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), tokens.ids, tokens.count * sizeof(int32));
	give_back(fcinfo);
	PG_RETURN_ARRAYTYPE_P(array);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_token_count);
Datum
mosaic_pg_token_count(PG_FUNCTION_ARGS)
{
	int32		count = (int32) encode(fcinfo, true, false).count;

	give_back(fcinfo);
	PG_RETURN_INT32(count);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_detokenize);
Datum
mosaic_pg_detokenize(PG_FUNCTION_ARGS)
{
	MosaicEncoder *encoder = encoder_argument(fcinfo);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	MosaicError error;
	const char *utf8;
	char	   *converted;
	text	   *result;
	size_t		len;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tokens must be an array of one dimension")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("tokens must not be NULL")));
	if (mosaic_encoder_decode(encoder, (const int32 *) ARR_DATA_PTR(array),
							  ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), PG_GETARG_BOOL(2),
							  &utf8, &len, &error) != MOSAIC_OK)
		mosaic_report(&error);
	/* Also where nothing is converted it is checked: a vocabulary may have what no text can. */
	converted = pg_any_to_server(utf8, (int) len, PG_UTF8);
	result = cstring_to_text_with_len(converted, converted == utf8 ? (int) len : (int) strlen(converted));
	give_back(fcinfo);
	PG_RETURN_TEXT_P(result);
}
