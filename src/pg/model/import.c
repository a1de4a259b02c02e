/*
 * import.c
 *		import_model(): stores a model, and has it judged where that is asked for.
 *
 * All in the caller's transaction: an error at any point leaves nothing behind.
 */
#include "postgres.h"

#include <math.h>
#include <sys/stat.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "admin.h"
#include "catalog.h"
#include "dedup.h"
#include "folder.h"
#include "labels.h"
#include "model_cache.h"
#include "stage_model.h"
#include "store_model.h"
#include "versions.h"

/* In which type matrices of weights are stored. */
static int
dtype_option(FunctionCallInfo fcinfo)
{
	char	   *dtype = PG_ARGISNULL(15) ? "f32" : text_to_cstring(PG_GETARG_TEXT_PP(15));

	if (strcmp(dtype, "f32") == 0)
		return MOSAIC_FLOAT;
	if (strcmp(dtype, "bf16") == 0)
		return MOSAIC_BFLOAT16;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("dtype \"%s\" of import_model() is not \"f32\" or \"bf16\"", dtype)));
}

/* How many of the versions that were replaced stay, where that is said. */
static int
keep_option(FunctionCallInfo fcinfo)
{
	if (PG_NARGS() < 18 || PG_ARGISNULL(17))
		return MOSAIC_KEEP_ALL;
	if (PG_GETARG_INT32(17) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep of import_model() must not be negative")));
	return PG_GETARG_INT32(17);
}

/* What counts items, where that is said. */
static char *
batch_axis_option(FunctionCallInfo fcinfo)
{
	return PG_NARGS() < 19 || PG_ARGISNULL(18) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(18));
}

/* Where the model's weights, or those of its base, come from. */
typedef MosaicHostSource *(*OpenSource) (Datum content);

static MosaicHostSource *
open_path(Datum path)
{
	return mosaic_source_file(TextDatumGetCString(path));
}

static MosaicHostSource *
open_bytes(Datum bytes)
{
	bytea	   *content = DatumGetByteaPP(bytes);

	return mosaic_source_memory(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
}

static MosaicHostSource *
open_large_object(Datum loid)
{
	return mosaic_source_large_object(DatumGetObjectId(loid));
}

/* The model whose graph has the weights of source, or that source is an adapter of, where that is said. */
static MosaicLike *
like_option(FunctionCallInfo fcinfo, MosaicHostSource *source, OpenSource open, const MosaicAdapterText *config)
{
	MosaicLike *like;

	if (PG_NARGS() < 21)
		return NULL;
	if (PG_ARGISNULL(19))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the model that another one is made of must not be NULL")));
	like = mosaic_like_open(TextDatumGetCString(PG_GETARG_DATUM(19)), source,
							PG_ARGISNULL(20) ? NULL : open(PG_GETARG_DATUM(20)));
	if (config)
		mosaic_like_adapt(like, config);
	return like;
}

/*
 * Whether the model is to be judged, or near duplicates are asked for; then how.  Rounded weights are
 * judged where there is a validation query.  *lossless: whether blocks may become deltas, which changes no
 * weight.
 */
static bool
wants_dedup(FunctionCallInfo fcinfo, bool rounded, MosaicDedupArguments *args, bool *lossless)
{
	char	   *dedup = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	bool		ladder = dedup && strcmp(dedup, "ladder") == 0;
	bool		near = ladder || (dedup && strcmp(dedup, "near") == 0);

	*lossless = dedup && strcmp(dedup, "lossless") == 0;
	if (!near && !*lossless && (dedup == NULL || strcmp(dedup, "exact") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dedup must be \"exact\", \"near\", \"lossless\" or \"ladder\"")));
	if (!near && !PG_ARGISNULL(14))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_weight_error is for dedup => 'near' or 'ladder'")));
	if (!near && !rounded && !PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("validation is for dedup => 'near' or 'ladder', or dtype => 'bf16'")));
	if (!near && PG_ARGISNULL(5))
		return false;
	mosaic_dedup_arguments(fcinfo, 5, args);
	args->exact = !near;
	args->options.ladder = ladder;
	args->options.of_original = rounded && args->validation;
	return true;
}

/* The names of the classes, where they are given with the model. */
static void
give_labels(FunctionCallInfo fcinfo, const char *name)
{
	Snapshot	snapshot;

	if (PG_NARGS() < 17 || PG_ARGISNULL(16))
		return;
	snapshot = mosaic_lock_store();
	mosaic_set_labels(name, mosaic_find_model(name, snapshot, RowExclusiveLock), PG_GETARG_ARRAYTYPE_P(16));
	UnregisterSnapshot(snapshot);
}

static Datum
import_row(FunctionCallInfo fcinfo, const char *name, const MosaicImportStats *stats,
		   const MosaicDedupOutcome *outcome, TimestampTz start)
{
	TupleDesc	desc;
	Datum		values[13];
	bool		nulls[13] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum((int32) stats->tensors);
	values[2] = Int32GetDatum((int32) stats->blocks);
	values[3] = Int32GetDatum((int32) stats->shared);
	values[4] = Int64GetDatum(stats->weight_bytes);
	values[5] = Int64GetDatum(stats->new_bytes);
	values[6] = Int64GetDatum(outcome->result.merged);
	values[7] = Int64GetDatum(outcome->bytes_freed);
	values[8] = Float8GetDatum(outcome->result.metric_before);
	values[9] = Float8GetDatum(outcome->result.metric_after);
	nulls[8] = nulls[9] = !outcome->judged;
	values[10] = Int32GetDatum((int32) outcome->result.evaluations);
	values[11] = Float8GetDatum((GetCurrentTimestamp() - start) / 1e6);
	values[12] = Float8GetDatum(outcome->standard_error);
	nulls[12] = !outcome->judged || isnan(outcome->standard_error);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

static void
release_original(void *arg)
{
	mosaic_model_release(arg);
}

/* The model as it is staged, until the current memory context is reset. */
static MosaicModelHandle *
hold_model(const MosaicStagedModel *staged)
{
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	MosaicModelHandle *handle;

	/* The cache reads a model with the active snapshot. */
	PushActiveSnapshot(GetLatestSnapshot());
	handle = mosaic_model_acquire(staged->row);
	PopActiveSnapshot();
	callback->func = release_original;
	callback->arg = handle;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return handle;
}

/* Both are only staged: nobody waits while they are judged. */
static void
stage(MosaicHostSource *source, const char *name, const MosaicModelOptions *options,
	  MosaicDedupArguments *args, MosaicImportStats *stats)
{
	MosaicStagedModel *original = NULL;

	if (args->options.of_original)
	{
		MosaicModelOptions in_float = *options;

		in_float.dtype = MOSAIC_FLOAT;
		original = mosaic_stage_model(source, name, &in_float, stats);
		args->original = hold_model(original);
	}
	args->staged = mosaic_stage_model(source, name, options, stats);
	args->staged->original = original;
}

/*
 * folder: where the source lies, if that is a folder with more than the model; or NULL.  config: of an adapter; or NULL.
 */
static Datum
import(FunctionCallInfo fcinfo, MosaicHostSource *source, OpenSource open, const MosaicFolder *folder,
	   const MosaicAdapterText *config, const char *name)
{
	TimestampTz start = GetCurrentTimestamp();
	MosaicDedupArguments args;
	MosaicDedupOutcome outcome = {0};
	MosaicModelOptions options = {
		.domain = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)),
		.dtype = dtype_option(fcinfo),.replace = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2),
		.keep = keep_option(fcinfo),.batch_axis = batch_axis_option(fcinfo),
		.like = like_option(fcinfo, source, open, config)
	};
	bool		dedup = wants_dedup(fcinfo, options.dtype != MOSAIC_FLOAT, &args, &options.lossless);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic staged model",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	MosaicImportStats stats;

	if (dedup)
		stage(source, name, &options, &args, &stats);
	else
		mosaic_store_model(source, name, &options, &stats);
	mosaic_source_close(source);
	if (options.like)
		mosaic_like_close(options.like);
	MemoryContextSwitchTo(saved);
	if (dedup)
		mosaic_dedup_stored(name, &args, &outcome);
	MemoryContextDelete(cxt);
	if (folder)
		mosaic_apply_folder(folder, name);
	give_labels(fcinfo, name);
	return import_row(fcinfo, name, &stats, &outcome, start);
}

/* The name, checked; an error where it or the second argument is NULL. */
static char *
check_arguments(FunctionCallInfo fcinfo, const char *second)
{
	char	   *name;

	mosaic_check_catalogs();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the %s of import_model() must not be NULL", PG_ARGISNULL(0) ? "name" : second)));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mosaic_check_name(name);
	return name;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_import_path);
Datum
mosaic_pg_import_path(PG_FUNCTION_ARGS)
{
	char	   *name = check_arguments(fcinfo, "path");
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MosaicFolder *folder = mosaic_open_folder(path);

	return import(fcinfo, mosaic_source_file(folder ? mosaic_folder_model(folder) : path), open_path, folder, NULL, name);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_import_bytea);
Datum
mosaic_pg_import_bytea(PG_FUNCTION_ARGS)
{
	char	   *name = check_arguments(fcinfo, "content");

	return import(fcinfo, open_bytes(PG_GETARG_DATUM(1)), open_bytes, NULL, NULL, name);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_import_lo);
Datum
mosaic_pg_import_lo(PG_FUNCTION_ARGS)
{
	char	   *name = check_arguments(fcinfo, "large object");

	return import(fcinfo, open_large_object(PG_GETARG_DATUM(1)), open_large_object, NULL, NULL, name);
}

/*
 * import_model() with options that its first form, whose arguments are those of 0.1.0, has not: the
 * last so many of batch_axis, keep and labels, in this order, come third, because those that follow
 * may be left out.  Here they go last, in the opposite order.
 */
static Datum
with_options(FunctionCallInfo fcinfo, int options, PGFunction import_from)
{
	LOCAL_FCINFO(inner, 19);

	mosaic_check_catalogs();
	InitFunctionCallInfoData(*inner, fcinfo->flinfo, 16 + options, InvalidOid, fcinfo->context, fcinfo->resultinfo);
	memcpy(inner->args, fcinfo->args, 2 * sizeof inner->args[0]);
	memcpy(inner->args + 2, fcinfo->args + 2 + options, 14 * sizeof inner->args[0]);
	for (int i = 0; i < options; i++)
		inner->args[16 + i] = fcinfo->args[1 + options - i];
	/* Where keep may be left out, replace is false unless it is said: versions are kept of what is replaced. */
	if (options == 3 && !inner->args[17].isnull)
		inner->args[2] = (NullableDatum) {.value = BoolGetDatum(true)};
	return import_from(inner);
}

#define IMPORT_WITH(name, options, import_from) \
PGDLLEXPORT PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	return with_options(fcinfo, options, import_from); \
}

IMPORT_WITH(mosaic_pg_import_path_labels, 1, mosaic_pg_import_path)
IMPORT_WITH(mosaic_pg_import_bytea_labels, 1, mosaic_pg_import_bytea)
IMPORT_WITH(mosaic_pg_import_lo_labels, 1, mosaic_pg_import_lo)
IMPORT_WITH(mosaic_pg_import_path_keep, 2, mosaic_pg_import_path)
IMPORT_WITH(mosaic_pg_import_bytea_keep, 2, mosaic_pg_import_bytea)
IMPORT_WITH(mosaic_pg_import_lo_keep, 2, mosaic_pg_import_lo)
IMPORT_WITH(mosaic_pg_import_path_axis, 3, mosaic_pg_import_path)
IMPORT_WITH(mosaic_pg_import_bytea_axis, 3, mosaic_pg_import_bytea)
IMPORT_WITH(mosaic_pg_import_lo_axis, 3, mosaic_pg_import_lo)

/*
 * With the model that another one is made of: base and base_weights are at these places, keep and labels before
 * replace.  Here they go last, with batch_axis, which is the graph's, between them.
 */
static Datum
with_base(FunctionCallInfo fcinfo, int content, int base, int base_weights, int keep, OpenSource open,
		  const MosaicAdapterText *config, const char *name)
{
	LOCAL_FCINFO(inner, 21);

	InitFunctionCallInfoData(*inner, fcinfo->flinfo, 21, InvalidOid, fcinfo->context, fcinfo->resultinfo);
	inner->args[0] = fcinfo->args[0];
	inner->args[1] = fcinfo->args[content];
	memcpy(inner->args + 2, fcinfo->args + keep + 2, 14 * sizeof inner->args[0]);
	inner->args[16] = fcinfo->args[keep + 1];
	inner->args[17] = fcinfo->args[keep];
	inner->args[18] = (NullableDatum) {.isnull = true};
	inner->args[19] = fcinfo->args[base];
	inner->args[20] = fcinfo->args[base_weights];
	if (!inner->args[17].isnull)
		inner->args[2] = (NullableDatum) {.value = BoolGetDatum(true)};
	return import(inner, open(inner->args[1].value), open, NULL, config, name);
}

/* import_model(name, weights, like, base_weights, keep, ...) */
#define IMPORT_LIKE(name, open) \
PGDLLEXPORT PG_FUNCTION_INFO_V1(name); \
Datum \
name(PG_FUNCTION_ARGS) \
{ \
	return with_base(fcinfo, 1, 2, 3, 4, open, NULL, check_arguments(fcinfo, "weights")); \
}

IMPORT_LIKE(mosaic_pg_import_path_like, open_path)
IMPORT_LIKE(mosaic_pg_import_bytea_like, open_bytes)
IMPORT_LIKE(mosaic_pg_import_lo_like, open_large_object)

/* ---- import_adapter(name, base, adapter, base_weights, config, keep, ...) ---- */

#define MAX_CONFIG_BYTES (1024 * 1024)

/* What is said of the adapter, as text; NULL: nothing. */
static char *
config_option(FunctionCallInfo fcinfo)
{
	Jsonb	   *config;

	if (PG_ARGISNULL(4))
		return NULL;
	config = PG_GETARG_JSONB_P(4);
	return JsonbToCString(NULL, &config->root, VARSIZE(config));
}

static void
no_config(const char *where)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the scale of the adapter is not known"),
			 where ? errdetail("There is no file \"%s\".", where) : 0,
			 errhint("Give what adapter_config.json has: config => '{\"lora_alpha\": 16}'.")));
}

/* config: its text, or NULL; in_order: keys are in the order of the file. */
static Datum
import_adapter(FunctionCallInfo fcinfo, OpenSource open, const char *config, bool in_order)
{
	char	   *name;
	MosaicAdapterText said;

	mosaic_check_catalogs();
	for (int i = 0; i < 3; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the %s of import_adapter() must not be NULL", i == 0 ? "name" : i == 1 ? "base" : "adapter")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	mosaic_check_name(name);
	if (config == NULL)
		no_config(NULL);
	said = (MosaicAdapterText) {.text = config,.bytes = strlen(config),.in_order = in_order};
	return with_base(fcinfo, 2, 1, 3, 5, open, &said, name);
}

/* The file itself, or of a folder the one that PEFT puts there. */
static char *
adapter_file(char *path)
{
	struct stat st;

	mosaic_check_server_files();
	if (stat(path, &st) != 0)
		mosaic_cannot_open(path);
	return S_ISDIR(st.st_mode) ? psprintf("%s/adapter_model.safetensors", path) : path;
}

/* What adapter_config.json beside a file has. */
static char *
config_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	char	   *beside = psprintf("%.*sadapter_config.json", slash ? (int) (slash - path + 1) : 0, path);
	struct stat st;
	Size		len;

	if (stat(beside, &st) != 0 && errno == ENOENT)
		no_config(beside);
	return mosaic_read_server_file(beside, MAX_CONFIG_BYTES, &len);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_adapter_path);
Datum
mosaic_pg_adapter_path(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(given, FUNC_MAX_ARGS);
	char	   *config = config_option(fcinfo);
	bool		beside = config == NULL;

	/* What the arguments are is the executor's. */
	memcpy(given, fcinfo, SizeForFunctionCallInfo(fcinfo->nargs));
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		char	   *path;

		mosaic_check_catalogs();
		path = adapter_file(text_to_cstring(PG_GETARG_TEXT_PP(2)));
		if (beside)
			config = config_beside(path);
		given->args[2].value = CStringGetTextDatum(path);
	}
	return import_adapter(given, open_path, config, beside);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_adapter_bytea);
Datum
mosaic_pg_adapter_bytea(PG_FUNCTION_ARGS)
{
	return import_adapter(fcinfo, open_bytes, config_option(fcinfo), false);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_adapter_lo);
Datum
mosaic_pg_adapter_lo(PG_FUNCTION_ARGS)
{
	return import_adapter(fcinfo, open_large_object, config_option(fcinfo), false);
}
