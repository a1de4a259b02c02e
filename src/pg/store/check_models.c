/*
 * check_models.c
 *		check_store(): the maps of the tensors, and whether each model can be loaded.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "catalog.h"
#include "checker.h"
#include "damage.h"
#include "model_cache.h"
#include "progress.h"
#include "store.h"

static int64
int_attr(HeapTuple tuple, int attnum, TupleDesc desc)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return TupleDescAttr(desc, attnum - 1)->attlen == 2 ? DatumGetInt16(value) : DatumGetInt32(value);
}

static int64
id_attr(HeapTuple tuple, int attnum, Relation rel)
{
	bool		isnull;

	return DatumGetInt64(heap_getattr(tuple, attnum, RelationGetDescr(rel), &isnull));
}

MosaicGeometry
mosaic_tensor_geometry(HeapTuple tuple, TupleDesc desc)
{
	MosaicGeometry g = {
		.dtype = int_attr(tuple, Anum_tensor_stored_dtype, desc),
		.layout = int_attr(tuple, Anum_tensor_layout, desc),
		.rows = int_attr(tuple, Anum_tensor_block_rows, desc),
		.cols = int_attr(tuple, Anum_tensor_block_cols, desc)
	};

	return g;
}

/* One entry of a map.  length: 0 where the tensor's geometry is none. */
static void
check_entry(MosaicChecker *c, int32 block_id, MosaicGeometry geometry, uint32 length, int32 tensor_no,
			const char *tensor)
{
	MosaicCheckedBlock *b = mosaic_checked_block(c->checked, block_id);
	uint64		packed = mosaic_geometry_pack(geometry);

	if (b == NULL || !b->stored)
	{
		mosaic_checker_report(c, MOSAIC_MISSING_BLOCK, tensor_no, tensor, block_id, "not in mosaic.block");
		if (b == NULL)
			return;
	}
	if (b->last_user == c->model_id)
		return;
	b->users++;
	b->last_user = c->model_id;
	if (length == 0)
		return;
	if (b->used_geometry == 0)
	{
		b->used_geometry = packed;
		b->used_domain = c->domain;
	}
	if (b->stored && b->length != length)
		mosaic_checker_report(c, MOSAIC_WRONG_LENGTH, tensor_no, tensor, block_id,
								  "the payload has %u bytes, the tensor needs %u", b->length, length);
	if (b->has_meta && b->geometry != packed)
		mosaic_checker_report(c, MOSAIC_WRONG_GEOMETRY, tensor_no, tensor, block_id,
								  "block_meta says " INT64_FORMAT ", the tensor " INT64_FORMAT, (int64) b->geometry, (int64) packed);
	else if (b->has_meta && b->domain != c->domain)
		mosaic_checker_report(c, MOSAIC_WRONG_DOMAIN, tensor_no, tensor, block_id,
							  "block_meta says %d, the model %d", b->domain, c->domain);
	else if (b->has_meta && b->stored && !b->hash_is_right)
		mosaic_checker_report(c, MOSAIC_WRONG_HASH, tensor_no, tensor, block_id,
								  "the payload is not the one that was imported, or block_meta is damaged");
}

/* The places that a tensor remembers. */
static void
check_places(MosaicChecker *c, bytea *places, const int32 *ids, int64 n, int32 tensor_no, const char *tensor)
{
	int64		stale = 0;

	if (places && VARSIZE(places) - VARHDRSZ != n * MOSAIC_PLACE_BYTES)
		places = NULL;
	for (int64 i = 0; i < n; i++)
	{
		MosaicCheckedBlock *b = mosaic_checked_block(c->checked, ids[i]);

		stale += b && b->stored &&
			(places == NULL ||
			 memcmp(VARDATA(places) + i * MOSAIC_PLACE_BYTES, &b->place, MOSAIC_PLACE_BYTES) != 0);
	}
	if (stale > 0)
		mosaic_checker_report(c, MOSAIC_STALE_PLACES, tensor_no, tensor, 0,
			   INT64_FORMAT " of " INT64_FORMAT " blocks lie elsewhere", stale, n);
}

/* The places that a tensor remembers; NULL where it has none, or they cannot be read. */
typedef struct PlacesRead
{
	Datum		value;
	bytea	   *places;
} PlacesRead;

static void
read_places(void *arg)
{
	PlacesRead *r = arg;

	r->places = DatumGetByteaPCopy(r->value);
}

static void
check_map(HeapTuple tuple, TupleDesc desc, MosaicChecker *c, int32 tensor_no, const char *name)
{
	MosaicGeometry geometry = mosaic_tensor_geometry(tuple, desc);
	uint32		length = 0;
	PlacesRead	places = {0};
	char	   *damage;
	bytea	   *map = mosaic_read_map(tuple, desc, &damage);
	const int32 *ids;
	int64		n;
	bool		isnull;

	if (damage)
	{
		mosaic_checker_report(c, MOSAIC_DAMAGED_MAP, tensor_no, name, 0, "%s", damage);
		c->model_is_damaged = true;
	}
	if (map == NULL)
		return;
	ids = mosaic_map_ids(map, &n);
	length = mosaic_geometry_bytes(geometry);
	for (int64 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		check_entry(c, ids[i], geometry, length, tensor_no, name);
	}
	places.value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (!isnull)
		(void) mosaic_catch_damage(read_places, &places);
	check_places(c, places.places, ids, n, tensor_no, name);
	if (places.places)
		pfree(places.places);
	pfree(map);
}

static void
check_tensor(HeapTuple tuple, TupleDesc desc, MosaicChecker *c)
{
	bool		isnull;
	int32		tensor_no = int_attr(tuple, Anum_tensor_tensor_no, desc);
	char	   *name = TextDatumGetCString(heap_getattr(tuple, Anum_tensor_name, desc, &isnull));

	if (c->model == NULL)
	{
		mosaic_checker_report(c, MOSAIC_ORPHAN_TENSOR, tensor_no, name, 0, "model_id " INT64_FORMAT,
							  c->model_id);
		return;
	}
	for (; c->next_tensor < tensor_no; c->next_tensor++)
	{
		mosaic_checker_report(c, MOSAIC_MISSING_TENSOR, c->next_tensor, NULL, 0, "tensor %d",
							  c->next_tensor);
		c->model_is_damaged = true;
	}
	c->next_tensor = tensor_no + 1;
	check_map(tuple, desc, c, tensor_no, name);
}

/* ---- models ---- */

typedef struct ModelRead
{
	HeapTuple	row;
	Snapshot	snapshot;
} ModelRead;

static void
load_model(void *arg)
{
	ModelRead  *r = arg;

	mosaic_model_try_load(r->row, r->snapshot);
}

/* Takes up a model: its row, or NULL where there is only a tensor that names it. */
static void
begin_model(MosaicChecker *c, int64 model_id, HeapTuple row, TupleDesc desc)
{
	bool		isnull;

	c->model_id = model_id;
	c->model = NULL;
	c->next_tensor = 0;
	c->model_is_damaged = false;
	if (row)
	{
		c->model = TextDatumGetCString(heap_getattr(row, Anum_model_name, desc, &isnull));
		c->domain = DatumGetInt32(heap_getattr(row, Anum_model_domain, desc, &isnull));
	}
}

/* Done with its tensors: graph, shapes and inline values are checked by what loads them to predict. */
static void
end_model(MosaicChecker *c, HeapTuple row)
{
	ModelRead	read = {row, c->checked->snapshot};
	char	   *damage;

	if (c->model == NULL || c->model_is_damaged)
		return;
	damage = mosaic_catch_damage(load_model, &read);
	if (damage)
		mosaic_checker_report(c, MOSAIC_DAMAGED_MODEL, -1, NULL, 0, "%s", damage);
}

/* All tensors, also those of no model, and all models, also those without tensors, by model_id. */
void
mosaic_check_models(MosaicChecker *c)
{
	Snapshot	snapshot = c->checked->snapshot;
	Relation	tensors = table_open(mosaic_relid("tensor"), AccessShareLock);
	Relation	tensor_index = index_open(mosaic_relid("tensor_pkey"), AccessShareLock);
	Relation	models = table_open(mosaic_relid("model"), AccessShareLock);
	Relation	model_index = index_open(mosaic_relid("model_pkey"), AccessShareLock);
	SysScanDesc tensor_scan = systable_beginscan_ordered(tensors, tensor_index, snapshot, 0, NULL);
	SysScanDesc model_scan = systable_beginscan_ordered(models, model_index, snapshot, 0, NULL);
	HeapTuple	tensor = systable_getnext_ordered(tensor_scan, ForwardScanDirection);
	HeapTuple	model = systable_getnext_ordered(model_scan, ForwardScanDirection);

	mosaic_progress_phase(MOSAIC_PHASE_READING_MAPS, 0);
	while (tensor || model)
	{
		int64		of_tensor = tensor ? id_attr(tensor, Anum_tensor_model_id, tensors) : PG_INT64_MAX;
		int64		of_model = model ? id_attr(model, Anum_model_model_id, models) : PG_INT64_MAX;
		int64		model_id = Min(of_tensor, of_model);

		CHECK_FOR_INTERRUPTS();
		begin_model(c, model_id, of_model == model_id ? model : NULL, RelationGetDescr(models));
		while (tensor && id_attr(tensor, Anum_tensor_model_id, tensors) == model_id)
		{
			check_tensor(tensor, RelationGetDescr(tensors), c);
			tensor = systable_getnext_ordered(tensor_scan, ForwardScanDirection);
		}
		end_model(c, model);
		if (of_model == model_id)
			model = systable_getnext_ordered(model_scan, ForwardScanDirection);
	}
	c->model_id = 0;
	c->model = NULL;
	systable_endscan_ordered(model_scan);
	systable_endscan_ordered(tensor_scan);
	index_close(model_index, NoLock);
	index_close(tensor_index, NoLock);
	table_close(models, NoLock);
	table_close(tensors, NoLock);
}
