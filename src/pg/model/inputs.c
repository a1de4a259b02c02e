/*
 * inputs.c
 *		What was set of a model's inputs: set_inputs().
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "catalog.h"
#include "errors.h"
#include "inputs.h"
#include "json_value.h"
#include "model_cache.h"
#include "row.h"

#define MAX_MAP_BYTES (1024 * 1024)

pg_noreturn static void
refuse(const char *what, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", what), hint ? errhint("%s", hint) : 0));
}

static int
find_input(const MosaicModel *model, const JsonbValue *key)
{
	for (int i = 0; i < mosaic_model_input_count(model); i++)
	{
		const char *name = mosaic_model_input(model, i)->name;

		if (strlen(name) == key->val.string.len && memcmp(name, key->val.string.val, key->val.string.len) == 0)
			return i;
	}
	return -1;
}

static char *
column_name(const JsonbValue *v)
{
	if (v->type != jbvString || v->val.string.len == 0)
		refuse("columns of inputs are names, or arrays of names", NULL);
	return pnstrdup(v->val.string.val, v->val.string.len);
}

/* A name, or an array of names. */
static void
read_columns(const JsonbValue *value, MosaicInputOption *option)
{
	JsonbIterator *it;
	JsonbValue	v;
	JsonbIteratorToken token;

	if (value->type != jbvBinary)
	{
		option->columns = palloc(sizeof *option->columns);
		option->columns[option->ncolumns++] = column_name(value);
		return;
	}
	if (!JsonContainerIsArray(value->val.binary.data) || JsonContainerSize(value->val.binary.data) == 0)
		refuse("columns of inputs are names, or arrays of names", NULL);
	option->columns = palloc(JsonContainerSize(value->val.binary.data) * sizeof *option->columns);
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			option->columns[option->ncolumns++] = column_name(&v);
}

/* Reads one object of the map, the values of its inputs by read.  Those that are no inputs are named all together. */
typedef void (*ReadFn) (const JsonbValue *value, MosaicInputOption *option, const MosaicValueInfo *info, const char *what);

static void
read_object(const JsonbValue *map, const char *key, const MosaicModel *model, const char *name, MosaicInputOptions *out,
			ReadFn read)
{
	JsonbValue	object;
	JsonbValue	v;
	JsonbIterator *it;
	JsonbIteratorToken token;
	StringInfoData unknown;
	int			input = -1;

	if (getKeyJsonValueFromContainer(map->val.binary.data, key, strlen(key), &object) == NULL || object.type == jbvNull)
		return;
	if (object.type != jbvBinary || !JsonContainerIsObject(object.val.binary.data))
		refuse(psprintf("%s of inputs must be a JSON object", key), "Its keys are inputs of the model.");
	initStringInfo(&unknown);
	it = JsonbIteratorInit(object.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			input = find_input(model, &v);
			if (input < 0)
				appendStringInfo(&unknown, "%s\"%s\"", unknown.len ? ", " : "",
								 mosaic_shown_name(v.val.string.val, v.val.string.len));
		}
		else if (token == WJB_VALUE && input >= 0)
		{
			const MosaicValueInfo *info = mosaic_model_input(model, input);

			read(&v, &out->inputs[input], info,
				 psprintf("model \"%s\", input \"%s\"", name, mosaic_shown_name(info->name, (int) strlen(info->name))));
		}
	}
	if (unknown.len > 0)
		refuse(psprintf("model \"%s\" has no inputs %s", mosaic_shown_name(name, (int) strlen(name)), unknown.data),
			   "mosaic.models shows its inputs.");
}

static void
read_columns_of(const JsonbValue *value, MosaicInputOption *option, const MosaicValueInfo *info, const char *what)
{
	read_columns(value, option);
}

static void
read_null_of(const JsonbValue *value, MosaicInputOption *option, const MosaicValueInfo *info, const char *what)
{
	mosaic_json_element(value, info->dtype, option->null.bytes, 0, what);
	option->has_null = true;
}

static MosaicInputOptions *
new_options(const MosaicModel *model)
{
	MosaicInputOptions *options = palloc0(sizeof *options);

	options->n = mosaic_model_input_count(model);
	options->inputs = palloc0(Max(options->n, 1) * sizeof *options->inputs);
	return options;
}

/* Errors: 22023, 22003. */
static MosaicInputOptions *
read_map(Jsonb *json, const MosaicModel *model, const char *name)
{
	MosaicInputOptions *options = new_options(model);
	JsonbValue	map = {.type = jbvBinary};
	JsonbValue	others;

	if (!JB_ROOT_IS_OBJECT(json))
		refuse("the map of inputs must be a JSON object", NULL);
	map.val.binary.data = &json->root;
	map.val.binary.len = VARSIZE(json) - VARHDRSZ;
	read_object(&map, "columns", model, name, options, read_columns_of);
	read_object(&map, "nulls", model, name, options, read_null_of);
	options->ignore_others = getKeyJsonValueFromContainer(&json->root, "ignore_others", strlen("ignore_others"), &others) &&
		others.type == jbvBool && others.val.boolean;
	return options;
}

static Jsonb *
json_of_text(const char *s)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(s)));
}

MosaicInputOptions *
mosaic_input_options(HeapTuple row, const MosaicModel *model, const char *name)
{
	bool		isnull;
	Datum		value = mosaic_model_option(row, Anum_model_input_map, &isnull);

	return isnull ? new_options(model) : read_map(json_of_text(mosaic_plain_text(value)), model, name);
}

/* ---- set_inputs() ---- */

static void
add_member(JsonbParseState **state, const char *key, Jsonb *object)
{
	JsonbValue	v = {.type = jbvString};

	if (object == NULL)
		return;
	v.val.string.val = unconstify(char *, key);
	v.val.string.len = (int) strlen(key);
	pushJsonbValue(state, WJB_KEY, &v);
	v.type = jbvBinary;
	v.val.binary.data = &object->root;
	v.val.binary.len = VARSIZE(object) - VARHDRSZ;
	pushJsonbValue(state, WJB_VALUE, &v);
}

static Jsonb *
make_map(Jsonb *columns, Jsonb *nulls, bool ignore_others)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString};
	JsonbValue	yes = {.type = jbvBool};

	if (columns && JB_ROOT_IS_SCALAR(columns))
		refuse("columns of inputs must be a JSON object", "Its keys are inputs of the model.");
	if (nulls && JB_ROOT_IS_SCALAR(nulls))
		refuse("nulls of inputs must be a JSON object", "Its keys are inputs of the model.");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	add_member(&state, "columns", columns);
	add_member(&state, "nulls", nulls);
	if (ignore_others)
	{
		key.val.string.val = "ignore_others";
		key.val.string.len = (int) strlen(key.val.string.val);
		yes.val.boolean = true;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &yes);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* An error where the map does not fit the model; the caller's row is of it. */
static void
check_map(Jsonb *map, HeapTuple row, const char *name)
{
	MosaicModelHandle *handle;

	/* The cache reads a model with the active snapshot. */
	PushActiveSnapshot(GetLatestSnapshot());
	handle = mosaic_model_acquire(row);
	PopActiveSnapshot();
	PG_TRY();
	{
		read_map(map, handle->model, name);
	}
	PG_FINALLY();
	{
		mosaic_model_release(handle);
	}
	PG_END_TRY();
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_set_inputs);
Datum
mosaic_pg_set_inputs(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	Jsonb	   *columns = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	Jsonb	   *nulls = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	bool		ignore_others = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	Snapshot	snapshot;
	HeapTuple	row;
	Jsonb	   *map;
	char	   *text;

	mosaic_check_catalogs();
	snapshot = mosaic_lock_store();
	row = mosaic_owned_model(name, snapshot);
	if (columns == NULL && nulls == NULL && !ignore_others)
		mosaic_clear_model(row, Anum_model_input_map);
	else
	{
		map = make_map(columns, nulls, ignore_others);
		text = JsonbToCString(NULL, &map->root, VARSIZE(map));
		if (strlen(text) > MAX_MAP_BYTES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the map of inputs has %zu bytes, at most %d are allowed", strlen(text), MAX_MAP_BYTES)));
		check_map(map, row, name);
		mosaic_update_model(row, Anum_model_input_map, CStringGetTextDatum(text));
	}
	UnregisterSnapshot(snapshot);
	PG_RETURN_VOID();
}

/* ---- replaced models ---- */

/* Whether a NULL of an input of dtype may be v, by its kind. */
static bool
may_be_null_of(int dtype, const JsonbValue *v)
{
	bool		is_float = dtype == MOSAIC_FLOAT || dtype == MOSAIC_DOUBLE || dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16;

	return dtype == MOSAIC_STRING ? v->type == jbvString : v->type != jbvString || is_float;
}

/* Whether all inputs that the map names are the model's, and of types that suit. */
static bool
fits_inputs(Jsonb *map, const char *key, const MosaicModel *model)
{
	JsonbValue	object;
	JsonbValue	v;
	JsonbIterator *it;
	JsonbIteratorToken token;
	int			input = -1;

	if (getKeyJsonValueFromContainer(&map->root, key, strlen(key), &object) == NULL || object.type != jbvBinary)
		return true;
	it = JsonbIteratorInit(object.val.binary.data);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY && (input = find_input(model, &v)) < 0)
			return false;
		if (token == WJB_VALUE && strcmp(key, "nulls") == 0 && !may_be_null_of(mosaic_model_input(model, input)->dtype, &v))
			return false;
	}
	return true;
}

void
mosaic_check_kept_inputs(const char *name)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	HeapTuple	row = mosaic_find_model(name, snapshot, RowExclusiveLock);
	bool		isnull = true;
	Datum		value = HeapTupleIsValid(row) ? mosaic_model_option(row, Anum_model_input_map, &isnull) : (Datum) 0;

	if (!isnull)
	{
		Jsonb	   *map = json_of_text(mosaic_plain_text(value));
		MosaicModelHandle *handle;
		bool		fits;

		PushActiveSnapshot(snapshot);
		handle = mosaic_model_acquire(row);
		PopActiveSnapshot();
		fits = fits_inputs(map, "columns", handle->model) && fits_inputs(map, "nulls", handle->model);
		mosaic_model_release(handle);
		if (!fits)
		{
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("model \"%s\" has other inputs now: what was set of them is dropped",
							mosaic_shown_name(name, (int) strlen(name))),
					 errhint("set_inputs() sets it anew.")));
			mosaic_clear_model(row, Anum_model_input_map);
		}
	}
	UnregisterSnapshot(snapshot);
}
