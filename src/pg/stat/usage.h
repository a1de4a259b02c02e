/*
 * usage.h
 *		What this backend uses a model for, until it is added to the counters that all share.
 *
 * Counting takes no lock and hardly a clock: what is counted goes to shared memory
 * when nobody uses the plan any more, as a rule at the end of the statement, or
 * once a second.  Of runs of a single row that take microseconds one in sixteen is measured, and
 * counts for all of them.
 */
#ifndef MOSAIC_USAGE_H
#define MOSAIC_USAGE_H

#include "portability/instr_time.h"

#include "usage_shared.h"

typedef struct MosaicUsage
{
	MosaicUsageKey key;
	MosaicUsageEntry *entry;	/* a hint */
	bool		counted;		/* it has an entry */
	bool		pending;		/* there is something to add */
	bool		open;			/* a call is under way, or ended in an error */
	int64		counts[MOSAIC_USAGE_COUNTERS];
	int64		single_ns;		/* what the last run of a single row took that was measured; 0: none yet */
	int			since_measured,	/* such runs since then, */
				unmeasured;		/* of them, without a time in counts */
	instr_time	added;			/* when counts were added last */
} MosaicUsage;

/* A run under way. */
typedef struct MosaicUsageRun
{
	bool		measured;
	bool		single;
	int64		hits,
				reads;
	instr_time	start;
} MosaicUsageRun;

/* From now on what is done with the model is counted. */
extern void mosaic_usage_attach(MosaicUsage *usage, Oid catalog, int64 model_id);

/*
 * A call of a function (or a batch of them) begins: what does not end was an error.  It ended: so many
 * calls of so many rows, which were computed at once or, for this reason (MOSAIC_USAGE_SINGLE_...), one by one.
 */
extern void mosaic_usage_begin(MosaicUsage *usage);
extern void mosaic_usage_end_batch(MosaicUsage *usage, int64 calls, int64 rows);
extern void mosaic_usage_end_single(MosaicUsage *usage, int64 rows, MosaicUsageCounter reason);
/* It is tried again in another way. */
extern void mosaic_usage_give_up(MosaicUsage *usage);

extern void mosaic_usage_tokens(MosaicUsage *usage, int64 tokens);

extern void mosaic_usage_run_begin(MosaicUsage *usage, MosaicUsageRun *run, int64 items);
extern void mosaic_usage_run_end(MosaicUsage *usage, const MosaicUsageRun *run);

/* Nobody uses the plan any more: what was counted is added.  Never raises an error. */
extern void mosaic_usage_flush(MosaicUsage *usage);

#endif
