/*
 * dedup_offers.c
 *		The blocks that may stand in for a model's: those of the other models of its domain.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "catalog.h"
#include "dedup_job.h"
#include "store.h"

/* Whether the model has blocks of this geometry that may have near duplicates. */
static bool
wanted(DedupJob *job, uint64 geometry)
{
	for (int i = 0; i < job->handle->ntensors; i++)
		if (mosaic_dedup_shareable(job->dedup, i) &&
			mosaic_geometry_pack(mosaic_tensor_geometry(&job->descs[i])) == geometry)
			return true;
	return false;
}

static void
collect_offers(HeapTuple tuple, TupleDesc desc, void *arg)
{
	DedupJob   *job = arg;
	MosaicTensorDesc t = {0};
	uint64		geometry;
	bool		isnull;
	Datum		map = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	const int32 *ids;
	int64		n;

	if (isnull)
		return;
	t.layout = mosaic_int_attr(tuple, desc, Anum_tensor_layout, 2);
	t.stored_dtype = mosaic_int_attr(tuple, desc, Anum_tensor_stored_dtype, 2);
	t.block_rows = mosaic_int_attr(tuple, desc, Anum_tensor_block_rows, 4);
	t.block_cols = mosaic_int_attr(tuple, desc, Anum_tensor_block_cols, 4);
	geometry = mosaic_geometry_pack(mosaic_tensor_geometry(&t));
	if (!wanted(job, geometry))
		return;
	ids = mosaic_map_ids(DatumGetByteaP(map), &n);
	while (job->noffers + n > job->capacity)
	{
		job->capacity *= 2;
		job->offers = repalloc_huge(job->offers, job->capacity * sizeof(Offer));
	}
	for (int64 i = 0; i < n; i++)
		job->offers[job->noffers++] = (Offer) {.id = ids[i],.geometry = geometry};
}

/* Offers the blocks of the domain's other models. */
void
mosaic_offer_blocks(DedupJob *job)
{
	Relation	rel = table_open(mosaic_relid("model"), AccessShareLock);
	int32		domain = DatumGetInt32(mosaic_model_attr(job->row, Anum_model_domain));
	SysScanDesc scan = systable_beginscan(rel, InvalidOid, false, job->snapshot, 0, NULL);
	HeapTuple	row;
	int64		n = 0;

	job->capacity = 1024;
	job->offers = palloc(job->capacity * sizeof(Offer));
	while (HeapTupleIsValid(row = systable_getnext(scan)))
	{
		TupleDesc	desc = RelationGetDescr(rel);
		int64		model_id = mosaic_int_attr(row, desc, Anum_model_model_id, 8);
		bool		isnull;

		if (model_id != job->handle->key.model_id &&
			DatumGetInt32(heap_getattr(row, Anum_model_domain, desc, &isnull)) == domain)
			mosaic_scan_tensors(model_id, job->snapshot, collect_offers, job);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	qsort(job->offers, job->noffers, sizeof(Offer), mosaic_compare_ids);
	for (int64 i = 0; i < job->noffers; i++)
		if (i == 0 || job->offers[i].id != job->offers[n - 1].id)
			job->offers[n++] = job->offers[i];
	job->noffers = n;
	for (int64 i = 0; i < n; i++)
	{
		Offer	   *offer = &job->offers[i];
		MosaicGeometry g = mosaic_geometry_unpack(offer->geometry);
		Buffer		buffer;
		const void *payload;
		MosaicError error;

		CHECK_FOR_INTERRUPTS();
		ItemPointerSetInvalid(&offer->place);
		payload = mosaic_read_block(&job->reader, offer->id, mosaic_payload_bytes(g), &offer->place,
									CurrentResourceOwner, &buffer);
		mosaic_dedup_check(mosaic_dedup_offer(job->dedup, g, payload, offer->id, &error), &error);
		ReleaseBuffer(buffer);
	}
}

Offer *
mosaic_find_offer(DedupJob *job, int32 id)
{
	Offer	   *found = bsearch(&id, job->offers, job->noffers, sizeof(Offer), mosaic_compare_ids);

	if (found == NULL)
		elog(ERROR, "block %d was not offered", id);
	return found;
}
