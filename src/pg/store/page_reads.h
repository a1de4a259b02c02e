/*
 * page_reads.h
 *		Pins many pages of a relation, several of them read at a time where the server can.
 */
#ifndef MOSAIC_PAGE_READS_H
#define MOSAIC_PAGE_READS_H

#include "storage/block.h"
#include "storage/buf.h"
#include "storage/bufmgr.h"
#include "utils/relcache.h"

typedef struct MosaicPageRead
{
	BlockNumber page;
	BufferAccessStrategy ring;	/* that it is read into, or NULL */
} MosaicPageRead;

/* A page is pinned; hit: it was in the pool.  The pin is the callee's. */
typedef void (*MosaicPageFn) (Buffer buffer, bool hit, void *arg);

/*
 * Pins n pages of the main fork, ascending, each once, under owner, and calls fn for one after another; there may be
 * more pins under way then, one for each page at most.  REQUIRES: all of them exist.  After an error some pins that
 * fn was not told of remain with owner.  15, 16: the operating system is told of the others once one was not in the pool.
 * From 17 on, runs of consecutive pages are read at once, and from 18 on while others are waited for.
 */
extern void mosaic_pin_pages(Relation rel, const MosaicPageRead *pages, int n, ResourceOwner owner, MosaicPageFn fn, void *arg);

#endif
