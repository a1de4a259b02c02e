/*
 * pins_state.h
 *		What the parts of pins.h share: pins.c, which holds shares of the pool and pins, and pins_get.c, which takes pins.
 */
#ifndef MOSAIC_PINS_STATE_H
#define MOSAIC_PINS_STATE_H

#include "lib/ilist.h"
#include "utils/resowner.h"

#include "cache.h"
#include "mosaic/capi_delta.h"
#include "pins.h"

/* Most blocks of one request. */
#define MOSAIC_MAX_WINDOW 4096

struct MosaicPins
{
	dlist_node	node;			/* in all_pins */
	MosaicModelHandle *handle;
	MemoryContext cxt;
	MemoryContextCallback callback;
	const void ***payloads;		/* per tensor and block: NULL where not pinned */
	MosaicDeltaBlock **deltas;	/* per tensor: NULL, or of each block what payloads points to where it is tagged */
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

/* What a payload is made of; NULL where it is one. */
static inline const MosaicDeltaBlock *
mosaic_delta_of(const void *payload)
{
	uintptr_t	address = (uintptr_t) payload;

	return (address & MOSAIC_DELTA_TAG) != 0 ? (const MosaicDeltaBlock *) (address - MOSAIC_DELTA_TAG) : NULL;
}

/* Makes room for the pins of so many more blocks; false where others had to go for it. */
extern bool mosaic_pins_make_room(MosaicPins *pins, int64 more);
extern void mosaic_pins_reserve(MosaicPins *pins, int64 more);	/* in entries */
extern void mosaic_pins_ensure_owner(MosaicPins *pins);
/* Lets go of everything but the shares. */
extern void mosaic_pins_drop(MosaicPins *pins);

#endif
