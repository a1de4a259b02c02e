/*
 * made_blocks.h
 *		The blocks of a model that were made of deltas.
 *
 * They stay with the backend's plan of the model (model_cache.h), whose content never changes, as far as
 * pg_mosaic.delta_memory suffices for all of them; else a window at a time is made, where products do not
 * make them by themselves (pins.h).  Those of models that no query
 * uses stay as far as it suffices for all of these together.
 */
#ifndef MOSAIC_MADE_BLOCKS_H
#define MOSAIC_MADE_BLOCKS_H

#include "model_cache.h"
#include "mosaic/capi_ladder.h"
#include "reader.h"

extern int	mosaic_delta_memory;	/* pg_mosaic.delta_memory, kB */

/* Most blocks to ask for at a time, as far as deltas go. */
extern int	mosaic_made_window(const MosaicModelHandle *handle);

/* Whether all that are made stay, as far as is known of the model. */
extern bool mosaic_made_are_kept(const MosaicModelHandle *handle);

/*
 * Whether n more blocks of a tensor may be made; true where there are none yet.  Those of a tensor of which no
 * delta was met are taken for whole: they need no room.
 */
extern bool mosaic_made_have_room(const MosaicModelHandle *handle, const MosaicTensorBlocks *blocks, int64 n);

/* A delta of this tensor was met; before the first of them is made, or its base looked for in base_places. */
extern void mosaic_made_expect(MosaicModelHandle *handle, MosaicTensorBlocks *blocks);

/*
 * The base of a block, from its delta, as mosaic_read_block finds it; an error (XX001) where it is missing.
 * REQUIRES: mosaic_made_expect.
 */
extern const void *mosaic_made_base(MosaicReader *reader, MosaicTensorBlocks *blocks, int32 k, const void *delta,
									uint32 stored, ResourceOwner owner, Buffer *buffer);

/* A block that is there until mosaic_made_forget; or NULL. */
static inline const void *
mosaic_made_block(const MosaicTensorBlocks *blocks, int32 k)
{
	return blocks->made ? blocks->made[k] : NULL;
}

/* Whether a block, however it is stored, is read as a difference of few bits makes it. */
static inline bool
mosaic_is_lowered(const MosaicTensorBlocks *blocks, int32 k)
{
	return blocks->lowered && blocks->lowered->rungs[k] != MOSAIC_RUNG_AS_IT_IS &&
		blocks->lowered->rungs[k] < MOSAIC_RUNG_LOSSLESS;
}

/*
 * The difference of a block to its base with so many bits a weight, and the block that it makes.  delta, out:
 * MOSAIC_MAX_PAYLOAD bytes, out 32-byte aligned.  Returns the difference's length.  The same for the same blocks.
 */
extern uint32 mosaic_lower_block(MosaicReader *reader, MosaicGeometry geometry, const void *payload, uint32 length,
								 int bits, int32 base_id, ItemPointer base_place, void *delta, void *out);

/*
 * Makes block k of a tensor, whose delta was found, or which is lowered.  An error (XX001) where delta or base are damaged or
 * missing.
 */
extern void mosaic_made_add(MosaicModelHandle *handle, MosaicReader *reader, MosaicTensorBlocks *blocks,
							int32 k, const void *delta, uint32 stored);

/* All of them.  Nobody may be using them: predictions do so only while they run. */
extern void mosaic_made_forget(MosaicModelHandle *handle);
/* Likewise, and their memory. */
extern void mosaic_made_free(MosaicModelHandle *handle);

#endif
