/*
 * base_search.h
 *		A stored block that a new one can be stored as a difference to.
 */
#ifndef MOSAIC_BASE_SEARCH_H
#define MOSAIC_BASE_SEARCH_H

#include "reader.h"
#include "utils/snapshot.h"

#include "mosaic/capi.h"

typedef struct MosaicBaseSearch MosaicBaseSearch;

/*
 * For the blocks of a model of this sharing domain, in the current memory context.  leaving: ids,
 * ascending, of blocks that a model is about to leave: who has no other user is no base.
 */
extern MosaicBaseSearch *mosaic_base_search_open(Snapshot snapshot, int32 domain, const int32 *leaving,
												 int64 nleaving);
extern void mosaic_base_search_close(MosaicBaseSearch *search);

/*
 * The delta of a block to the nearest one that is found, and that one's id; 0 where none is so near
 * that more deltas than whole blocks would go on a page.  delta: MOSAIC_MAX_PAYLOAD bytes.
 */
extern uint32 mosaic_find_delta(MosaicBaseSearch *search, MosaicReader *reader, const MosaicBlock *block,
								void *delta, int32 *base_id);

#endif
