/*
 * usage.c
 *		What this backend uses a model for, until it is added to the counters that all share.
 */
#include "postgres.h"

#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "usage.h"

/* Single rows: what takes less is measured each so many times only. */
#define SHORT_RUN_NS 20000
#define MEASURE_EACH 16

/* Statements that take long add what they have counted so often. */
#define ADD_EACH_S 1.0

void
mosaic_usage_attach(MosaicUsage *u, Oid catalog, int64 model_id)
{
	if (u->counted)
		return;
	u->key.database = MyDatabaseId;
	u->key.catalog = catalog;
	u->key.model_id = model_id;
	INSTR_TIME_SET_CURRENT(u->added);
	u->counted = mosaic_usage_enter(&u->key);
}

/* A call that did not end. */
static void
settle(MosaicUsage *u)
{
	if (!u->open)
		return;
	u->open = false;
	u->counts[MOSAIC_USAGE_CALLS]++;
	u->counts[MOSAIC_USAGE_ERRORS]++;
}

static void
add(MosaicUsage *u)
{
	u->counts[MOSAIC_USAGE_NANOSECONDS] += u->unmeasured * u->single_ns;
	u->unmeasured = 0;
	/* Where a drop was prepared and then rolled back, the model has no entry until it is looked up again. */
	u->counted = u->counted && mosaic_usage_add(&u->key, &u->entry, u->counts, GetCurrentTimestamp());
	memset(u->counts, 0, sizeof u->counts);
	u->pending = false;
}

void
mosaic_usage_flush(MosaicUsage *u)
{
	if (!u->pending)
		return;
	settle(u);
	add(u);
}

void
mosaic_usage_begin(MosaicUsage *u)
{
	settle(u);
	u->open = u->pending = true;
}

void
mosaic_usage_give_up(MosaicUsage *u)
{
	u->open = false;
}

static void
end(MosaicUsage *u, int64 calls, int64 rows)
{
	u->open = false;
	u->pending = true;
	u->counts[MOSAIC_USAGE_CALLS] += calls;
	u->counts[MOSAIC_USAGE_ROWS] += rows;
}

void
mosaic_usage_end_batch(MosaicUsage *u, int64 calls, int64 rows)
{
	end(u, calls, rows);
	u->counts[MOSAIC_USAGE_BATCHES]++;
	u->counts[MOSAIC_USAGE_BATCHED_ROWS] += rows;
}

void
mosaic_usage_end_single(MosaicUsage *u, int64 rows, MosaicUsageCounter reason)
{
	end(u, 1, rows);
	u->counts[reason] += rows;
}

void
mosaic_usage_tokens(MosaicUsage *u, int64 tokens)
{
	u->pending = true;
	u->counts[MOSAIC_USAGE_TOKENS] += tokens;
}

void
mosaic_usage_run_begin(MosaicUsage *u, MosaicUsageRun *run, int64 items)
{
	run->single = items <= 1;
	run->measured = !run->single || u->single_ns == 0 || u->single_ns > SHORT_RUN_NS ||
		u->since_measured + 1 >= MEASURE_EACH;
	run->hits = pgBufferUsage.shared_blks_hit;
	run->reads = pgBufferUsage.shared_blks_read;
	if (run->measured)
		INSTR_TIME_SET_CURRENT(run->start);
}

void
mosaic_usage_run_end(MosaicUsage *u, const MosaicUsageRun *run)
{
	instr_time	now,
				elapsed;
	int64		ns;

	u->pending = true;
	u->counts[MOSAIC_USAGE_HITS] += pgBufferUsage.shared_blks_hit - run->hits;
	u->counts[MOSAIC_USAGE_READS] += pgBufferUsage.shared_blks_read - run->reads;
	if (!run->measured)
	{
		u->since_measured++;
		u->unmeasured++;
		return;
	}
	INSTR_TIME_SET_CURRENT(now);
	elapsed = now;
	INSTR_TIME_SUBTRACT(elapsed, run->start);
	ns = (int64) (INSTR_TIME_GET_DOUBLE(elapsed) * 1e9);
	if (run->single)
	{
		u->single_ns = Max(ns, 1);
		ns += ns * u->unmeasured;
		u->since_measured = u->unmeasured = 0;
	}
	u->counts[MOSAIC_USAGE_NANOSECONDS] += ns;
	elapsed = now;
	INSTR_TIME_SUBTRACT(elapsed, u->added);
	if (INSTR_TIME_GET_DOUBLE(elapsed) >= ADD_EACH_S)
	{
		u->added = now;
		add(u);
	}
}
