/*
 * dedup_search.c
 *		Which blocks of a model have near duplicates among the offers.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "catalog.h"
#include "dedup_job.h"
#include "store.h"

static void
search_block(DedupJob *job, int tensor, int64 index)
{
	MosaicTensorBlocks *blocks = &job->candidate.tensors[tensor];
	const int32 *ids;
	int64		n;
	Buffer		own,
				other;
	MosaicError error;
	const void *payload = mosaic_read_block(&job->reader, blocks->ids[index], blocks->payload_bytes,
											&blocks->places[index], CurrentResourceOwner, &own);

	mosaic_dedup_check(mosaic_dedup_search(job->dedup, tensor, index, payload, &ids, &n, &error), &error);
	for (int64 i = 0; i < n; i++)
	{
		payload = mosaic_read_block(&job->reader, ids[i], blocks->payload_bytes,
									&mosaic_find_offer(job, ids[i])->place, CurrentResourceOwner, &other);
		mosaic_dedup_check(mosaic_dedup_compare(job->dedup, ids[i], payload, &error), &error);
		ReleaseBuffer(other);
	}
	mosaic_dedup_check(mosaic_dedup_choose(job->dedup, &error), &error);
	ReleaseBuffer(own);
}

/* Whether other models use the block too: then merging it would free nothing. */
static bool
is_shared(Relation meta, Oid index, Snapshot snapshot, int32 id)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		shared;

	ScanKeyInit(&key, Anum_meta_block_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(id));
	scan = systable_beginscan(meta, index, true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	shared = !HeapTupleIsValid(tuple) ||
		mosaic_int_attr(tuple, RelationGetDescr(meta), Anum_meta_models, 4) > 1;
	systable_endscan(scan);
	return shared;
}

void
mosaic_find_merges(DedupJob *job)
{
	Relation	meta = table_open(mosaic_relid("block_meta"), AccessShareLock);
	Oid			index = mosaic_relid("block_meta_pkey");
	MosaicError error;

	for (int t = 0; job->noffers > 0 && t < job->handle->ntensors; t++)
		for (int64 i = 0; mosaic_dedup_shareable(job->dedup, t) && i < job->handle->tensors[t].n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!is_shared(meta, index, job->snapshot, job->handle->tensors[t].ids[i]))
				search_block(job, t, i);
		}
	table_close(meta, NoLock);
	mosaic_dedup_check(mosaic_dedup_plan(job->dedup, &error), &error);
}
