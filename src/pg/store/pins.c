/*
 * pins.c
 *		The pages of a model that a query keeps pinned.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "cache.h"
#include "made_blocks.h"
#include "pin_shares.h"
#include "pins_state.h"

static dlist_head all_pins = DLIST_STATIC_INIT(all_pins);

/*
 * The first prediction of a query is often the only one.  It lets go of what it
 * has before it takes more than so many pins: the server's own records of many
 * pins are larger than the CPU's caches, and cost more than pinning once more.
 */
#define FIRST_PINS 512

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
		const MosaicDeltaBlock *delta = mosaic_delta_of(payload);

		if (delta)
			payload = delta->base;
		__builtin_prefetch(GetBufferDescriptor((payload - BufferBlocks) / BLCKSZ), 1);
	}
}

void
mosaic_pins_drop(MosaicPins *pins)
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
	mosaic_pins_drop(pins);
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
		mosaic_pins_drop(pins);
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
	pins->deltas = MemoryContextAllocZero(cxt, Max(handle->ntensors, 1) * sizeof(MosaicDeltaBlock *));
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

void
mosaic_pins_ensure_owner(MosaicPins *pins)
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
	mosaic_pins_ensure_owner(pins);		/* before: it may fail */
	share = mosaic_take_pin_share();
	if (share == 0)
		return false;
	pins->shares |= share;
	pins->budget = (int64) pg_popcount32(pins->shares) * share_pages();
	return true;
}

int
mosaic_pins_window(MosaicPins *pins)
{
	int64		pages;

	if (pins->shares == 0 && !take_share(pins))
		pins->budget = IsParallelWorker() ? Max(share_pages() / 4, 1) : share_pages() >= 16 ? 4 : 1;
	pages = Min(pins->shares ? share_pages() : pins->budget, MOSAIC_MAX_WINDOW);
	/* Of a delta two pages may be pinned. */
	return (int) (mosaic_made_are_kept(pins->handle) ? pages : Max(pages / 2, 1));
}

bool
mosaic_pins_make_room(MosaicPins *pins, int64 more)
{
	bool		kept = pins->used_before || pins->pages <= FIRST_PINS;

	/* Each may lie on a page of its own.  Of a model larger than the pool no share is ever enough. */
	while (kept && pins->pages + more > pins->budget && !pins->use.larger && take_share(pins))
		;
	/* Else the model does not fit. */
	kept = kept && pins->pages + more <= pins->budget;
	if (!kept)
		mosaic_pins_drop(pins);
	return kept;
}

void
mosaic_pins_reserve(MosaicPins *pins, int64 more)
{
	if (pins->known + more > pins->capacity)
	{
		int64		capacity = Max(pins->known + more, 2 * pins->capacity);

		pins->entries = repalloc_huge(pins->entries, capacity * sizeof *pins->entries);
		pins->capacity = capacity;
	}
}
