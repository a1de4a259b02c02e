/*
 * pins.c
 *		The pages of a model that a query keeps pinned.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "cache.h"
#include "pins.h"
#include "store.h"

/* "mosa", "ic": tells our locks from advisory locks of users. */
#define PIN_LOCK_CLASS 0x6d6f7361
#define PIN_LOCK_KIND 0x6963

struct MosaicPins
{
	dlist_node	node;			/* in all_pins */
	MosaicModelHandle *handle;
	MemoryContext cxt;
	MemoryContextCallback callback;
	const void ***payloads;		/* per tensor and block: NULL where not pinned */
	ResourceOwner owner;		/* of slots; NULL while there are none */
	ResourceOwner pin_owner;	/* of pins, its child */
	SubTransactionId subxact;	/* that took them */
	int			slots;			/* shares of the pool held */
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
#define MAX_WINDOW 1024

/*
 * The first prediction of a query is often the only one.  It keeps no more than
 * about so many pins: the server's own records of many pins are larger than the
 * CPU's caches, and cost more than pinning a large model once more.
 */
#define FIRST_PINS 512

static int
slot_pages(void)
{
	return NBuffers / (2 * MOSAIC_PIN_SLOTS);
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

/* Gives back all pins and slots.  Never raises an error. */
static void
release(MosaicPins *pins)
{
	if (pins->owner == NULL)
		return;
	release_owner(pins->owner);
	pins->owner = NULL;
	pins->pin_owner = NULL;
	pins->slots = 0;
	pins->budget = 0;
	forget(pins);
}

/* Lets go of everything but the slots. */
static void
unpin(MosaicPins *pins)
{
	if (pins->pages == 0)
		return;
	release_owner(pins->pin_owner);
	pins->pin_owner = NULL;
	forget(pins);
}

void
mosaic_pins_pause(MosaicPins *pins)
{
	pins->used_before = true;
	mosaic_cache_end(&pins->use, pins->handle);
	/* A parallel worker has no slots, but its end is near. */
	if (pins->slots == 0 && !IsParallelWorker())
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

		if (pins->owner && pins->subxact >= subxact)
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
ensure_owners(MosaicPins *pins)
{
	if (pins->owner == NULL)
	{
		pins->owner = ResourceOwnerCreate(TopTransactionResourceOwner, "pg_mosaic slots");
		pins->subxact = GetCurrentSubTransactionId();
	}
	if (pins->pin_owner == NULL)
		pins->pin_owner = ResourceOwnerCreate(pins->owner, "pg_mosaic pins");
}

/* Takes one more share of the pool, if one is free. */
static bool
take_slot(MosaicPins *pins)
{
	ResourceOwner saved = CurrentResourceOwner;
	bool		taken = false;

	/*
	 * A parallel worker's locks do not conflict with its leader's, so slots say
	 * nothing there: it keeps to its window.
	 */
	if (pins->slots == MOSAIC_PIN_SLOTS || slot_pages() < 4 || IsParallelWorker())
		return false;
	ensure_owners(pins);
	CurrentResourceOwner = pins->owner;
	for (int i = 0; i < MOSAIC_PIN_SLOTS && !taken; i++)
	{
		/* Start at a place of our own, so that backends seldom meet. */
		int			slot = (MyProcPid + i) % MOSAIC_PIN_SLOTS;
		LOCKTAG		tag;

		/* Database 0: the pool is the cluster's. */
		SET_LOCKTAG_ADVISORY(tag, InvalidOid, PIN_LOCK_CLASS, slot, PIN_LOCK_KIND);
		switch (LockAcquire(&tag, ExclusiveLock, false, true))
		{
			case LOCKACQUIRE_OK:
				taken = true;
				break;
			case LOCKACQUIRE_ALREADY_HELD:	/* by another MosaicPins of ours */
				LockRelease(&tag, ExclusiveLock, false);
				break;
			default:
				break;
		}
	}
	CurrentResourceOwner = saved;
	if (taken)
	{
		pins->slots++;
		pins->budget = (int64) pins->slots * slot_pages();
	}
	return taken;
}

int
mosaic_pins_window(MosaicPins *pins)
{
	if (pins->slots == 0 && !take_slot(pins))
		pins->budget = IsParallelWorker() ? Max(slot_pages() / 4, 1) : slot_pages() >= 16 ? 4 : 1;
	return (int) Min(pins->slots ? slot_pages() : pins->budget, MAX_WINDOW);
}

static int
compare_places(const void *a, const void *b, void *places)
{
	return ItemPointerCompare((ItemPointer) places + *(const int32 *) a,
							  (ItemPointer) places + *(const int32 *) b);
}

/*
 * The indexes in the order of the pages where their blocks lie.  A map may go to
 * and fro between the pages of several sharing classes; read in this order, each
 * run of pages is read at once, and the operating system reads ahead.
 */
static const int32 *
in_page_order(MosaicTensorBlocks *blocks, int64 count, const int32 *indexes, int32 *room)
{
	int64		i = 1;

	while (i < count && compare_places(&indexes[i - 1], &indexes[i], blocks->places) <= 0)
		i++;
	if (i >= count)
		return indexes;
	memcpy(room, indexes, count * sizeof(int32));
	qsort_arg(room, count, sizeof(int32), compare_places, blocks->places);
	return room;
}

/* Tells the operating system which pages will be read for these indexes. */
static void
prefetch(Relation rel, MosaicTensorBlocks *blocks, int64 count, const int32 *indexes)
{
	BlockNumber npages = RelationGetNumberOfBlocks(rel);
	BlockNumber last = InvalidBlockNumber;

	if (effective_io_concurrency == 0)
		return;
	for (int64 i = 0; i < count; i++)
	{
		ItemPointer place = &blocks->places[indexes[i]];
		BlockNumber page = ItemPointerGetBlockNumberNoCheck(place);

		if (ItemPointerIsValid(place) && page != last && page < npages)
			PrefetchBuffer(rel, MAIN_FORKNUM, last = page);
	}
}

void
mosaic_pins_get(MosaicPins *pins, int tensor, int64 count, const int32 *indexes,
				const void **payloads)
{
	MosaicTensorBlocks *blocks = &pins->handle->tensors[tensor];
	const void **known = pins->payloads[tensor];
	MosaicReader reader;
	int64		missing = 0;
	int32		room[MAX_WINDOW];
	const int32 *ordered;
	int64		read_before;
	bool		prefetched = false;

	Assert(count <= MAX_WINDOW);
	if (known == NULL)
		known = pins->payloads[tensor] =
			MemoryContextAllocExtended(pins->cxt, blocks->n * sizeof(void *),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 i = 0; i < count; i++)
	{
		payloads[i] = known[indexes[i]];
		missing += payloads[i] == NULL;
	}
	if (missing == 0)
		return;

	if (!pins->used_before && pins->pages > FIRST_PINS)
	{
		unpin(pins);
		missing = count;
	}
	/* Each may lie on a page of its own. */
	while (pins->pages + missing > pins->budget && take_slot(pins))
		;
	if (pins->pages + missing > pins->budget)
	{
		/* The model does not fit. */
		unpin(pins);
		missing = count;
	}
	if (pins->known + missing > pins->capacity)
	{
		pins->capacity = Max(pins->known + missing, 2 * pins->capacity);
		pins->entries = repalloc_huge(pins->entries, pins->capacity * sizeof *pins->entries);
	}
	ensure_owners(pins);
	mosaic_reader_open(&reader);
	mosaic_cache_start(&pins->use, pins->handle, reader.rel);
	ordered = in_page_order(blocks, count, indexes, room);
	read_before = pgBufferUsage.shared_blks_read;
	for (int64 i = 0; i < count; i++)
	{
		int32		k = ordered[i];
		Buffer		buffer;

		if (known[k] == NULL)
		{
			int64		read = pgBufferUsage.shared_blks_read;

			known[k] = mosaic_read_block(&reader, blocks->ids[k], blocks->payload_bytes,
										 &blocks->places[k], pins->pin_owner, &buffer);
			pins->entries[pins->known++] = &known[k];
			if (BufferIsValid(buffer))
			{
				pins->pages++;
				reader.held = buffer;
				mosaic_cache_used(&pins->use, buffer, pgBufferUsage.shared_blks_read == read);
			}
			/* One page was not cached: neither may the others be. */
			if (!prefetched && pgBufferUsage.shared_blks_read != read_before)
			{
				prefetch(reader.rel, blocks, count - i - 1, ordered + i + 1);
				prefetched = true;
			}
		}
	}
	mosaic_cache_flush(&pins->use);
	mosaic_reader_close(&reader);
	for (int64 i = 0; i < count; i++)
		payloads[i] = known[indexes[i]];
}
