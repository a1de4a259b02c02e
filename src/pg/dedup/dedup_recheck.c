/*
 * dedup_recheck.c
 *		Under the store's lock: whether what was decided without it still holds.
 *
 * Searching and judging may take minutes, and writers go on meanwhile.  Blocks are
 * immutable: where the model's maps are as they were, and all that was measured as
 * standing in is still there for others, the accepted state is the one measured.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/snapmgr.h"

#include "catalog.h"
#include "dedup_job.h"
#include "mosaic/capi_ladder.h"

typedef struct Comparison
{
	DedupJob   *job;
	bool		same;
} Comparison;

/* Compares a tensor's map, and takes over where its blocks lie now: they may have been packed. */
static void
compare_tensor(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Comparison *c = arg;
	int			number = mosaic_tensor_number(c->job, tuple, desc);
	const MosaicTensorBlocks *was = &c->job->handle->tensors[number];
	MosaicTensorBlocks *candidate = &c->job->candidate.tensors[number];
	bool		isnull;
	Datum		map = heap_getattr(tuple, Anum_tensor_map, desc, &isnull);
	Datum		value;
	bytea	   *places;
	const int32 *ids;
	int64		n;

	if (isnull)
		return;
	ids = mosaic_map_ids((bytea *) mosaic_plain(map), &n);
	if (n != was->n || memcmp(ids, was->ids, n * sizeof *ids) != 0)
	{
		c->same = false;
		return;
	}
	value = heap_getattr(tuple, Anum_tensor_places, desc, &isnull);
	if (isnull)
		return;
	places = (bytea *) mosaic_plain_hint(value);
	if (places && VARSIZE(places) - VARHDRSZ == n * sizeof(ItemPointerData))
		memcpy(candidate->places, VARDATA(places), n * sizeof(ItemPointerData));
}

/* Whether a block can still be used for one of the tensor's, and where it lies. */
static bool
find_partner(DedupJob *job, int tensor, int32 id, ItemPointer place)
{
	Offer	   *offer = mosaic_find_offer(job, id);
	uint32		length = job->candidate.tensors[tensor].payload_bytes;
	Buffer		buffer;

	if (!mosaic_may_stand_in(job, id, mosaic_geometry_pack(mosaic_geometry_of(&job->descs[tensor]))) ||
		mosaic_find_block(&job->reader, id, length, &offer->place, CurrentResourceOwner, &buffer) == NULL)
		return false;
	ReleaseBuffer(buffer);
	*place = offer->place;
	return true;
}

/* Whether others have come to use a block meanwhile: a difference beside it would only add to it. */
static bool
is_shared(DedupJob *job, int32 id)
{
	return mosaic_find_offer(job, id)->models > 1;
}

bool
mosaic_dedup_holds(DedupJob *job)
{
	Snapshot	snapshot = mosaic_lock_store();
	Comparison	comparison = {job, true};

	UnregisterSnapshot(job->snapshot);
	job->snapshot = snapshot;
	mosaic_dedup_find_model(job, RowExclusiveLock);
	if (DatumGetInt64(mosaic_model_attr(job->row, Anum_model_model_id)) != job->handle->key.model_id)
		return false;
	mosaic_scan_tensors(job->handle->key.model_id, snapshot, compare_tensor, &comparison);
	if (!comparison.same)
		return false;
	mosaic_refresh_offers(job);
	for (int t = 0; t < job->handle->ntensors; t++)
		for (int64 i = 0; i < job->handle->tensors[t].n; i++)
		{
			MosaicTensorBlocks *blocks = &job->candidate.tensors[t];
			ItemPointerData base_place;

			CHECK_FOR_INTERRUPTS();
			if (blocks->ids[i] != job->handle->tensors[t].ids[i] &&
				!find_partner(job, t, blocks->ids[i], &blocks->places[i]))
				return false;
			if (blocks->lowered && blocks->lowered->rungs[i] != MOSAIC_RUNG_AS_IT_IS &&
				(!find_partner(job, t, blocks->lowered->bases[i], &base_place) ||
				 is_shared(job, job->handle->tensors[t].ids[i])))
				return false;
		}
	return true;
}
