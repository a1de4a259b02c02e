/*
 * dedup_offers.c
 *		Which stored blocks may stand in for a model's: those that other models of its domain use.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "catalog.h"
#include "dedup_job.h"
#include "newest.h"
#include "row.h"

static void
read_meta(DedupJob *job, Offer *offer)
{
	Relation	rel = table_open(mosaic_relid("block_meta"), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	MosaicBlockRow found;
	HeapTuple	tuple;

	tuple = mosaic_find_block_row(&found, rel, mosaic_relid("block_meta_pkey"), offer->id, job->snapshot);
	if (HeapTupleIsValid(tuple))
	{
		offer->models = mosaic_int_attr(tuple, desc, Anum_meta_models, 4);
		offer->domain = mosaic_int_attr(tuple, desc, Anum_meta_domain, 4);
		offer->geometry = mosaic_int_attr(tuple, desc, Anum_meta_geometry, 8);
		offer->whole = heap_attisnull(tuple, Anum_meta_delta_bytes, desc);
		offer->bytes = MOSAIC_PAYLOAD_OFFSET +
			(offer->whole ?
			 mosaic_geometry_bytes(mosaic_geometry_unpack(offer->geometry)) :
			 mosaic_int_attr(tuple, desc, Anum_meta_delta_bytes, 4));
	}
	mosaic_end_block_row(&found);
	table_close(rel, NoLock);
	if (job->staged)
		offer->models = mosaic_staged_users(job->staged, offer->id, mosaic_has_block(&job->own, offer->id),
											offer->models);
}

Offer *
mosaic_find_offer(DedupJob *job, int32 id)
{
	Offer	   *offer;
	bool		known;

	if (job->offers == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(int32),.entrysize = sizeof(Offer),.hcxt = CurrentMemoryContext};

		job->offers = hash_create("pg_mosaic offers", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	offer = hash_search(job->offers, &id, HASH_ENTER, &known);
	if (!known)
	{
		memset((char *) offer + sizeof id, 0, sizeof *offer - sizeof id);
		ItemPointerSetInvalid(&offer->place);
		read_meta(job, offer);
	}
	return offer;
}

void
mosaic_refresh_offers(DedupJob *job)
{
	HASH_SEQ_STATUS status;
	Offer	   *offer;

	if (job->offers == NULL)
		return;
	hash_seq_init(&status, job->offers);
	while ((offer = hash_seq_search(&status)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		offer->models = 0;
		read_meta(job, offer);
	}
}

/* Keys may agree by chance, so all is asked for.  A block that only this model uses would go itself. */
bool
mosaic_may_stand_in(DedupJob *job, int32 id, uint64 geometry)
{
	Offer	   *offer = mosaic_find_offer(job, id);

	/* There are no deltas of deltas. */
	return offer->geometry == geometry && offer->domain == job->domain && (offer->whole || !job->ladder) &&
		offer->models > (mosaic_has_block(&job->own, id) ? 1 : 0);
}
