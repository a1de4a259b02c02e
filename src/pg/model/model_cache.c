/*
 * model_cache.c
 *		This backend's plans of models: graph, operators, maps; no weights.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "errors.h"
#include "made_blocks.h"
#include "model_cache.h"
#include "model_rows.h"
#include "row.h"
#include "store.h"
#include "mosaic/capi_prepared.h"

/*
 * What is kept for models that no query uses now: maps of at most so many
 * blocks (10 bytes each), where the rest of a plan, what was prepared of its
 * constants, and an execution that waits, weigh as much as some more.  Blocks that were
 * made of deltas have a bound of their own (pg_mosaic.delta_memory), and go first: a plan takes
 * longer to load than they take to be made.
 */
#define MAX_IDLE_WEIGHT (1024 * 1024)
#define PLAN_WEIGHT 1024
#define WEIGHT_BYTES 10
#define DELTA_BYTES 22			/* of a block of a tensor that has deltas, for their bases */

static HTAB *cache;				/* MosaicModelKey -> Entry */
static dlist_head lru = DLIST_STATIC_INIT(lru); /* most recently used last */
static int64 cached_weight;
static dlist_head made_lru = DLIST_STATIC_INIT(made_lru);	/* those with blocks made of deltas, likewise */
static int64 made_bytes;

typedef struct Entry
{
	MosaicModelKey key;
	MosaicModelHandle *handle;
} Entry;

static void
free_core_model(void *arg)
{
	MosaicModelHandle *handle = arg;

	mosaic_model_free(handle->model);
}

/* Counts what is made of a model's deltas; it is the one that was used last. */
static void
count_made(MosaicModelHandle *handle)
{
	int64		now = handle->made.bytes;

	if (handle->made_bytes > 0)
		dlist_delete(&handle->made_lru);
	if (now > 0)
		dlist_push_tail(&made_lru, &handle->made_lru);
	made_bytes += now - handle->made_bytes;
	handle->made_bytes = now;
}

/* Of the models that no query uses, those used longest ago are made anew next time. */
static void
trim_made(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &made_lru)
	{
		MosaicModelHandle *handle = dlist_container(MosaicModelHandle, made_lru, iter.cur);

		if (made_bytes <= mosaic_delta_memory * INT64CONST(1024))
			break;
		if (handle->refs > 0)
			continue;
		mosaic_made_free(handle);
		count_made(handle);
	}
}

static void
evict(MosaicModelHandle *handle)
{
	mosaic_made_free(handle);
	count_made(handle);
	Assert(!handle->usage.pending);
	hash_search(cache, &handle->key, HASH_REMOVE, NULL);
	dlist_delete(&handle->lru);
	cached_weight -= handle->weight;
	MemoryContextDelete(handle->cxt);
}

static void
trim(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &lru)
	{
		MosaicModelHandle *handle = dlist_container(MosaicModelHandle, lru, iter.cur);

		if (cached_weight <= MAX_IDLE_WEIGHT)
			break;
		if (handle->refs == 0)
			evict(handle);
	}
}

/* Reads a model into handle, all in the handle's context, which is the current one. */
static void
load(MosaicModelHandle *handle, HeapTuple row, Snapshot snapshot)
{
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	char	   *name = mosaic_plain_text(mosaic_model_attr(row, Anum_model_name));
	MosaicModelRows rows;
	MosaicError error;

	mosaic_check_format(snapshot);
	mosaic_read_model(row, snapshot, &rows);
	handle->ntensors = rows.ntensors;
	handle->tensors = rows.tensors;
	handle->nblocks = rows.nblocks;
	if (mosaic_model_new(name, VARDATA(rows.graph), VARSIZE(rows.graph) - VARHDRSZ, rows.descs,
						 rows.ntensors, &handle->model, &error) != MOSAIC_OK)
		mosaic_report(&error);
	callback->func = free_core_model;
	callback->arg = handle;
	MemoryContextRegisterResetCallback(handle->cxt, callback);
	/* What cannot be loaded says more than its checksum. */
	mosaic_verify_checksum(row, &rows);
}

static MosaicModelKey
model_key(HeapTuple row)
{
	MosaicModelKey key = {0};

	key.catalog = mosaic_relid("model");
	key.model_id = DatumGetInt64(mosaic_model_attr(row, Anum_model_model_id));
	return key;
}

/* Loads a model into a context of its own under the current one. */
static MosaicModelHandle *
new_handle(HeapTuple row, MosaicModelKey key, Snapshot snapshot)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic model",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext saved = MemoryContextSwitchTo(cxt);
	MosaicModelHandle *handle = palloc0(sizeof *handle);

	handle->key = key;
	handle->cxt = cxt;
	load(handle, row, snapshot);
	MemoryContextSwitchTo(saved);
	return handle;
}

void
mosaic_model_try_load(HeapTuple row, Snapshot snapshot)
{
	MemoryContextDelete(new_handle(row, model_key(row), snapshot)->cxt);
}

MosaicModelHandle *
mosaic_model_acquire(HeapTuple row)
{
	MosaicModelKey key = model_key(row);
	MosaicModelHandle *handle;
	Entry	   *entry;

	if (cache == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(MosaicModelKey),.entrysize = sizeof(Entry)};

		cache = hash_create("pg_mosaic models", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(cache, &key, HASH_FIND, NULL);
	if (entry)
	{
		handle = entry->handle;
		dlist_delete(&handle->lru);
	}
	else
	{
		/* Under the current context until it is whole, so that an error frees it. */
		handle = new_handle(row, key, GetActiveSnapshot());
		trim();
		entry = hash_search(cache, &key, HASH_ENTER, NULL);
		entry->handle = handle;
		MemoryContextSetParent(handle->cxt, CacheMemoryContext);
		handle->weight = handle->nblocks + PLAN_WEIGHT;
		cached_weight += handle->weight;
	}
	dlist_push_tail(&lru, &handle->lru);
	handle->refs++;
	return handle;
}

void
mosaic_model_release(MosaicModelHandle *handle)
{
	int64		bytes = mosaic_model_kept_bytes(handle->model);
	int64		weight;

	for (int i = 0; i < handle->ntensors; i++)
		if (handle->tensors[i].made)
			bytes += handle->tensors[i].n * DELTA_BYTES;
	weight = handle->nblocks + PLAN_WEIGHT + bytes / WEIGHT_BYTES;
	cached_weight += weight - handle->weight;
	handle->weight = weight;
	handle->refs--;
	count_made(handle);
	trim_made();
	mosaic_usage_flush(&handle->usage);
}
