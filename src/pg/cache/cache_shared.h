/*
 * cache_shared.h
 *		The table of requests and page classes that all backends of a database share.
 *
 * It needs no shared_preload_libraries.  A directory of a kilobyte lies in the main
 * shared memory, found by name, in the room that the server keeps for such (as
 * pg_prewarm does when it is not preloaded); the tables, one for each database
 * that predicts, are dynamic shared memory segments that live until the server
 * stops.  After a crash or restart they begin empty.  Where there is no room for
 * them, predictions go on without: nothing here raises an error.
 */
#ifndef MOSAIC_CACHE_SHARED_H
#define MOSAIC_CACHE_SHARED_H

#include "port/atomics.h"
#include "utils/relcache.h"

#include "mosaic/capi_cache.h"

/* Settings. */
extern bool mosaic_cache_policy;
extern int	mosaic_cache_half_life;	/* seconds */

/*
 * The table of the current database whose blocks are in rel, with room for its
 * pages; NULL where there is none.  With the lock held as said; mosaic_cache_unlock()
 * releases it, where the result is not NULL.  Pointers of earlier calls become
 * invalid where mosaic_cache_generation() changes.
 */
extern MosaicCacheTable *mosaic_cache_lock(Relation rel, bool exclusive);
extern void mosaic_cache_unlock(void);

/*
 * The exclusive lock on the table that is mapped now; NULL where it is outdated,
 * or, unless wait, where another has the lock.  Never raises an error.
 */
extern MosaicCacheTable *mosaic_cache_lock_mapped(bool wait);

/* The table that is mapped now, without a lock, or NULL; counted up where it is another. */
extern MosaicCacheTable *mosaic_cache_table(void);
extern uint32 mosaic_cache_generation(void);

/*
 * Of each page of the block table, the buffer it was last seen in, or InvalidBuffer: a hint.
 * Beside the table that is mapped now, for as many pages; NULL where there is none.
 */
extern pg_atomic_uint32 *mosaic_cache_seen(void);

/* For the functions of capi_cache.h. */
extern uint32 mosaic_cache_now(void);
extern double mosaic_cache_half_life_ticks(void);

#endif
