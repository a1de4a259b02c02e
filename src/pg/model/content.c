/*
 * content.c
 *		What a model is, whatever it is called: content_id().
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "mosaic/capi_checksum.h"

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
		case Anum_model_pooling:
		case Anum_model_normalized:
		case Anum_model_input_map:
			return true;
		default:
			return false;
	}
}

/* ---- the id ---- */

/* Goes on with a sum over bytes. */
static void
add_bytes(const void *bytes, Size n, pg_uuid_t *sum)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendBinaryStringInfo(&buf, (const char *) sum->data, UUID_LEN);
	appendBinaryStringInfo(&buf, bytes, (int) n);
	mosaic_checksum_graph(buf.data, buf.len, sum->data);
	pfree(buf.data);
}

/* A text of the database in UTF-8, with what it is and its length; or that there is none. */
static void
add_text(const char *what, const char *s, Size n, pg_uuid_t *sum)
{
	char	   *header;
	char	   *converted;

	if (s == NULL)
	{
		add_bytes(what, strlen(what) + 1, sum);
		return;
	}
	converted = pg_server_to_any(pnstrdup(s, n), (int) n, PG_UTF8);
	header = psprintf("%s:%zu", what, strlen(converted));
	add_bytes(header, strlen(header) + 1, sum);
	add_bytes(converted, strlen(converted), sum);
}

static void
add_options(HeapTuple row, pg_uuid_t *sum)
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
	value = mosaic_model_option(row, Anum_model_normalized, &isnull);
	add_text(!isnull && DatumGetBool(value) ? "normalized" : "as it is", NULL, 0, sum);
	if (tokenizer != 0)
	{
		bytea	   *content = mosaic_read_tokenizer(tokenizer, GetActiveSnapshot());

		add_bytes(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), sum);
	}
}

/* A tensor, with the hashes of its blocks in place of their numbers. */
static void
add_tensor(MosaicPins *pins, int tensor, const MosaicTensorDesc *desc, const MosaicTensorBlocks *blocks, pg_uuid_t *sum)
{
	MosaicGeometry geometry = {desc->stored_dtype, desc->layout, desc->block_rows, desc->block_cols};
	MosaicTensorDesc hashed = *desc;
	int			window = mosaic_pins_window(pins);
	int32	   *indexes = palloc(window * sizeof *indexes);
	const void **payloads = palloc(window * sizeof *payloads);
	char	   *hashes = MemoryContextAllocHuge(CurrentMemoryContext, Max(blocks->n, 1) * UUID_LEN);

	for (int64 first = 0; first < blocks->n; first += window)
	{
		int			count = (int) Min(window, blocks->n - first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
			indexes[i] = (int32) (first + i);
		mosaic_pins_get(pins, tensor, count, indexes, payloads);
		for (int i = 0; i < count; i++)
			mosaic_block_hash(geometry, payloads[i], blocks->payload_bytes, (uint8_t *) hashes + (first + i) * UUID_LEN);
	}
	hashed.nblocks = blocks->n * (UUID_LEN / sizeof(int32));
	mosaic_checksum_tensor(&hashed, blocks->n > 0 ? (int32 *) hashes : NULL, sum->data);
	pfree(hashes);
	pfree(indexes);
	pfree(payloads);
}

/* The active snapshot is the one that the row is of. */
static pg_uuid_t
content_of(HeapTuple row)
{
	MosaicModelHandle *handle = mosaic_model_acquire(row);
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic content", ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	MosaicModelRows rows;
	MosaicPins *pins = NULL;
	pg_uuid_t	sum;

	PG_TRY();
	{
		mosaic_read_model(row, GetActiveSnapshot(), &rows);
		pins = mosaic_pins_new(cxt, handle);
		mosaic_checksum_graph(VARDATA(rows.graph), VARSIZE(rows.graph) - VARHDRSZ, sum.data);
		add_text(psprintf("content %d", CONTENT_VERSION), NULL, 0, &sum);
		for (int i = 0; i < rows.ntensors; i++)
			add_tensor(pins, i, &rows.descs[i], &rows.tensors[i], &sum);
		add_options(row, &sum);
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
	return sum;
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
