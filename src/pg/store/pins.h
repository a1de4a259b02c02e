/*
 * pins.h
 *		The pages of a model that a query keeps pinned.
 *
 * Pinned once per query, pages are read at the speed of ordinary memory; pinned
 * anew for each use, at about 60 % of it.  But a pool without unpinned buffers
 * stops every backend, so all pins of the cluster together are bounded to half
 * of shared_buffers: the pool is divided into shares of 1/32 (pin_shares.h), taken
 * without waiting.  Who gets none goes on with a window of a few pages, and pins
 * nothing between predictions.  Nor does the first prediction of a query keep all
 * pages of a large model.
 *
 * Blocks that are stored as deltas are made anew, in memory of the model's plan (made_blocks.h),
 * and need no pins; where that memory does not suffice, what reads them may take delta and base
 * instead, and makes them in the processor's cache: then both their pages are pinned.
 *
 * Pins belong to a resource owner of their own under the top transaction, and
 * are released when their memory context is reset, at the end of the
 * transaction, or when the subtransaction that took them is rolled back,
 * whichever comes first.
 */
#ifndef MOSAIC_PINS_H
#define MOSAIC_PINS_H

#include "model_cache.h"

typedef struct MosaicPins MosaicPins;

/* Called once when the module is loaded. */
extern void mosaic_pins_init(void);

/* Pins for the blocks of a model; lives in cxt.  The handle must outlive it. */
extern MosaicPins *mosaic_pins_new(MemoryContext cxt, MosaicModelHandle *handle);

/* Most blocks that one call of mosaic_pins_get may ask for now; >= 1. */
extern int	mosaic_pins_window(MosaicPins *pins);

/*
 * Payloads of the blocks at indexes[0 .. count) of a tensor's map; if deltas, some may be tagged
 * MosaicDeltaBlocks (mosaic/capi_delta.h).  They stay valid until the next call.
 * REQUIRES: count <= mosaic_pins_window().
 */
extern void mosaic_pins_get(MosaicPins *pins, int tensor, int64 count, const int32 *indexes,
							bool deltas, const void **payloads);

/* Pages pinned now; one that two requests pinned counts twice. */
extern int64 mosaic_pins_held(MosaicPins *pins);

/*
 * A prediction is done; payloads are no longer needed.  Keeps what a share of
 * the pool allows: open cursors, however many, must not use up the pool.
 */
extern void mosaic_pins_pause(MosaicPins *pins);

extern void mosaic_pins_free(MosaicPins *pins);

#endif
