/*
 * cache.h
 *		Requests of models are counted, and their pages get the usage count they deserve.
 *
 * A request is a use of a model for which its pages must be found: pages that a
 * query keeps pinned are not requested again.  All of this changes which pages
 * stay in the buffer pool, never what is predicted.
 */
#ifndef MOSAIC_CACHE_H
#define MOSAIC_CACHE_H

#include "storage/buf.h"
#include "utils/relcache.h"

#include "model_cache.h"

/* What is known of a request while it runs; zeroed at first. */
typedef struct MosaicCacheUse
{
	bool		running;		/* between start and end */
	bool		enter;			/* the model's pages are not known yet */
	uint32		generation;		/* of the table that slot is in */
	uint32		epoch;
	int			slot;
	bool		steering;
	bool		larger;			/* the model has more pages than the pool, and is steered */
	int64		credit,			/* that is left, and that was there */
				credit_before;
	BlockNumber page;			/* the last one */
	uint32		page_class;		/* of these: */
	uint64		class_hits,
				class_reads;
	uint64		hits,
				reads;
} MosaicCacheUse;

/* Called once when the module is loaded. */
extern void mosaic_cache_module_init(void);

/* A request begins; nothing if one is running. */
extern void mosaic_cache_start(MosaicCacheUse *use, MosaicModelHandle *handle, Relation rel);
/* A page of the model was pinned: found in the pool, or read. */
extern void mosaic_cache_used(MosaicCacheUse *use, Buffer buffer, bool hit);
/*
 * The buffers where the pages of count blocks were last seen, by any backend; InvalidBuffer
 * where that is not known.  A hint: a page may have left its buffer since.
 */
extern void mosaic_cache_find_buffers(const MosaicCacheUse *use, MosaicTensorBlocks *blocks,
									  int64 count, const int32 *indexes, Buffer *buffers);
/*
 * What a page that is not in the pool is to be read into: NULL for the pool as usual.
 * What is not kept of a model larger than the pool would drive out what is.
 */
extern BufferAccessStrategy mosaic_cache_ring(const MosaicCacheUse *use, BlockNumber page);
/* Hands on what was counted; called after each run of pages. */
extern void mosaic_cache_flush(MosaicCacheUse *use);
extern void mosaic_cache_end(MosaicCacheUse *use, MosaicModelHandle *handle);

/* When the transaction commits: a model is no more; pages hold other blocks than before. */
extern void mosaic_cache_drops(int64 model_id);
extern void mosaic_cache_moves(void);

#endif
