/*
 * damage.h
 *		Going on where what the database holds is damaged.
 */
#ifndef MOSAIC_DAMAGE_H
#define MOSAIC_DAMAGE_H

#include "access/htup.h"
#include "access/tupdesc.h"

/*
 * Runs fn(arg) in a subtransaction.  Where it fails because of what is stored,
 * the error becomes its message (in the current context) instead; others, as of
 * a cancel or for want of memory, are raised.  NULL: all is well.  Not in
 * parallel mode, which does not allow subtransactions.
 */
extern char *mosaic_catch_damage(void (*fn) (void *arg), void *arg);

/*
 * The map of a tensor's row, a copy that mosaic_map_ids() takes.  NULL where it
 * has none, or one that cannot be read: *damage then says why.
 */
extern bytea *mosaic_read_map(HeapTuple tensor, TupleDesc desc, char **damage);

#endif
