/*
 * cache.c
 *		Requests of models are counted, and their pages get the usage count they deserve.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "lib/qunique.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "cache.h"
#include "cache_shared.h"
#include "catalog.h"

bool		mosaic_cache_policy = true;
int			mosaic_cache_half_life = 300;

/* What this transaction drops; in TopTransactionContext. */
static List *dropped = NIL;
static bool moved = false;

/* ---------------------------------------------------------------- requests */

void
mosaic_cache_start(MosaicCacheUse *use, MosaicModelHandle *handle, Relation rel)
{
	MosaicCacheTable *table;
	double		half_life = mosaic_cache_half_life_ticks();
	uint32		now;

	if (use->running)
		return;
	memset(use, 0, sizeof *use);
	use->running = true;
	use->slot = MOSAIC_CACHE_NONE;
	use->page = InvalidBlockNumber;
	table = mosaic_cache_lock(rel, false);
	if (table == NULL)
		return;
	now = mosaic_cache_now();
	use->generation = mosaic_cache_generation();
	use->epoch = mosaic_cache_epoch(table);
	use->slot = mosaic_cache_find(table, handle->key.model_id);
	if (use->slot == MOSAIC_CACHE_NONE)
		use->enter = mosaic_cache_accepts(table);
	else
		mosaic_cache_request(table, use->slot, now, half_life);
	mosaic_cache_unlock();

	if (mosaic_cache_is_due(table, now) && mosaic_cache_lock_mapped(false))
	{
		mosaic_cache_decide(table, NBuffers, now, half_life);
		mosaic_cache_unlock();
	}
	use->larger = mosaic_cache_policy && use->slot != MOSAIC_CACHE_NONE &&
		mosaic_cache_larger(table, use->slot, NBuffers);
	use->steering = use->larger || (mosaic_cache_policy && mosaic_cache_steering(table));
	use->credit = use->credit_before = mosaic_cache_credit(table);
}

/* The table if use is still of it. */
static MosaicCacheTable *
table_of(const MosaicCacheUse *use)
{
	MosaicCacheTable *table = mosaic_cache_table();

	return table && use->generation == mosaic_cache_generation() &&
		use->epoch == mosaic_cache_epoch(table) ? table : NULL;
}

BufferAccessStrategy
mosaic_cache_ring(const MosaicCacheUse *use, BlockNumber page)
{
	static BufferAccessStrategy ring = NULL;
	MosaicCacheTable *table;

	if (!use->larger || (table = table_of(use)) == NULL || mosaic_cache_keeps(table, page))
		return NULL;
	if (ring == NULL)
	{
		MemoryContext saved = MemoryContextSwitchTo(TopMemoryContext);

		/* An eighth of the pool, 16 MB at most: that of BAS_BULKREAD is smaller than what is pinned at a time. */
		ring = GetAccessStrategy(BAS_BULKWRITE);
		MemoryContextSwitchTo(saved);
	}
	return ring;
}

static void
flush_class(MosaicCacheUse *use, MosaicCacheTable *table)
{
	if (use->page_class != 0)
		mosaic_cache_count_class(table, use->page_class, use->class_hits, use->class_reads);
	use->class_hits = use->class_reads = 0;
}

static void
steer(MosaicCacheUse *use, MosaicCacheTable *table, Buffer buffer)
{
	BufferDesc *desc = GetBufferDescriptor(buffer - 1);
	uint32		state = pg_atomic_read_u32(&desc->state);
	uint32		usage = BUF_STATE_GET_USAGECOUNT(state);
	uint32		wanted = mosaic_cache_steer(table, use->page, use->page_class, usage, &use->credit);

	if (wanted == usage)
		return;
	state = LockBufHdr(desc);
	state = (state & ~BUF_USAGECOUNT_MASK) | wanted * BUF_USAGECOUNT_ONE;
	UnlockBufHdr(desc, state);
}

static void
remember(MosaicCacheTable *table, BlockNumber page, Buffer buffer)
{
	pg_atomic_uint32 *seen = mosaic_cache_seen();

	/* Few pages are seen elsewhere: a line that is only read stays in every processor's cache. */
	if (page < mosaic_cache_capacity(table) && pg_atomic_read_u32(&seen[page]) != (uint32) buffer)
		pg_atomic_write_u32(&seen[page], (uint32) buffer);
}

void
mosaic_cache_find_buffers(const MosaicCacheUse *use, MosaicTensorBlocks *blocks,
						  int64 count, const int32 *indexes, Buffer *buffers)
{
	MosaicCacheTable *table = table_of(use);
	pg_atomic_uint32 *seen = mosaic_cache_seen();
	BlockNumber npages = table ? mosaic_cache_capacity(table) : 0;

	for (int64 i = 0; i < count; i++)
	{
		BlockNumber page = ItemPointerGetBlockNumberNoCheck(&blocks->places[indexes[i]]);
		uint32		buffer = page < npages ? pg_atomic_read_u32(&seen[page]) : InvalidBuffer;

		buffers[i] = buffer <= (uint32) NBuffers ? (Buffer) buffer : InvalidBuffer;
	}
}

void
mosaic_cache_used(MosaicCacheUse *use, Buffer buffer, bool hit)
{
	BlockNumber page = BufferGetBlockNumber(buffer);
	MosaicCacheTable *table;
	uint32		page_class;

	/* A page of several blocks is pinned for each. */
	if (page == use->page || (table = table_of(use)) == NULL)
		return;
	use->page = page;
	remember(table, page, buffer);
	page_class = mosaic_cache_class_of(table, page);
	if (page_class != use->page_class)
	{
		flush_class(use, table);
		use->page_class = page_class;
	}
	use->hits += hit;
	use->reads += !hit;
	use->class_hits += hit;
	use->class_reads += !hit;
	if (use->steering && page_class != 0)
		steer(use, table, buffer);
}

void
mosaic_cache_flush(MosaicCacheUse *use)
{
	MosaicCacheTable *table = table_of(use);

	if (table)
	{
		flush_class(use, table);
		if (use->slot != MOSAIC_CACHE_NONE)
		{
			mosaic_cache_count(table, use->slot, use->hits, use->reads);
			use->hits = use->reads = 0;
		}
		if (use->credit != use->credit_before)
			mosaic_cache_add_credit(table, use->credit - use->credit_before);
		use->credit = use->credit_before = mosaic_cache_credit(table);
	}
}

/* ---------------------------------------------------------------- entering */

static int
compare_pages(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a,
				y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

/* The distinct pages where the model's blocks were seen last. */
static uint32 *
pages_of(MosaicModelHandle *handle, size_t *n)
{
	uint32	   *pages = MemoryContextAllocHuge(CurrentMemoryContext,
											   Max(handle->nblocks, 1) * sizeof(uint32));
	size_t		k = 0;

	for (int i = 0; i < handle->ntensors; i++)
	{
		MosaicTensorBlocks *blocks = &handle->tensors[i];

		for (int64 j = 0; j < blocks->n; j++)
		{
			ItemPointer place = &blocks->places[j];

			if (ItemPointerIsValid(place) &&
				(k == 0 || pages[k - 1] != ItemPointerGetBlockNumberNoCheck(place)))
				pages[k++] = ItemPointerGetBlockNumberNoCheck(place);
		}
	}
	qsort(pages, k, sizeof(uint32), compare_pages);
	*n = qunique(pages, k, sizeof(uint32), compare_pages);
	return pages;
}

/* Makes the model's pages known: now that they were read, it is known where its blocks lie. */
static void
enter(MosaicCacheUse *use, MosaicModelHandle *handle)
{
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);
	double		half_life = mosaic_cache_half_life_ticks();
	size_t		n;
	uint32	   *pages = pages_of(handle, &n);
	MosaicCacheTable *table = mosaic_cache_lock(rel, true);

	if (table)
	{
		int64		id = handle->key.model_id;
		uint32		now = mosaic_cache_now();
		int			slot = mosaic_cache_add(table, id, pages, n);

		if (slot == MOSAIC_CACHE_NONE && mosaic_cache_should_forget(table, now, half_life))
		{
			mosaic_cache_forget(table, now, half_life);
			slot = mosaic_cache_add(table, id, pages, n);
		}
		if (slot != MOSAIC_CACHE_NONE)
		{
			mosaic_cache_request(table, slot, now, half_life);
			mosaic_cache_count(table, slot, use->hits, use->reads);
		}
		mosaic_cache_unlock();
	}
	pfree(pages);
	table_close(rel, NoLock);
}

void
mosaic_cache_end(MosaicCacheUse *use, MosaicModelHandle *handle)
{
	if (use->running && use->enter)
		enter(use, handle);
	use->running = false;
}

/* ---------------------------------------------------------------- changes of the store */

/* Maps the table now: at the commit nothing may fail. */
static void
map_table(void)
{
	Relation	rel = table_open(mosaic_relid("block"), AccessShareLock);

	if (mosaic_cache_lock(rel, false))
		mosaic_cache_unlock();
	table_close(rel, NoLock);
}

void
mosaic_cache_drops(int64 model_id)
{
	MemoryContext saved;
	int64	   *id;

	map_table();
	saved = MemoryContextSwitchTo(TopTransactionContext);
	id = palloc(sizeof(int64));
	*id = model_id;
	dropped = lappend(dropped, id);
	MemoryContextSwitchTo(saved);
}

void
mosaic_cache_moves(void)
{
	map_table();
	moved = true;
}

/*
 * What was rolled back to a savepoint is forgotten, too: the model enters again
 * with its next request.
 */
static void
xact_callback(XactEvent event, void *arg)
{
	MosaicCacheTable *table;

	if ((event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE) && (dropped || moved) &&
		(table = mosaic_cache_lock_mapped(true)) != NULL)
	{
		ListCell   *lc;

		foreach(lc, dropped)
			mosaic_cache_remove(table, *(int64 *) lfirst(lc));
		if (moved)
			mosaic_cache_forget(table, mosaic_cache_now(), mosaic_cache_half_life_ticks());
		mosaic_cache_unlock();
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE || event == XACT_EVENT_ABORT)
	{
		dropped = NIL;
		moved = false;
	}
}

void
mosaic_cache_module_init(void)
{
	DefineCustomBoolVariable("pg_mosaic.cache_policy",
							 "Lets pages of models stay in shared_buffers the longer the more they are wanted.",
							 "Off, PostgreSQL decides alone which pages leave.",
							 &mosaic_cache_policy, true, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_mosaic.cache_half_life",
							"Time after which a request counts half for the rate of its model.",
							"Should be the same in all sessions.",
							&mosaic_cache_half_life, 300, 1, 30 * 24 * 3600, PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	RegisterXactCallback(xact_callback, NULL);
}
