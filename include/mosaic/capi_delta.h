/*
 * The boundary, blocks stored as differences to others (core/codec/delta.h).  No function here allocates
 * or fails.
 */
#ifndef MOSAIC_CAPI_DELTA_H
#define MOSAIC_CAPI_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "mosaic/capi.h"
#include "mosaic/page_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest payload of a delta that is worth while: one more goes on a page than of whole ones. */
uint32_t mosaic_delta_limit(uint32_t whole);

/* Whether blocks of this geometry may be stored so: those that may have near duplicates, of 2 or 4 bytes an element. */
bool mosaic_delta_possible(MosaicGeometry geometry);

/*
 * The lossless delta of a block to a base of the same geometry, both of "whole" bytes; its length, or 0
 * where it would be longer than limit.  REQUIRES: mosaic_delta_possible; room for limit, a multiple of 32
 * less than whole, at out.
 */
uint32_t mosaic_delta_encode(MosaicGeometry geometry, const void *payload, const void *base,
                             uint32_t whole, int32_t base_id, uint32_t limit, void *out);

/* About how many bytes it would take, by a sample of the elements: for comparing bases. */
uint32_t mosaic_delta_estimate(MosaicGeometry geometry, const void *payload, const void *base, uint32_t whole);

/*
 * Likewise, with so many bits a weight, 1, 2, 4 or 8: of another block, near this one, which mosaic_delta_decode makes.  Equal
 * blocks and bases give equal deltas.  0 also where something is not finite.
 */
uint32_t mosaic_delta_encode_low(MosaicGeometry geometry, const void *payload, const void *base,
                                 uint32_t whole, int bits, int32_t base_id, uint32_t limit, void *out);

/* The block that it is a difference to; 0 where these are no delta of a block of "whole" bytes. */
int32_t mosaic_delta_base(const void *delta, uint32_t bytes, uint32_t whole);
/* Bytes of the block that it stands for; 0 where it is damaged or no delta. */
uint32_t mosaic_delta_whole(const void *delta, uint32_t bytes);

/* Makes the block, "whole" bytes at out; false where the delta is damaged.  base, out: 32-byte aligned. */
bool mosaic_delta_decode(const void *delta, uint32_t bytes, const void *base, uint32_t whole, void *out);

/*
 * A block that is handed in as what it is made of, where a request allows it: in the place of a payload stands the
 * address of one of these plus MOSAIC_DELTA_TAG.  It, the delta and the base stay as long as a payload would.  The bytes
 * at delta are not trusted: where they are damaged, mosaic_exec_step gives the error of damaged data, which names the id.
 */
typedef struct MosaicDeltaBlock {
  const void *delta;
  const void *base; /* 32-byte aligned */
  uint32_t bytes;   /* of the delta */
  uint32_t whole;   /* of the base, and of the block */
  int32_t id;       /* names it in an error */
} MosaicDeltaBlock;

#define MOSAIC_DELTA_TAG 1

/* Whether the request that mosaic_exec_step made allows it. */
bool mosaic_exec_takes_deltas(const MosaicExec *exec);
/*
 * Most blocks that a request asks for where it does not, for a caller that has to make them; at first no fewer than
 * max_blocks.  Weights that have to be there as a whole are asked for at once all the same.
 */
void mosaic_exec_set_made_blocks(MosaicExec *exec, int most);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_DELTA_H */
