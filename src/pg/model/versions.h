/*
 * versions.h
 *		Versions of a model: those that were replaced and are kept, by number.
 *
 * A kept version is a row of mosaic.model like any other, so that all that is done for models is done for it:
 * counting blocks, packing, checking, dumping.  It is named "model@number", has the time when it was replaced, and the
 * owner and readers of its model.
 */
#ifndef MOSAIC_VERSIONS_H
#define MOSAIC_VERSIONS_H

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "utils/snapshot.h"

/* All that is there stays. */
#define MOSAIC_KEEP_ALL (-1)

/* "model@number", palloc'd. */
extern char *mosaic_version_name(const char *model, int32 version);

/* Splits such a name: *model, palloc'd, and *version; false where it is none. */
extern bool mosaic_split_version(const char *name, char **model, int32 *version);

/* The model of this name or, by number, a version, kept or current.  A copy of its row, or NULL. */
extern HeapTuple mosaic_resolve_model(const char *name, Snapshot snapshot);

/* The number of a model's row, of the version that it replaced (0: none), and the highest that was given. */
extern int32 mosaic_version_of(HeapTuple row);
extern int32 mosaic_predecessor_of(HeapTuple row);
extern int32 mosaic_last_version(HeapTuple row);

/* Whether the row is that of a kept version. */
extern bool mosaic_is_kept(HeapTuple row);

/* Refuses to change a kept version (42809). */
extern void mosaic_check_current(const char *name, HeapTuple row);

/* The rows of a model's kept versions, copies, the one replaced last first. */
extern List *mosaic_kept_versions(const char *model, Snapshot snapshot);

/* Whether a model's row stays as a version when another replaces it: n are kept, and what an alias names by number. */
extern bool mosaic_stays(HeapTuple row, int n);

/* A model's row becomes that of a kept version, and gives up the name.  The caller holds the store's lock. */
extern void mosaic_retire_model(HeapTuple row);

/* Removes what is kept of a model beyond the n replaced last, but not what aliases name.  The caller holds the store's lock. */
extern void mosaic_prune_versions(const char *model, int n);

/* Sets one column of all kept versions; gives them all another model name. */
extern void mosaic_update_versions(const char *model, int attnum, Datum value);
extern void mosaic_rename_versions(const char *model, const char *new_name);

#endif
