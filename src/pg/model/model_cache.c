/*
 * model_cache.c
 *		This backend's plans of models: graph, operators, maps; no weights.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "errors.h"
#include "mosaic/page_reader.h"
#include "model_cache.h"
#include "row.h"
#include "store.h"

/*
 * What is kept for models that no query uses now: maps of at most so many
 * blocks (10 bytes each), where the rest of a plan weighs as much as some more.
 */
#define MAX_IDLE_WEIGHT (1024 * 1024)
#define PLAN_WEIGHT 1024

static HTAB *cache;				/* MosaicModelKey -> Entry */
static dlist_head lru = DLIST_STATIC_INIT(lru); /* most recently used last */
static int64 cached_weight;

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

static void
evict(MosaicModelHandle *handle)
{
	hash_search(cache, &handle->key, HASH_REMOVE, NULL);
	dlist_delete(&handle->lru);
	cached_weight -= handle->nblocks + PLAN_WEIGHT;
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

/* What the scan of a model's tensors collects. */
typedef struct Loader
{
	MosaicModelHandle *handle;
	MosaicTensorDesc *descs;
	int			capacity;
} Loader;

static int64
get_int64(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	switch (TupleDescAttr(desc, attnum - 1)->attlen)
	{
		case 1:
			return DatumGetBool(value);
		case 2:
			return DatumGetInt16(value);
		case 4:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/* A copy of a bytea column, not toasted, aligned; NULL where the column is. */
static bytea *
get_bytea(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return isnull ? NULL : (bytea *) mosaic_plain(value);
}

static void
load_map(MosaicTensorBlocks *blocks, MosaicTensorDesc *desc, bytea *map, bytea *places)
{
	const int32 *ids = mosaic_map_ids(map, &blocks->n);
	Size		n = (Size) blocks->n;
	MosaicGeometry geometry = {desc->stored_dtype, desc->layout, desc->block_rows, desc->block_cols};

	desc->nblocks = blocks->n;
	/* 0 where it is none: the core names what is wrong with the tensor. */
	blocks->payload_bytes = mosaic_geometry_bytes(geometry);
	blocks->ids = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(int32) + 1);
	memcpy(blocks->ids, ids, n * sizeof(int32));
	blocks->places = MemoryContextAllocExtended(CurrentMemoryContext, n * sizeof(ItemPointerData) + 1,
												MCXT_ALLOC_HUGE);
	StaticAssertStmt(sizeof(ItemPointerData) == MOSAIC_PLACE_BYTES, "places are item pointers");
	if (places && VARSIZE(places) - VARHDRSZ == n * MOSAIC_PLACE_BYTES)
		memcpy(blocks->places, VARDATA(places), n * MOSAIC_PLACE_BYTES);
	else
		for (Size i = 0; i < n; i++)
			ItemPointerSetInvalid(&blocks->places[i]);
}

static void
read_dims(Datum value, MosaicTensorDesc *desc)
{
	struct varlena *dims = mosaic_plain(value);
	char		damage[MOSAIC_DAMAGE_BYTES];
	uint32		n;
	const void *elements = mosaic_array_parse(dims, VARSIZE(dims), INT8OID, sizeof(int64), &n, damage);

	if (elements == NULL || n > MOSAIC_MAX_DIMS)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tensor \"%s\" has a damaged shape", desc->name)));
	desc->ndim = (int) n;
	memcpy(desc->dims, elements, n * sizeof(int64));
	pfree(dims);
}

static void
load_tensor(HeapTuple tuple, TupleDesc td, void *arg)
{
	Loader	   *loader = arg;
	MosaicModelHandle *handle = loader->handle;
	int			i = handle->ntensors;
	MosaicTensorDesc *desc;
	bytea	   *value,
			   *map,
			   *places;
	Datum		place_value;
	bool		isnull;

	if (i == loader->capacity)
	{
		loader->capacity *= 2;
		loader->descs = repalloc(loader->descs, loader->capacity * sizeof *loader->descs);
		handle->tensors = repalloc(handle->tensors, loader->capacity * sizeof *handle->tensors);
	}
	desc = &loader->descs[i];
	memset(desc, 0, sizeof *desc);
	memset(&handle->tensors[i], 0, sizeof handle->tensors[i]);
	if (get_int64(tuple, Anum_tensor_tensor_no, td) != i)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("tensor %d of model " INT64_FORMAT " is missing", i, handle->key.model_id)));
	desc->name = mosaic_plain_text(heap_getattr(tuple, Anum_tensor_name, td, &isnull));
	desc->dtype = get_int64(tuple, Anum_tensor_dtype, td);
	read_dims(heap_getattr(tuple, Anum_tensor_dims, td, &isnull), desc);
	desc->layout = get_int64(tuple, Anum_tensor_layout, td);
	desc->stored_dtype = get_int64(tuple, Anum_tensor_stored_dtype, td);
	desc->transposed = get_int64(tuple, Anum_tensor_transposed, td) != 0;
	desc->rows = get_int64(tuple, Anum_tensor_matrix_rows, td);
	desc->cols = get_int64(tuple, Anum_tensor_matrix_cols, td);
	desc->block_rows = get_int64(tuple, Anum_tensor_block_rows, td);
	desc->block_cols = get_int64(tuple, Anum_tensor_block_cols, td);
	value = get_bytea(tuple, Anum_tensor_value, td);
	map = get_bytea(tuple, Anum_tensor_map, td);
	if (value)
	{
		desc->value = VARDATA(value);
		desc->value_bytes = VARSIZE(value) - VARHDRSZ;
	}
	if (map)
	{
		/* A hint, of which a prediction does not depend. */
		place_value = heap_getattr(tuple, Anum_tensor_places, td, &isnull);
		places = isnull ? NULL : (bytea *) mosaic_plain_hint(place_value);
		load_map(&handle->tensors[i], desc, map, places);
		pfree(map);
		if (places)
			pfree(places);
	}
	handle->nblocks += handle->tensors[i].n;
	handle->ntensors++;
}

/* Reads a model into handle, all in the handle's context, which is the current one. */
static void
load(MosaicModelHandle *handle, HeapTuple row, Snapshot snapshot)
{
	MemoryContextCallback *callback = palloc0(sizeof *callback);
	char	   *name = mosaic_plain_text(mosaic_model_attr(row, Anum_model_name));
	bytea	   *graph = (bytea *) mosaic_plain(mosaic_model_attr(row, Anum_model_graph));
	Loader		loader = {handle, palloc(16 * sizeof(MosaicTensorDesc)), 16};
	MosaicError error;

	mosaic_check_format(snapshot);
	handle->tensors = palloc(16 * sizeof *handle->tensors);
	mosaic_scan_tensors(handle->key.model_id, snapshot, load_tensor, &loader);
	if (mosaic_model_new(name, VARDATA(graph), VARSIZE(graph) - VARHDRSZ, loader.descs,
						 handle->ntensors, &handle->model, &error) != MOSAIC_OK)
		mosaic_report(&error);
	callback->func = free_core_model;
	callback->arg = handle;
	MemoryContextRegisterResetCallback(handle->cxt, callback);
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
		cached_weight += handle->nblocks + PLAN_WEIGHT;
	}
	dlist_push_tail(&lru, &handle->lru);
	handle->refs++;
	return handle;
}

void
mosaic_model_release(MosaicModelHandle *handle)
{
	handle->refs--;
}
