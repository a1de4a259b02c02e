/*
 * pins_get.c
 *		The blocks of a request: where their pages are, and pinning these.
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

#include "made_blocks.h"
#include "page_reads.h"
#include "pins_state.h"
#include "reader.h"

/* So many blocks before its turn, a page is fetched into the processor's cache. */
#define PREFETCH_AHEAD 16
#define PREFETCH_TUPLES_AHEAD 3
/* Lines of a tuple: of one that is read now, and where only its beginning is. */
#define PREFETCH_LINES 16
#define PREFETCH_BEGIN 1

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
	int			tensor;
	MosaicTensorBlocks *blocks;
	const void **known;			/* payloads of the tensor's blocks */
	bool		deltas;			/* may be handed on as such */
	Buffer		base_held;		/* the page where the last base was found, pinned; or InvalidBuffer */
	MosaicReader reader;
	int64		to_come;		/* blocks that were not found yet: each may take a page */
} Request;

/* What is handed on of a block; NULL: it is not there. */
static const void *
there(const Request *r, int32 k)
{
	const void *known = r->known[k];

	return known && (r->deltas || mosaic_delta_of(known) == NULL) ? known : mosaic_made_block(r->blocks, k);
}

static bool
is_there(const Request *r, int32 k)
{
	return there(r, k) != NULL;
}

/* A block is kept as its delta and base, whose pages stay pinned. */
static const void *
keep_delta(Request *r, int32 k, const void *delta, uint32 stored)
{
	MosaicPins *pins = r->pins;
	MosaicDeltaBlock **all = &pins->deltas[r->tensor];
	MosaicDeltaBlock *block;
	Buffer		held = r->reader.held,
				buffer;
	const void *base;

	if (*all == NULL)
		*all = MemoryContextAllocExtended(pins->cxt, r->blocks->n * sizeof **all, MCXT_ALLOC_HUGE);
	r->reader.held = r->base_held;
	base = mosaic_made_base(&r->reader, r->blocks, k, delta, stored, pins->owner, &buffer);
	r->reader.held = held;
	if (BufferIsValid(buffer))
	{
		r->base_held = buffer;
		pins->pages++;
	}
	block = &(*all)[k];
	*block = (MosaicDeltaBlock) {.delta = delta,.base = base,.bytes = stored,.whole = r->blocks->payload_bytes,.id = r->blocks->ids[k]};
	return (const char *) block + MOSAIC_DELTA_TAG;
}

/*
 * A block was found; on the page that is held, or on one that was pinned for it.  True where the page is still
 * needed.
 */
static bool
note(Request *r, int32 k, const void *payload, uint32 stored, Buffer buffer, bool hit)
{
	MosaicPins *pins = r->pins;

	r->to_come--;
	if (BufferIsValid(buffer))
		mosaic_cache_used(&pins->use, buffer, hit);
	if (stored != r->blocks->payload_bytes && r->deltas && !mosaic_is_lowered(r->blocks, k))
	{
		mosaic_made_expect(pins->handle, r->blocks);
		if (!mosaic_made_are_kept(pins->handle) && pins->pages + 2 + r->to_come <= pins->budget)
			payload = keep_delta(r, k, payload, stored);
	}
	/* A delta needs its page no longer once the block is made. */
	if (mosaic_delta_of(payload) == NULL && (stored != r->blocks->payload_bytes || mosaic_is_lowered(r->blocks, k)))
	{
		mosaic_made_add(pins->handle, &r->reader, r->blocks, k, payload, stored);
		mosaic_release_pin(buffer, pins->owner);
		return false;
	}
	r->known[k] = payload;
	pins->entries[pins->known++] = &r->known[k];
	if (BufferIsValid(buffer))
	{
		pins->pages++;
		r->reader.held = buffer;
	}
	return true;
}

/* Of deltas not only the pages are known, but those of their bases; then the tuples on both. */
static void
prefetch_deltas(const Request *r, int64 count, const int32 *indexes, const Buffer *seen, int64 i)
{
	MosaicTensorBlocks *blocks = r->blocks;
	int			lines = r->deltas && !mosaic_made_are_kept(r->pins->handle) ? PREFETCH_BEGIN : PREFETCH_LINES;
	int64		next = i + PREFETCH_AHEAD,
				near = i + PREFETCH_TUPLES_AHEAD;

	if (next < count && BufferIsValid(blocks->base_buffers[indexes[next]]))
		mosaic_prefetch_recent(&blocks->base_places[indexes[next]], blocks->payload_bytes,
							   blocks->base_buffers[indexes[next]]);
	if (near < 0 || near >= count)
		return;
	if (BufferIsValid(seen[near]))
		mosaic_prefetch_tuple(&blocks->places[indexes[near]], seen[near], lines);
	if (BufferIsValid(blocks->base_buffers[indexes[near]]))
		mosaic_prefetch_tuple(&blocks->base_places[indexes[near]], blocks->base_buffers[indexes[near]], lines);
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
	Buffer		seen[MOSAIC_MAX_WINDOW];
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
			prefetch_deltas(r, count, indexes, seen, i);
		if (i < 0)
			continue;
		k = indexes[i];
		if (is_there(r, k))
			continue;
		if (BufferIsValid(seen[i]))
			payload = mosaic_recent_block(&r->reader, blocks->ids[k], blocks->payload_bytes,
										  &blocks->places[k], seen[i], r->pins->owner, &buffer, &stored);
		if (payload)
			(void) note(r, k, payload, stored, buffer, true);
		else
			indexes[left++] = k;
	}
	return left;
}

/* The blocks of one request that lie on pages which are pinned one after another. */
typedef struct Others
{
	Request    *r;
	int64		count;
	const int32 *indexes;		/* in the order of places */
	int64		next;
} Others;

static BlockNumber
page_of(const Request *r, int32 k)
{
	return ItemPointerGetBlockNumberNoCheck(&r->blocks->places[k]);
}

/* Finds a block; true where it is kept on the page that is held. */
static bool
get_block(Request *r, int32 k)
{
	MosaicTensorBlocks *blocks = r->blocks;
	int64		read = pgBufferUsage.shared_blks_read;
	const void *payload;
	Buffer		buffer;
	uint32		stored;

	if (is_there(r, k))
		return false;
	r->reader.ring = mosaic_cache_ring(&r->pins->use, page_of(r, k));
	payload = mosaic_read_stored(&r->reader, blocks->ids[k], blocks->payload_bytes,
								 &blocks->places[k], r->pins->owner, &buffer, &stored);
	return note(r, k, payload, stored, buffer, pgBufferUsage.shared_blks_read == read) && !BufferIsValid(buffer);
}

/* A page is pinned where blocks are, or were when they were last seen. */
static void
get_blocks_on(Buffer buffer, bool hit, void *arg)
{
	Others	   *o = arg;
	BlockNumber page = BufferGetBlockNumber(buffer);
	bool		kept = false;

	mosaic_cache_used(&o->r->pins->use, buffer, hit);
	/* One that is named twice is there the second time, and may have got another place. */
	for (; o->next < o->count && (is_there(o->r, o->indexes[o->next]) || page_of(o->r, o->indexes[o->next]) <= page); o->next++)
	{
		o->r->reader.held = buffer;
		if (!get_block(o->r, o->indexes[o->next]) || kept)
			continue;
		kept = true;
		o->r->pins->pages++;
	}
	o->r->reader.held = InvalidBuffer;
	if (!kept)
		mosaic_release_pin(buffer, o->r->pins->owner);
}

/* The distinct pages of blocks that are in the order of places; those that exist. */
static int
list_pages(const Request *r, int64 count, const int32 *indexes, MosaicPageRead *pages)
{
	BlockNumber npages = r->reader.npages;
	int			n = 0;

	for (int64 i = 0; i < count; i++)
	{
		BlockNumber page = page_of(r, indexes[i]);

		if (page == InvalidBlockNumber || (n > 0 && pages[n - 1].page == page) || is_there(r, indexes[i]))
			continue;
		if (page >= npages && page >= (npages = RelationGetNumberOfBlocks(r->reader.rel)))
			break;
		pages[n].page = page;
		pages[n++].ring = mosaic_cache_ring(&r->pins->use, page);
	}
	return n;
}

/*
 * Pins the others, in the order of the pages where they lie.  A map may go to and fro
 * between the pages of several sharing classes; in this order each run of pages is
 * read at once, and the operating system reads ahead.
 */
static void
get_others(Request *r, int64 count, int32 *indexes)
{
	Others		others = {r, count, indexes};
	MosaicPageRead *pages = palloc(Max(count, 1) * sizeof *pages);

	qsort_arg(indexes, count, sizeof(int32), compare_places, r->blocks->places);
	mosaic_pin_pages(r->reader.rel, pages, list_pages(r, count, indexes, pages), r->pins->owner, get_blocks_on,
					 &others);
	/* Of which nobody knows where they are. */
	for (; others.next < count; others.next++)
		(void) get_block(r, indexes[others.next]);
	pfree(pages);
}

/* The same; after an error no page stays pinned without anybody's knowing. */
static void
get_others_safely(Request *r, int64 count, int32 *indexes)
{
	ResourceOwner saved = CurrentResourceOwner;

	PG_TRY();
	{
		get_others(r, count, indexes);
	}
	PG_CATCH();
	{
		CurrentResourceOwner = saved;
		mosaic_pins_drop(r->pins);
		PG_RE_THROW();
	}
	PG_END_TRY();
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

void
mosaic_pins_get(MosaicPins *pins, int tensor, int64 count, const int32 *indexes,
				bool deltas, const void **payloads)
{
	MosaicTensorBlocks *blocks = &pins->handle->tensors[tensor];
	Request		request = {pins, tensor, blocks, pins->payloads[tensor], deltas, InvalidBuffer};
	int32		missing[MOSAIC_MAX_WINDOW];
	int64		n;

	Assert(count <= MOSAIC_MAX_WINDOW);
	if (request.known == NULL)
		request.known = pins->payloads[tensor] =
			MemoryContextAllocExtended(pins->cxt, blocks->n * sizeof(void *),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	n = find_missing(&request, count, indexes, missing);
	if (n > 0)
	{
		bool		pinned = deltas && !mosaic_made_are_kept(pins->handle);
		bool		kept = mosaic_pins_make_room(pins, pinned ? 2 * n : n);

		if (!mosaic_made_have_room(pins->handle, blocks, pinned ? 0 : n))
		{
			mosaic_made_forget(pins->handle);
			kept = false;
		}
		if (!kept)
			n = find_missing(&request, count, indexes, missing);
		mosaic_pins_reserve(pins, n);
		mosaic_pins_ensure_owner(pins);
		mosaic_reader_open(&request.reader);
		mosaic_cache_start(&pins->use, pins->handle, request.reader.rel);
		request.to_come = n;
		n = get_recent(&request, n, missing);
		if (n > 0)
			get_others_safely(&request, n, missing);
		mosaic_cache_flush(&pins->use);
		mosaic_reader_close(&request.reader);
	}
	for (int64 i = 0; i < count; i++)
		payloads[i] = there(&request, indexes[i]);
}
