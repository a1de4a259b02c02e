/*
 * base_search.c
 *		A stored block that a new one can be stored as a difference to.
 *
 * Bases are found as near duplicates are, by their keys (near_index.h).  But blocks of one model, which
 * come in the order of its tensors, mostly have their bases in the order in which these were stored: so
 * the block after the last base is tried first, and where it is near enough, no key is looked up.
 */
#include "postgres.h"

#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "base_search.h"
#include "catalog.h"
#include "mosaic/capi_delta.h"
#include "near_index.h"
#include "newest.h"
#include "store.h"

/* Most blocks that are looked at for one: what more have a key in common, tells nothing. */
#define MAX_CANDIDATES 16

struct MosaicBaseSearch
{
	MemoryContext cxt;			/* of one search */
	Snapshot	snapshot;
	int32		domain;
	const int32 *leaving;
	int64		nleaving;
	Relation	meta;
	MosaicNearReader index;
	int32		last_base;		/* 0: none yet */

	/* Of the block that is searched for. */
	uint64		geometry;
	int32		candidates[MAX_CANDIDATES];
	int			n;
	uint32		least;			/* estimated length of the best so far */
	int32		best;
	char	   *base;			/* its payload */
};

MosaicBaseSearch *
mosaic_base_search_open(Snapshot snapshot, int32 domain, const int32 *leaving, int64 nleaving)
{
	MosaicBaseSearch *s = palloc0(sizeof *s);

	s->cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_mosaic search for a base", ALLOCSET_DEFAULT_SIZES);
	s->snapshot = snapshot;
	s->domain = domain;
	s->leaving = leaving;
	s->nleaving = nleaving;
	s->meta = table_open(mosaic_relid("block_meta"), AccessShareLock);
	s->base = palloc(MOSAIC_MAX_PAYLOAD);
	mosaic_near_reader_open(&s->index, domain, snapshot);
	return s;
}

void
mosaic_base_search_close(MosaicBaseSearch *s)
{
	mosaic_near_reader_close(&s->index);
	table_close(s->meta, NoLock);
	MemoryContextDelete(s->cxt);
	pfree(s->base);
	pfree(s);
}

static int
compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

/* Whether a block is whole, and one that will stay, of the domain and with the geometry that are wanted. */
static bool
may_be_base(MosaicBaseSearch *s, int32 block_id)
{
	TupleDesc	desc = RelationGetDescr(s->meta);
	MosaicBlockRow found;
	HeapTuple	row = mosaic_find_block_row(&found, s->meta, mosaic_relid("block_meta_pkey"), block_id, s->snapshot);
	bool		may = false;

	if (HeapTupleIsValid(row))
	{
		bool		isnull,
					is_whole;
		int32		models = DatumGetInt32(heap_getattr(row, Anum_meta_models, desc, &isnull));

		if (s->nleaving > 0 && bsearch(&block_id, s->leaving, s->nleaving, sizeof(int32), compare_ids))
			models--;
		(void) heap_getattr(row, Anum_meta_base, desc, &is_whole);
		may = is_whole && models > 0 &&
			(uint64) DatumGetInt64(heap_getattr(row, Anum_meta_geometry, desc, &isnull)) == s->geometry &&
			DatumGetInt32(heap_getattr(row, Anum_meta_domain, desc, &isnull)) == s->domain;
	}
	mosaic_end_block_row(&found);
	return may;
}

/* Keeps a block if it is the best so far. */
static void
try_base(MosaicBaseSearch *s, MosaicReader *reader, const MosaicBlock *block, int32 block_id)
{
	ItemPointerData place;
	Buffer		buffer;
	const void *payload;
	uint32		estimate;

	if (!may_be_base(s, block_id))
		return;
	ItemPointerSetInvalid(&place);
	payload = mosaic_find_block(reader, block_id, block->length, &place, CurrentResourceOwner, &buffer);
	if (payload == NULL)
		return;
	estimate = mosaic_delta_estimate(block->geometry, block->payload, payload, block->length);
	if (s->best == 0 || estimate < s->least || (estimate == s->least && block_id < s->best))
	{
		s->least = estimate;
		s->best = block_id;
		memcpy(s->base, payload, block->length);
	}
	ReleaseBuffer(buffer);
}

static bool
propose(int32 block_id, void *arg)
{
	MosaicBaseSearch *s = arg;

	for (int i = 0; i < s->n; i++)
		if (s->candidates[i] == block_id)
			return true;
	s->candidates[s->n++] = block_id;
	return s->n < MAX_CANDIDATES;
}

static void
try_neighbours(MosaicBaseSearch *s, MosaicReader *reader, const MosaicBlock *block)
{
	int32		keys[MOSAIC_NEAR_TABLES];

	s->n = 0;
	mosaic_near_keys_of(&s->index, block->geometry, block->payload, keys);
	for (int t = 0; t < MOSAIC_NEAR_TABLES && s->n < MAX_CANDIDATES; t++)
		if (keys[t] != 0)
			mosaic_near_probe(&s->index, keys[t], propose, s);
	for (int i = 0; i < s->n; i++)
		if (s->candidates[i] != s->best)
			try_base(s, reader, block, s->candidates[i]);
}

static void
find_base(MosaicBaseSearch *s, MosaicReader *reader, const MosaicBlock *block, uint32 limit)
{
	s->geometry = mosaic_geometry_pack(block->geometry);
	s->best = 0;
	if (s->last_base != 0 && s->last_base < PG_INT32_MAX)
		try_base(s, reader, block, s->last_base + 1);
	if (s->best == 0 || s->least > limit - limit / 8)
		try_neighbours(s, reader, block);
}

uint32
mosaic_find_delta(MosaicBaseSearch *s, MosaicReader *reader, const MosaicBlock *block, void *delta, int32 *base_id)
{
	uint32		limit = mosaic_delta_limit(block->length),
				length = 0;
	MemoryContext saved;

	if (limit < MOSAIC_MIN_PAYLOAD || !mosaic_delta_possible(block->geometry))
		return 0;
	saved = MemoryContextSwitchTo(s->cxt);
	find_base(s, reader, block, limit);
	MemoryContextSwitchTo(saved);
	MemoryContextReset(s->cxt);
	if (s->best == 0)
		return 0;
	length = mosaic_delta_encode(block->geometry, block->payload, s->base, block->length, s->best, limit, delta);
	if (length == 0)
		return 0;
	*base_id = s->last_base = s->best;
	return length;
}
