/*
 * pins.c
 *		The pages of a model that a query keeps pinned.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "cache.h"
#include "made_blocks.h"
#include "pin_shares.h"
#include "pins.h"
#include "reader.h"

struct MosaicPins
{
	dlist_node	node;			/* in all_pins */
	MosaicModelHandle *handle;
	MemoryContext cxt;
	MemoryContextCallback callback;
	const void ***payloads;		/* per tensor and block: NULL where not pinned */
	ResourceOwner owner;		/* of pins; NULL while there are none */
	SubTransactionId subxact;	/* that took the owner */
	uint32		shares;			/* of the pool, that are held */
	int64		budget;			/* pages that may be pinned */
	int64		pages;			/* pins; a page may have two, from two requests */
	bool		used_before;	/* a prediction is done */
	int64		known;
	const void ***entries;		/* of payloads that are not NULL: known of them, room for capacity */
	int64		capacity;
	MosaicCacheUse use;			/* of the cache, by the run under way */
};

static dlist_head all_pins = DLIST_STATIC_INIT(all_pins);

/* Most blocks of one request. */
#define MAX_WINDOW 4096

/*
 * The first prediction of a query is often the only one.  It lets go of what it
 * has before it takes more than so many pins: the server's own records of many
 * pins are larger than the CPU's caches, and cost more than pinning once more.
 */
#define FIRST_PINS 512

/* So many blocks before its turn, a page is fetched into the processor's cache. */
#define PREFETCH_AHEAD 16
#define PREFETCH_TUPLES_AHEAD 3

static int
share_pages(void)
{
	return NBuffers / (2 * MOSAIC_PIN_SHARES);
}

/* Forgets which payloads are pinned. */
static void
forget(MosaicPins *pins)
{
	for (int64 i = 0; i < pins->known; i++)
		*pins->entries[i] = NULL;
	pins->known = 0;
	pins->pages = 0;
}

static void
release_owner(ResourceOwner owner)
{
	/* Not as a commit: that would warn of pins that it finds. */
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
}

/*
 * Brings the descriptors of what is pinned into the processor's cache, which has
 * seen weights since: giving back pins one by one would wait for each.
 */
static void
prefetch_descriptors(const MosaicPins *pins)
{
	for (int64 i = 0; i < pins->known; i++)
	{
		const char *payload = *pins->entries[i];

		__builtin_prefetch(GetBufferDescriptor((payload - BufferBlocks) / BLCKSZ), 1);
	}
}

/* Lets go of everything but the shares. */
static void
unpin(MosaicPins *pins)
{
	if (pins->owner == NULL)
		return;
	prefetch_descriptors(pins);
	release_owner(pins->owner);
	pins->owner = NULL;
	forget(pins);
}

/* Gives back all pins and shares.  Never raises an error. */
static void
release(MosaicPins *pins)
{
	unpin(pins);
	mosaic_return_pin_shares(pins->shares);
	pins->shares = 0;
	pins->budget = 0;
}

void
mosaic_pins_pause(MosaicPins *pins)
{
	pins->used_before = true;
	mosaic_cache_end(&pins->use, pins->handle);
	/* A parallel worker has no shares, but its end is near. */
	if (pins->shares == 0 && !IsParallelWorker())
		unpin(pins);
}

static void
context_callback(void *arg)
{
	MosaicPins *pins = arg;

	release(pins);
	dlist_delete(&pins->node);
}

static void
xact_callback(XactEvent event, void *arg)
{
	dlist_iter	iter;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			dlist_foreach(iter, &all_pins)
				release(dlist_container(MosaicPins, node, iter.cur));
			break;
		default:
			break;
	}
}

/* The locks on the block table that protect pins go with the subtransaction, so pins do too. */
static void
subxact_callback(SubXactEvent event, SubTransactionId subxact, SubTransactionId parent, void *arg)
{
	dlist_iter	iter;

	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	dlist_foreach(iter, &all_pins)
	{
		MosaicPins *pins = dlist_container(MosaicPins, node, iter.cur);

		if ((pins->owner || pins->shares) && pins->subxact >= subxact)
			release(pins);
	}
}

void
mosaic_pins_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}

MosaicPins *
mosaic_pins_new(MemoryContext cxt, MosaicModelHandle *handle)
{
	MosaicPins *pins;

	/* A context of its own: freeing it runs the callback. */
	cxt = AllocSetContextCreate(cxt, "pg_mosaic pins", ALLOCSET_SMALL_SIZES);
	pins = MemoryContextAllocZero(cxt, sizeof *pins);
	pins->cxt = cxt;
	pins->handle = handle;
	pins->payloads = MemoryContextAllocZero(cxt, Max(handle->ntensors, 1) * sizeof(void **));
	pins->capacity = 64;
	pins->entries = MemoryContextAlloc(cxt, pins->capacity * sizeof *pins->entries);
	pins->callback.func = context_callback;
	pins->callback.arg = pins;
	dlist_push_head(&all_pins, &pins->node);
	MemoryContextRegisterResetCallback(cxt, &pins->callback);
	return pins;
}

void
mosaic_pins_free(MosaicPins *pins)
{
	MemoryContextDelete(pins->cxt);
}

int64
mosaic_pins_held(MosaicPins *pins)
{
	return pins->pages;
}

static void
ensure_owner(MosaicPins *pins)
{
	if (pins->owner)
		return;
	pins->owner = ResourceOwnerCreate(TopTransactionResourceOwner, "pg_mosaic pins");
	pins->subxact = GetCurrentSubTransactionId();
}

/* Takes one more share of the pool, if one is free. */
static bool
take_share(MosaicPins *pins)
{
	uint32		share;

	/* Parallel workers keep to their window: their leader has shares already. */
	if (share_pages() < 4 || IsParallelWorker())
		return false;
	ensure_owner(pins);		/* before: it may fail */
	share = mosaic_take_pin_share();
	pins->shares |= share;
	pins->budget = (int64) pg_popcount32(pins->shares) * share_pages();
	return share != 0;
}

int
mosaic_pins_window(MosaicPins *pins)
{
	if (pins->shares == 0 && !take_share(pins))
		pins->budget = IsParallelWorker() ? Max(share_pages() / 4, 1) : share_pages() >= 16 ? 4 : 1;
	return (int) Min(Min(pins->shares ? share_pages() : pins->budget, MAX_WINDOW),
					 mosaic_made_window(pins->handle));
}

static int
compare_places(const void *a, const void *b, void *places)
{
	return ItemPointerCompare((ItemPointer) places + *(const int32 *) a,
							  (ItemPointer) places + *(const int32 *) b);
}

/* One call of mosaic_pins_get. */
typedef struct Request
{
	MosaicPins *pins;
	MosaicTensorBlocks *blocks;
	const void **known;			/* payloads of the tensor's blocks */
	MosaicReader reader;
} Request;

static bool
is_there(const Request *r, int32 k)
{
	return r->known[k] != NULL || mosaic_made_block(r->blocks, k) != NULL;
}

/* A block was found; on the page that is held, or on one that was pinned for it. */
static void
note(Request *r, int32 k, const void *payload, uint32 stored, Buffer buffer, bool hit)
{
	MosaicPins *pins = r->pins;

	if (BufferIsValid(buffer))
		mosaic_cache_used(&pins->use, buffer, hit);
	/* A delta needs its page no longer once the block is made. */
	if (stored != r->blocks->payload_bytes || mosaic_is_lowered(r->blocks, k))
	{
		mosaic_made_add(pins->handle, &r->reader, r->blocks, k, payload, stored);
		mosaic_release_pin(buffer, pins->owner);
		return;
	}
	r->known[k] = payload;
	pins->entries[pins->known++] = &r->known[k];
	if (BufferIsValid(buffer))
	{
		pins->pages++;
		r->reader.held = buffer;
	}
}

/* Of deltas not only the pages are known, but those of their bases; then the tuples on both. */
static void
prefetch_deltas(MosaicTensorBlocks *blocks, int64 count, const int32 *indexes, const Buffer *seen, int64 i)
{
	int64		next = i + PREFETCH_AHEAD,
				near = i + PREFETCH_TUPLES_AHEAD;

	if (next < count && BufferIsValid(blocks->base_buffers[indexes[next]]))
		mosaic_prefetch_recent(&blocks->base_places[indexes[next]], blocks->payload_bytes,
							   blocks->base_buffers[indexes[next]]);
	if (near < 0 || near >= count)
		return;
	if (BufferIsValid(seen[near]))
		mosaic_prefetch_tuple(&blocks->places[indexes[near]], seen[near]);
	if (BufferIsValid(blocks->base_buffers[indexes[near]]))
		mosaic_prefetch_tuple(&blocks->base_places[indexes[near]], blocks->base_buffers[indexes[near]]);
}

/*
 * Pins what is still in the buffers where it was seen last.  Leaves in indexes what
 * is not; returns how many these are.  Descriptors and pages are in nobody's cache,
 * but where they lie is known beforehand.
 */
static int64
get_recent(Request *r, int64 count, int32 *indexes)
{
	MosaicTensorBlocks *blocks = r->blocks;
	Buffer		seen[MAX_WINDOW];
	int64		left = 0;

	mosaic_cache_find_buffers(&r->pins->use, blocks, count, indexes, seen);
	for (int64 i = -PREFETCH_AHEAD; i < count; i++)
	{
		int64		next = i + PREFETCH_AHEAD;
		const void *payload = NULL;
		Buffer		buffer = InvalidBuffer;
		uint32		stored;
		int32		k;

		if (next < count && BufferIsValid(seen[next]))
			mosaic_prefetch_recent(&blocks->places[indexes[next]], blocks->payload_bytes, seen[next]);
		if (blocks->made)
			prefetch_deltas(blocks, count, indexes, seen, i);
		if (i < 0)
			continue;
		k = indexes[i];
		if (is_there(r, k))
			continue;
		if (BufferIsValid(seen[i]))
			payload = mosaic_recent_block(&r->reader, blocks->ids[k], blocks->payload_bytes,
										  &blocks->places[k], seen[i], r->pins->owner, &buffer, &stored);
		if (payload)
			note(r, k, payload, stored, buffer, true);
		else
			indexes[left++] = k;
	}
	return left;
}

/*
 * Pins the others, in the order of the pages where they lie.  A map may go to and fro
 * between the pages of several sharing classes; in this order each run of pages is
 * read at once, and the operating system reads ahead.
 */
static void
get_others(Request *r, int64 count, int32 *indexes)
{
	MosaicTensorBlocks *blocks = r->blocks;
	int64		read_before = pgBufferUsage.shared_blks_read;
	bool		prefetched = false;

	qsort_arg(indexes, count, sizeof(int32), compare_places, blocks->places);
	for (int64 i = 0; i < count; i++)
	{
		int64		read = pgBufferUsage.shared_blks_read;
		int32		k = indexes[i];
		const void *payload;
		Buffer		buffer;
		uint32		stored;

		if (is_there(r, k))
			continue;
		r->reader.ring = mosaic_cache_ring(&r->pins->use, ItemPointerGetBlockNumberNoCheck(&blocks->places[k]));
		payload = mosaic_read_stored(&r->reader, blocks->ids[k], blocks->payload_bytes,
									 &blocks->places[k], r->pins->owner, &buffer, &stored);
		note(r, k, payload, stored, buffer, pgBufferUsage.shared_blks_read == read);
		/* One page was not cached: neither may the others be. */
		if (!prefetched && pgBufferUsage.shared_blks_read != read_before)
		{
			mosaic_prefetch_pages(r->reader.rel, blocks->places, count - i - 1, indexes + i + 1);
			prefetched = true;
		}
	}
}

/* Which of the blocks are not pinned; one that is asked for twice may be named twice. */
static int64
find_missing(const Request *r, int64 count, const int32 *indexes, int32 *missing)
{
	int64		n = 0;

	for (int64 i = 0; i < count; i++)
		if (!is_there(r, indexes[i]))
			missing[n++] = indexes[i];
	return n;
}

/* Makes room for the pins of so many more blocks; false where others had to go for it. */
static bool
make_room(MosaicPins *pins, int64 more)
{
	bool		kept = pins->used_before || pins->pages <= FIRST_PINS;

	/* Each may lie on a page of its own.  Of a model larger than the pool no share is ever enough. */
	while (kept && pins->pages + more > pins->budget && !pins->use.larger && take_share(pins))
		;
	/* Else the model does not fit. */
	kept = kept && pins->pages + more <= pins->budget;
	if (!kept)
		unpin(pins);
	return kept;
}

static void
reserve_entries(MosaicPins *pins, int64 more)
{
	if (pins->known + more > pins->capacity)
	{
		pins->capacity = Max(pins->known + more, 2 * pins->capacity);
		pins->entries = repalloc_huge(pins->entries, pins->capacity * sizeof *pins->entries);
	}
}

void
mosaic_pins_get(MosaicPins *pins, int tensor, int64 count, const int32 *indexes,
				const void **payloads)
{
	MosaicTensorBlocks *blocks = &pins->handle->tensors[tensor];
	Request		request = {pins, blocks, pins->payloads[tensor]};
	int32		missing[MAX_WINDOW];
	int64		n;

	Assert(count <= MAX_WINDOW);
	if (request.known == NULL)
		request.known = pins->payloads[tensor] =
			MemoryContextAllocExtended(pins->cxt, blocks->n * sizeof(void *),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	n = find_missing(&request, count, indexes, missing);
	if (n > 0)
	{
		bool		kept = make_room(pins, n);

		if (!mosaic_made_have_room(pins->handle, blocks, n))
		{
			mosaic_made_forget(pins->handle);
			kept = false;
		}
		if (!kept)
			n = find_missing(&request, count, indexes, missing);
		reserve_entries(pins, n);
		ensure_owner(pins);
		mosaic_reader_open(&request.reader);
		mosaic_cache_start(&pins->use, pins->handle, request.reader.rel);
		n = get_recent(&request, n, missing);
		get_others(&request, n, missing);
		mosaic_cache_flush(&pins->use);
		mosaic_reader_close(&request.reader);
	}
	for (int64 i = 0; i < count; i++)
		payloads[i] = request.known[indexes[i]] ? request.known[indexes[i]] : blocks->made[indexes[i]];
}
