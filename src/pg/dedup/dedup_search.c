/*
 * dedup_search.c
 *		Which blocks of a model have near duplicates: their keys are looked up in the
 *		index, and what that proposes is compared.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "dedup_job.h"
#include "mosaic/capi_ladder.h"
#include "near_index.h"
#include "progress.h"
#include "store.h"

/*
 * Most blocks that a key proposes, those with the smallest ids, and most rows that
 * are looked at for them: a key that more blocks have tells nothing, and would make
 * the search grow with the store.
 */
#define MAX_PROPOSED 64
#define MAX_LOOKED_AT 256

typedef struct Search
{
	DedupJob   *job;
	MosaicNearReader index;
	uint64		geometry;
	int32		ids[MOSAIC_NEAR_TABLES * MAX_PROPOSED];
	int			n;
	int			proposed,		/* by the current key */
				looked_at;
} Search;

static bool
propose(int32 block_id, void *arg)
{
	Search	   *s = arg;

	if (mosaic_may_stand_in(s->job, block_id, s->geometry))
	{
		s->ids[s->n++] = block_id;
		s->proposed++;
	}
	return ++s->looked_at < MAX_LOOKED_AT && s->proposed < MAX_PROPOSED;
}

/* Sets ids: the blocks that share a key with this one and may stand in, ascending, each once. */
static void
find_neighbours(Search *s, const int32 *keys)
{
	int			n = 0;

	s->n = 0;
	for (int t = 0; t < MOSAIC_NEAR_TABLES; t++)
	{
		s->proposed = s->looked_at = 0;
		if (keys[t] != 0)
			mosaic_near_probe(&s->index, keys[t], propose, s);
	}
	qsort(s->ids, s->n, sizeof(int32), mosaic_compare_ids);
	for (int i = 0; i < s->n; i++)
		if (i == 0 || s->ids[i] != s->ids[i - 1])
			s->ids[n++] = s->ids[i];
	s->n = n;
}

static void
choose(Search *s, int tensor, int64 index)
{
	DedupJob   *job = s->job;
	MosaicTensorBlocks *blocks = &job->candidate.tensors[tensor];
	int32		id = blocks->ids[index];
	MosaicStoredBlock own = {id, mosaic_find_offer(job, id)->bytes, mosaic_places_of(&job->own, id)};
	MosaicError error;

	/* Of one that is staged nothing is known yet. */
	if (own.bytes == 0)
		own.bytes = MOSAIC_PAYLOAD_OFFSET + blocks->payload_bytes;
	if (job->ladder)
		mosaic_dedup_check(mosaic_dedup_choose_rungs(job->dedup, &own, &error), &error);
	else
		mosaic_dedup_check(mosaic_dedup_choose(job->dedup, &own, &error), &error);
}

static void
search_block(Search *s, int tensor, int64 index)
{
	DedupJob   *job = s->job;
	MosaicTensorBlocks *blocks = &job->candidate.tensors[tensor];
	MosaicGeometry geometry = mosaic_geometry_of(&job->descs[tensor]);
	int32		keys[MOSAIC_NEAR_TABLES];
	const int32 *ids;
	int64		n;
	Buffer		own,
				other;
	MosaicError error;
	const void *payload;

	s->geometry = mosaic_geometry_pack(geometry);
	payload = mosaic_read_block(&job->reader, blocks->ids[index], blocks->payload_bytes,
								&blocks->places[index], CurrentResourceOwner, &own);
	mosaic_near_keys_of(&s->index, geometry, payload, keys);
	find_neighbours(s, keys);
	if (s->n == 0)
	{
		ReleaseBuffer(own);
		return;
	}
	mosaic_dedup_check(mosaic_dedup_search(job->dedup, tensor, index, payload, keys, s->ids, s->n,
										   &ids, &n, &error), &error);
	for (int64 i = 0; i < n; i++)
	{
		payload = mosaic_read_block(&job->reader, ids[i], blocks->payload_bytes,
									&mosaic_find_offer(job, ids[i])->place, CurrentResourceOwner, &other);
		mosaic_dedup_check(mosaic_dedup_compare(job->dedup, ids[i], payload, &error), &error);
		ReleaseBuffer(other);
	}
	choose(s, tensor, index);
	ReleaseBuffer(own);
}

void
mosaic_find_merges(DedupJob *job)
{
	Search	   *s = palloc0(sizeof *s);
	int64		done = 0;
	MosaicError error;

	s->job = job;
	mosaic_progress_phase(MOSAIC_PHASE_SEARCHING, job->handle->nblocks);
	mosaic_near_reader_open(&s->index, job->domain, job->snapshot);
	for (int t = 0; t < job->handle->ntensors; t++)
		for (int64 i = 0; mosaic_dedup_shareable(job->dedup, t) && i < job->handle->tensors[t].n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			/* Merging a block that other models use too would free nothing. */
			if (mosaic_find_offer(job, job->handle->tensors[t].ids[i])->models == 1)
				search_block(s, t, i);
			mosaic_progress_done(++done);
		}
	mosaic_near_reader_close(&s->index);
	mosaic_dedup_check(mosaic_dedup_plan(job->dedup, &error), &error);
}
