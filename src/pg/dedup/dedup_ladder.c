/*
 * dedup_ladder.c
 *		dedup_ladder() and plan_ladder(): blocks of a stored model become differences of few bits to
 *		others, as far as a metric allows (docs/dedup.md).
 *
 * While the model is judged nothing of this is stored: blocks are read as what their differences would make
 * (made_blocks.c), which costs less than the products with them.  What is accepted is then stored with the
 * same differences.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "catalog.h"
#include "dedup.h"
#include "dedup_job.h"
#include "made_blocks.h"
#include "mosaic/capi_delta.h"
#include "mosaic/capi_ladder.h"

/* ---- to be judged ---- */

static MosaicLoweredBlocks *
lowered_blocks(DedupJob *job, int tensor)
{
	MosaicTensorBlocks *blocks = &job->candidate.tensors[tensor];
	MosaicLoweredBlocks *lowered = (MosaicLoweredBlocks *) blocks->lowered;

	if (lowered == NULL)
	{
		MemoryContext cxt = job->candidate.cxt;

		lowered = MemoryContextAlloc(cxt, sizeof *lowered);
		lowered->geometry = mosaic_geometry_of(&job->descs[tensor]);
		lowered->rungs = MemoryContextAllocHuge(cxt, blocks->n);
		lowered->bases = MemoryContextAllocHuge(cxt, blocks->n * sizeof(int32));
		blocks->lowered = lowered;
	}
	return lowered;
}

void
mosaic_apply_rungs(DedupJob *job, bool accepted)
{
	int			ntensors = job->handle->ntensors;
	uint8	  **rungs = palloc0(Max(ntensors, 1) * sizeof *rungs);
	int32	  **bases = palloc0(Max(ntensors, 1) * sizeof *bases);
	MosaicError error;

	for (int t = 0; t < ntensors; t++)
	{
		MosaicLoweredBlocks *lowered;

		if (!mosaic_dedup_shareable(job->dedup, t))
			continue;
		lowered = lowered_blocks(job, t);
		memset(lowered->rungs, MOSAIC_RUNG_AS_IT_IS, job->candidate.tensors[t].n);
		rungs[t] = lowered->rungs;
		bases[t] = lowered->bases;
	}
	mosaic_dedup_check(mosaic_dedup_apply_rungs(job->dedup, accepted, rungs, bases, &error), &error);
	for (int t = 0; t < ntensors; t++)
		for (int64 i = 0; rungs[t] && i < job->candidate.tensors[t].n; i++)
			if (rungs[t][i] == MOSAIC_RUNG_MERGED)
				job->candidate.tensors[t].ids[i] = bases[t][i];
	pfree(rungs);
	pfree(bases);
}

/* ---- to be stored ---- */

typedef struct RungStore
{
	DedupJob   *job;
	MosaicWriter *writer;
	char	   *memory;			/* for the next three, each aligned */
	char	   *own,
			   *made,
			   *delta;
	HTAB	   *same;			/* blocks that lost nothing */
} RungStore;

typedef struct SameBlock
{
	int32		id;				/* hash key: as it was stored */
	int32		now;
	ItemPointerData place;
} SameBlock;

/* The delta of a block on its rung, and what it makes; 0 where it is not worth while after all. */
static uint32
encode(RungStore *s, MosaicGeometry geometry, uint32 length, int rung, int32 base_id)
{
	MosaicReader *reader = &s->job->reader;
	ItemPointer place = &mosaic_find_offer(s->job, base_id)->place;
	Buffer		buffer;
	const void *base;
	uint32		bytes;

	if (rung != MOSAIC_RUNG_LOSSLESS)
		return mosaic_lower_block(reader, geometry, s->own, length, rung, base_id, place, s->delta, s->made);
	base = mosaic_read_block(reader, base_id, length, place, CurrentResourceOwner, &buffer);
	bytes = mosaic_delta_encode(geometry, s->own, base, length, base_id, mosaic_delta_limit(length), s->delta);
	memcpy(s->made, s->own, length);
	mosaic_release_pin(buffer, CurrentResourceOwner);
	return bytes;
}

static bool
store_rung(RungStore *s, MosaicTensorBlocks *blocks, int64 i)
{
	const MosaicLoweredBlocks *lowered = blocks->lowered;
	MosaicBlock block = {.geometry = lowered->geometry,.payload = s->made,.length = blocks->payload_bytes};
	int32		id = blocks->ids[i];
	Buffer		buffer;
	uint32		bytes;
	bool		same;

	memcpy(s->own, mosaic_read_block(&s->job->reader, id, block.length, &blocks->places[i],
									 CurrentResourceOwner, &buffer), block.length);
	mosaic_release_pin(buffer, CurrentResourceOwner);
	bytes = encode(s, block.geometry, block.length, lowered->rungs[i], lowered->bases[i]);
	if (bytes == 0)
		return false;
	same = memcmp(s->made, s->own, block.length) == 0;
	mosaic_block_hash(block.geometry, block.payload, block.length, block.hash);
	/* What loses nothing equals the block that it takes the place of. */
	(void) mosaic_writer_use_delta(s->writer, &block, s->delta, bytes, lowered->bases[i], same, &blocks->ids[i],
								   &blocks->places[i]);
	if (same)
	{
		SameBlock  *entry = hash_search(s->same, &id, HASH_ENTER, NULL);

		entry->now = blocks->ids[i];
		entry->place = blocks->places[i];
	}
	return true;
}

/* Wherever else the model has a block that lost nothing, also where it was not looked for: the other is not kept for that. */
static void
replace_same(RungStore *s)
{
	for (int t = 0; t < s->job->handle->ntensors; t++)
		for (int64 i = 0; i < s->job->candidate.tensors[t].n; i++)
		{
			MosaicTensorBlocks *blocks = &s->job->candidate.tensors[t];
			const SameBlock *entry = hash_search(s->same, &blocks->ids[i], HASH_FIND, NULL);

			CHECK_FOR_INTERRUPTS();
			if (entry == NULL)
				continue;
			blocks->ids[i] = entry->now;
			blocks->places[i] = entry->place;
		}
}

BlockSet
mosaic_store_rungs(DedupJob *job, MosaicWriter *writer)
{
	RungStore	s = {.job = job,.writer = writer,.memory = palloc(3 * MOSAIC_MAX_PAYLOAD + MOSAIC_TUPLE_ALIGN)};
	BlockSet	added = {MemoryContextAllocHuge(CurrentMemoryContext, (job->handle->nblocks + 1) * sizeof(int32))};
	HASHCTL		ctl = {.keysize = sizeof(int32),.entrysize = sizeof(SameBlock),.hcxt = CurrentMemoryContext};
	int64		all = 0;

	s.same = hash_create("pg_mosaic blocks that lost nothing", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	s.own = (char *) TYPEALIGN(MOSAIC_TUPLE_ALIGN, s.memory);
	s.made = s.own + MOSAIC_MAX_PAYLOAD;
	s.delta = s.made + MOSAIC_MAX_PAYLOAD;
	for (int t = 0; t < job->handle->ntensors; t++)
		for (int64 i = 0; job->candidate.tensors[t].lowered && i < job->candidate.tensors[t].n; i++)
		{
			MosaicTensorBlocks *blocks = &job->candidate.tensors[t];
			uint8		rung = blocks->lowered->rungs[i];

			CHECK_FOR_INTERRUPTS();
			if (rung != MOSAIC_RUNG_AS_IT_IS && rung != MOSAIC_RUNG_MERGED && store_rung(&s, blocks, i))
				added.ids[all++] = blocks->ids[i];
		}
	replace_same(&s);
	qsort(added.ids, all, sizeof(int32), mosaic_compare_ids);
	for (int64 i = 0; i < all; i++)
		if (i == 0 || added.ids[i] != added.ids[added.n - 1])
			added.ids[added.n++] = added.ids[i];
	/* The model was counted as a user of what it uses already: in this command, which cannot do it again. */
	for (int64 i = 0; i < added.n; i++)
		if (mosaic_has_block(&job->own, added.ids[i]))
			mosaic_writer_uncount(writer, added.ids[i]);
	hash_destroy(s.same);
	pfree(s.memory);
	return added;
}

/* ---- to be planned ---- */

PlannedModel
mosaic_planned_model(DedupJob *job)
{
	PlannedModel model = {0};

	for (int64 i = 0; i < job->own.n; i++)
	{
		const Offer *offer = mosaic_find_offer(job, job->own.ids[i]);

		CHECK_FOR_INTERRUPTS();
		if (offer->models > 1)
			model.shared += job->own.places[i];
		else
			model.stored += offer->bytes;
	}
	return model;
}

void
mosaic_plan_rungs(DedupJob *job, const PlannedModel *model, int64 evaluation, int64 freed, Datum *values)
{
	MosaicRungs rungs;
	MosaicError error;
	int64		lowered;

	mosaic_dedup_check(mosaic_dedup_point_rungs(job->dedup, evaluation, &rungs, &error), &error);
	lowered = rungs.merged + rungs.lossless;
	for (int i = 0; i < 4; i++)
	{
		lowered += rungs.bits[i];
		values[3 + i] = Int64GetDatum(rungs.bits[i]);
	}
	values[0] = Int64GetDatum(model->stored - freed);
	values[1] = Int64GetDatum(model->shared);
	values[2] = Int64GetDatum(rungs.merged);
	values[7] = Int64GetDatum(rungs.lossless);
	values[8] = Int64GetDatum(job->handle->nblocks - model->shared - lowered);
}

/* ---- SQL ---- */

/* name, validation, metric, max_drop, max_evaluations, metric_function, higher_is_better, max_weight_error */
static void
ladder_arguments(FunctionCallInfo fcinfo, MosaicDedupArguments *args)
{
	/* Where those of dedup_model() are here, from validation on; 0: there is none. */
	static const int from[] = {1, 2, 3, 0, 0, 4, 5, 6, 0, 7};
	LOCAL_FCINFO(inner, lengthof(from));

	InitFunctionCallInfoData(*inner, fcinfo->flinfo, lengthof(from), InvalidOid, NULL, NULL);
	for (int i = 0; i < lengthof(from); i++)
		inner->args[i] = fcinfo->args[from[i]];
	/* tolerance and min_similarity are about merges; decisions are not reused. */
	inner->args[3] = (NullableDatum) {.value = Float4GetDatum(0.01F)};
	inner->args[4] = (NullableDatum) {.value = Float8GetDatum(1)};
	inner->args[8] = (NullableDatum) {.value = BoolGetDatum(false)};
	mosaic_dedup_arguments(inner, 0, args);
	args->options.ladder = true;
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_dedup_ladder);
Datum
mosaic_pg_dedup_ladder(PG_FUNCTION_ARGS)
{
	TimestampTz start = GetCurrentTimestamp();
	char	   *name = mosaic_dedup_name(fcinfo);
	MosaicDedupArguments args;
	MosaicDedupOutcome outcome;
	TupleDesc	desc;
	Datum		values[15];
	bool		nulls[15] = {false};

	ladder_arguments(fcinfo, &args);
	mosaic_dedup_stored(name, &args, &outcome);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Int64GetDatum(outcome.blocks);
	values[2] = Int64GetDatum(outcome.result.candidates);
	values[3] = Int64GetDatum(outcome.rungs.merged);
	for (int i = 0; i < 4; i++)
		values[4 + i] = Int64GetDatum(outcome.rungs.bits[i]);
	values[8] = Int64GetDatum(outcome.rungs.lossless);
	values[9] = Int64GetDatum(outcome.bytes_freed);
	values[10] = Float8GetDatum(outcome.result.metric_before);
	values[11] = Float8GetDatum(outcome.result.metric_after);
	values[12] = Float8GetDatum(outcome.standard_error);
	nulls[10] = nulls[11] = !outcome.judged;
	nulls[12] = !outcome.judged || isnan(outcome.standard_error);
	values[13] = Int32GetDatum((int32) outcome.result.evaluations);
	values[14] = Float8GetDatum((GetCurrentTimestamp() - start) / 1e6);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PGDLLEXPORT PG_FUNCTION_INFO_V1(mosaic_pg_plan_ladder);
Datum
mosaic_pg_plan_ladder(PG_FUNCTION_ARGS)
{
	char	   *name = mosaic_dedup_name(fcinfo);
	MosaicDedupArguments args;

	ladder_arguments(fcinfo, &args);
	mosaic_dedup_plan_rows(fcinfo, name, &args, 8);
	return (Datum) 0;
}
