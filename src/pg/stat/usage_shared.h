/*
 * usage_shared.h
 *		What models were used for since the server started: counters that all backends share.
 *
 * No shared_preload_libraries is needed: a small directory lies in the main shared
 * memory, found by name as that of cache_shared.h, and names dynamic shared memory
 * segments that live until the server stops.  They are hash tables, each twice the
 * size of the one before; a version of a model has its entry in one of them.
 */
#ifndef MOSAIC_USAGE_SHARED_H
#define MOSAIC_USAGE_SHARED_H

#include "datatype/timestamp.h"

typedef enum MosaicUsageCounter
{
	MOSAIC_USAGE_CALLS,
	MOSAIC_USAGE_ROWS,
	MOSAIC_USAGE_BATCHES,
	MOSAIC_USAGE_BATCHED_ROWS,
	/* Rows computed one by one, and why: */
	MOSAIC_USAGE_SINGLE_PLAN,	/* the plan has no node for the call */
	MOSAIC_USAGE_SINGLE_MODEL,	/* the model's items depend on each other */
	MOSAIC_USAGE_SINGLE_BATCH,	/* no batch can have the row, or its batch could not be computed at once */
	MOSAIC_USAGE_TOKENS,
	MOSAIC_USAGE_ERRORS,
	MOSAIC_USAGE_NANOSECONDS,
	MOSAIC_USAGE_HITS,
	MOSAIC_USAGE_READS,
	MOSAIC_USAGE_COUNTERS
} MosaicUsageCounter;

typedef struct MosaicUsageKey
{
	Oid			database;		/* InvalidOid: none */
	Oid			catalog;		/* OID of mosaic.model: another one after DROP EXTENSION */
	int64		model_id;
} MosaicUsageKey;

typedef struct MosaicUsageEntry MosaicUsageEntry;

/* Makes an entry if there is none.  False, with one message in the log, where there is no memory for it. */
extern bool mosaic_usage_enter(const MosaicUsageKey *key);

/* Finds the counters, so that removing one raises no error.  False, with one message in the log, where there is no memory. */
extern bool mosaic_usage_map(void);

/*
 * Adds to an entry; false where there is none.  *hint: where it was found last.  Never raises an error:
 * it is called when transactions end.
 */
extern bool mosaic_usage_add(const MosaicUsageKey *key, MosaicUsageEntry **hint,
							 const int64 counts[MOSAIC_USAGE_COUNTERS], TimestampTz now);

/* Removes the entry of a model of this backend's database.  Never raises an error. */
extern void mosaic_usage_remove(Oid catalog, int64 model_id);

typedef struct MosaicUsageRow
{
	int64		counts[MOSAIC_USAGE_COUNTERS];
	TimestampTz last_used;		/* 0: never */
	TimestampTz since;
} MosaicUsageRow;

/* What an entry has; false where there is none. */
extern bool mosaic_usage_read(const MosaicUsageKey *key, MosaicUsageRow *row);

/* Sets all entries of this backend's database to zero. */
extern void mosaic_usage_reset(void);

#endif
