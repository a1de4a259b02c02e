/*
 * places.c
 *		mosaic.places: blocks that lie elsewhere than is remembered beside the maps.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "pack_store.h"
#include "row.h"
#include "store.h"

typedef struct Count
{
	const MosaicPackStore *store;
	int64		blocks,
				moved;
} Count;

static void
count_moved(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Count	   *c = arg;
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	bytea	   *map,
			   *places = NULL;
	const int32 *ids;
	int64		n;

	if (isnull)
		return;
	map = (bytea *) mosaic_plain(value);
	ids = mosaic_map_ids(map, &n);
	value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (!isnull)
		places = (bytea *) mosaic_plain_hint(value);
	if (places && VARSIZE(places) - VARHDRSZ != n * MOSAIC_PLACE_BYTES)
		places = NULL;
	for (int64 i = 0; i < n; i++)
	{
		const ItemPointerData *now = &c->store->places[mosaic_pack_store_find(c->store, ids[i])];

		CHECK_FOR_INTERRUPTS();
		c->blocks++;
		c->moved += places == NULL ||
			memcmp(VARDATA(places) + i * MOSAIC_PLACE_BYTES, now, MOSAIC_PLACE_BYTES) != 0;
	}
	pfree(map);
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_moved_blocks);
Datum
mosaic_pg_moved_blocks(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MosaicPackOptions options = {.page_bytes = BLCKSZ - SizeOfPageHeaderData,.survey = true};
	MosaicPackStore *store;

	InitMaterializedSRF(fcinfo, 0);
	store = mosaic_pack_store_read(&options, GetActiveSnapshot());
	for (int i = 0; i < store->nmodels; i++)
	{
		Count		count = {.store = store};
		Datum		values[3];
		bool		nulls[3] = {false};

		mosaic_scan_tensors(store->model_ids[i], GetActiveSnapshot(), count_moved, &count);
		values[0] = CStringGetTextDatum(store->names[i]);
		values[1] = Int64GetDatum(count.blocks);
		values[2] = Int64GetDatum(count.moved);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
