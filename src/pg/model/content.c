/*
 * content.c
 *		What a model is, whatever it is called: content_id().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "admin.h"
#include "catalog.h"
#include "content.h"
#include "labels.h"
#include "model_cache.h"
#include "model_rows.h"
#include "pins.h"
#include "row.h"
#include "tokenizer_store.h"

/* Begins the key of a content; no name that people give a model does. */
#define CONTENT_KEY "\001content "

/* Raised where the id is computed in another way. */
#define CONTENT_VERSION 1

/* ---- keys ---- */

text *
mosaic_model_key(Datum value, Oid type)
{
	if (type != UUIDOID)
		return DatumGetTextPP(value);
	return cstring_to_text(psprintf(CONTENT_KEY "%s", DatumGetCString(DirectFunctionCall1(uuid_out, value))));
}

text *
mosaic_model_argument(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);

	/* Who calls without an expression means what is declared. */
	if (!OidIsValid(type))
	{
		Oid		   *types;
		int			n;

		get_func_signature(fcinfo->flinfo->fn_oid, &types, &n);
		type = n > 0 ? types[0] : TEXTOID;
	}
	return mosaic_model_key(PG_GETARG_DATUM(0), type);
}

bool
mosaic_is_content(text *key, pg_uuid_t *id)
{
	Size		n = strlen(CONTENT_KEY);
	char	   *digits;

	if (VARSIZE_ANY_EXHDR(key) <= n || memcmp(VARDATA_ANY(key), CONTENT_KEY, n) != 0)
		return false;
	digits = pnstrdup(VARDATA_ANY(key) + n, VARSIZE_ANY_EXHDR(key) - n);
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(digits)));
	return true;
}

char *
mosaic_shown_key(text *key)
{
	char	   *s = text_to_cstring(key);

	return *s == CONTENT_KEY[0] ? s + 1 : s;
}

/* ---- looking up ---- */

HeapTuple
mosaic_usable_content(const pg_uuid_t *id)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row,
				usable = NULL;
	bool		found = false;
	const char *shown = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));

	ScanKeyInit(&key, Anum_model_content, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(id));
	scan = systable_beginscan(rel, mosaic_relid("model_content_idx"), true, GetActiveSnapshot(), 1, &key);
	while (usable == NULL && HeapTupleIsValid(row = mosaic_getnext(scan)))
	{
		found = true;
		if (mosaic_may_use_model(row))
			usable = heap_copytuple(row);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	if (usable == NULL && found)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the model with content %s", shown)));
	if (usable == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no model with content %s", shown),
				 errhint("It was dropped, replaced or changed, or content_id() was not called for it in this database.")));
	return usable;
}

bool
mosaic_changes_content(int attnum)
{
	switch (attnum)
	{
		case Anum_model_tokenizer:
		case Anum_model_labels:
		case Anum_model_max_tokens:
		case Anum_model_truncates:
		case Anum_model_pooling:
		case Anum_model_normalized:
		case Anum_model_input_map:
			return true;
		default:
			return false;
	}
}

/* ---- the id ---- */

/*
 * SHA-256, of which the id is the first half: whoever may import must not be able to make a model that has
 * the id of another, as for XXH3 is easily done.
 */
static pg_cryptohash_ctx *
begin_sum(void)
{
	pg_cryptohash_ctx *sum = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(sum) < 0)
		elog(ERROR, "could not begin a content's id: %s", pg_cryptohash_error(sum));
	return sum;
}

static pg_uuid_t
end_sum(pg_cryptohash_ctx *sum)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	pg_uuid_t	id;

	if (pg_cryptohash_final(sum, digest, sizeof digest) < 0)
		elog(ERROR, "could not make a content's id: %s", pg_cryptohash_error(sum));
	pg_cryptohash_free(sum);
	memcpy(id.data, digest, UUID_LEN);
	return id;
}

static void
add_bytes(const void *bytes, Size n, pg_cryptohash_ctx *sum)
{
	if (n > 0 && pg_cryptohash_update(sum, bytes, n) < 0)
		elog(ERROR, "could not make a content's id: %s", pg_cryptohash_error(sum));
}

/* Bytes after what they are and their length, so that no two contents give the same bytes. */
static void
add_named(const char *what, const void *bytes, Size n, pg_cryptohash_ctx *sum)
{
	char	   *header = psprintf("%s:%zu", what, n);

	add_bytes(header, strlen(header) + 1, sum);
	add_bytes(bytes, n, sum);
	pfree(header);
}

/* A text of the database in UTF-8, with what it is and its length; or that there is none. */
static void
add_text(const char *what, const char *s, Size n, pg_cryptohash_ctx *sum)
{
	char	   *converted;

	if (s == NULL)
	{
		add_bytes(what, strlen(what) + 1, sum);
		return;
	}
	converted = pg_server_to_any(pnstrdup(s, n), (int) n, PG_UTF8);
	add_named(what, converted, strlen(converted), sum);
}

static void
add_options(HeapTuple row, pg_cryptohash_ctx *sum)
{
	static const struct
	{
		const char *what;
		int			attnum;
		bool		is_int;
	}			columns[] = {
		{"max_tokens", Anum_model_max_tokens, true}, {"pooling", Anum_model_pooling, false},
		{"input_map", Anum_model_input_map, false}
	};
	int			n;
	text	  **labels = mosaic_read_labels(row, &n);
	int32		tokenizer = mosaic_tokenizer_of(row);
	bool		isnull;
	Datum		value;

	for (int i = 0; i < n; i++)
		add_text("label", VARDATA_ANY(labels[i]), VARSIZE_ANY_EXHDR(labels[i]), sum);
	for (int i = 0; i < lengthof(columns); i++)
	{
		char	   *s = NULL;

		value = mosaic_model_option(row, columns[i].attnum, &isnull);
		if (!isnull)
			s = columns[i].is_int ? psprintf("%d", DatumGetInt32(value)) : mosaic_plain_text(value);
		add_text(columns[i].what, s, s ? strlen(s) : 0, sum);
	}
	value = mosaic_model_option(row, Anum_model_truncates, &isnull);
	if (!isnull && !DatumGetBool(value))
		add_text("longer texts are errors", NULL, 0, sum);
	value = mosaic_model_option(row, Anum_model_normalized, &isnull);
	add_text(!isnull && DatumGetBool(value) ? "normalized" : "as it is", NULL, 0, sum);
	if (tokenizer != 0)
	{
		bytea	   *content = mosaic_read_tokenizer(tokenizer, GetActiveSnapshot());

		add_named("tokenizer", VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), sum);
	}
}

/* All payloads of a tensor, in the order of its map. */
static void
add_blocks(MosaicPins *pins, int tensor, const MosaicTensorBlocks *blocks, pg_cryptohash_ctx *sum)
{
	int			window = mosaic_pins_window(pins);
	int32	   *indexes = palloc(window * sizeof *indexes);
	const void **payloads = palloc(window * sizeof *payloads);

	for (int64 first = 0; first < blocks->n; first += window)
	{
		int			count = (int) Min(window, blocks->n - first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
			indexes[i] = (int32) (first + i);
		mosaic_pins_get(pins, tensor, count, indexes, false, payloads);
		for (int i = 0; i < count; i++)
			add_bytes(payloads[i], blocks->payload_bytes, sum);
	}
	pfree(indexes);
	pfree(payloads);
}

static void
add_tensor(MosaicPins *pins, int tensor, const MosaicTensorDesc *desc, const MosaicTensorBlocks *blocks, pg_cryptohash_ctx *sum)
{
	char	   *header = psprintf("tensor %d %d %d %d, %lld x %lld by %d x %d, %lld of %d", desc->dtype, desc->layout,
								  desc->stored_dtype, desc->transposed, (long long) desc->rows, (long long) desc->cols,
								  desc->block_rows, desc->block_cols, (long long) blocks->n, (int) blocks->payload_bytes);

	add_bytes(header, strlen(header) + 1, sum);
	pfree(header);
	add_named("dims", desc->dims, desc->ndim * sizeof desc->dims[0], sum);
	add_named("name", desc->name, strlen(desc->name), sum);
	add_named("value", desc->value, desc->value ? desc->value_bytes : 0, sum);
	add_blocks(pins, tensor, blocks, sum);
}

/* The active snapshot is the one that the row is of. */
static pg_uuid_t
content_of(HeapTuple row)
{
	MosaicModelHandle *handle = mosaic_model_acquire(row);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic content", ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	MosaicModelRows rows;
	MosaicPins *volatile pins = NULL;
	pg_cryptohash_ctx *sum;
	pg_uuid_t	id;

	PG_TRY();
	{
		mosaic_read_model(row, GetActiveSnapshot(), &rows);
		pins = mosaic_pins_new(cxt, handle);
		sum = begin_sum();
		add_text(psprintf("content %d", CONTENT_VERSION), NULL, 0, sum);
		add_named("graph", VARDATA(rows.graph), VARSIZE(rows.graph) - VARHDRSZ, sum);
		for (int i = 0; i < rows.ntensors; i++)
			add_tensor(pins, i, &rows.descs[i], &rows.tensors[i], sum);
		add_options(row, sum);
		id = end_sum(sum);
	}
	PG_FINALLY();
	{
		if (pins)
			mosaic_pins_free(pins);
		mosaic_model_release(handle);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(saved);
	MemoryContextDelete(cxt);
	return id;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_content_id);
Datum
mosaic_pg_content_id(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_name_argument(fcinfo, 0, "model");
	pg_uuid_t  *id = palloc(sizeof *id);
	Snapshot	snapshot;
	HeapTuple	row;
	bool		isnull;
	Datum		known;

	mosaic_check_catalogs();
	snapshot = mosaic_lock_store();
	row = mosaic_owned_model(name, snapshot);
	known = mosaic_model_option(row, Anum_model_content, &isnull);
	if (!isnull)
		*id = *DatumGetUUIDP(known);
	else
	{
		PushActiveSnapshot(snapshot);
		*id = content_of(row);
		PopActiveSnapshot();
		mosaic_update_model(row, Anum_model_content, UUIDPGetDatum(id));
	}
	UnregisterSnapshot(snapshot);
	PG_RETURN_UUID_P(id);
}
