/*
 * shared_memory.h
 *		What backends share without shared_preload_libraries.
 *
 * Small structs lie in the main shared memory, found by name, in the room that the server keeps for such (as pg_prewarm
 * does when it is not preloaded).  They help and are never needed: where there is no room, predictions go on without.
 */
#ifndef MOSAIC_SHARED_MEMORY_H
#define MOSAIC_SHARED_MEMORY_H

#include "storage/lwlock.h"

/*
 * The struct of that name, zeroed and given to init() if it was not there.  Names end in the number of their layout: other
 * backends may still run an older module.  Raises an error where there is no room.
 */
extern void *mosaic_shared_struct(const char *name, Size size, void (*init) (void *));

/*
 * Calls work(arg); false where it raised an error, which is then in the log once, as the reason why "pg_mosaic" does what
 * consequence says.  Of locks that work() may have left, *lock (NULL: none yet) is released.  Cancel and shutdown are raised.
 */
extern bool mosaic_try_shared(void (*work) (void *), void *arg, LWLock **lock, const char *consequence);

#endif
