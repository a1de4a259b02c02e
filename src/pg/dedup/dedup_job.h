/*
 * dedup_job.h
 *		One call of dedup_model() or plan_dedup(), from the search to what is written.
 */
#ifndef MOSAIC_DEDUP_JOB_H
#define MOSAIC_DEDUP_JOB_H

#include "access/htup_details.h"

#include "errors.h"
#include "model_cache.h"
#include "mosaic/capi_dedup.h"
#include "store.h"

/* A block that may stand in; the id comes first, for mosaic_compare_ids. */
typedef struct Offer
{
	int32		id;
	ItemPointerData place;		/* where it lies */
	uint64		geometry;
} Offer;

/* Lives in a memory context of its own, with all that it points to. */
typedef struct DedupJob
{
	char	   *name;
	HeapTuple	row;			/* of the model */
	Snapshot	snapshot;
	MosaicModelHandle *handle;
	MosaicModelHandle candidate;	/* the same with maps of its own */
	MosaicTensorDesc *descs;
	MosaicDedup *dedup;
	MemoryContextCallback callback;
	MosaicReader reader;
	Offer	   *offers;			/* ascending, each once */
	int64		noffers,
				capacity;
} DedupJob;

/* dedup_offers.c: sets the offers; one of them, which must be there. */
extern void mosaic_offer_blocks(DedupJob *job);
extern Offer *mosaic_find_offer(DedupJob *job, int32 id);

/* dedup_search.c: finds and orders the merges that the measure accepts. */
extern void mosaic_find_merges(DedupJob *job);

/* dedup_gate.c: afterwards the candidate's maps are those of the accepted state. */
extern void mosaic_copy_maps(DedupJob *job);
extern void mosaic_pass_gate(DedupJob *job, const char *query);

/* dedup_write.c: bytes of blocks that the accepted state does not use; stores that state. */
extern int64 mosaic_freed_bytes(DedupJob *job);
extern void mosaic_write_merges(DedupJob *job);

static inline void
mosaic_dedup_check(MosaicCode code, const MosaicError *error)
{
	if (code != MOSAIC_OK && code != MOSAIC_MORE)
		mosaic_report(error);
}

/* For sorting and finding by an id that comes first. */
static inline int
mosaic_compare_ids(const void *a, const void *b)
{
	int32		x = *(const int32 *) a,
				y = *(const int32 *) b;

	return x < y ? -1 : x > y;
}

static inline int64
mosaic_int_attr(HeapTuple tuple, TupleDesc desc, int attnum, int len)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, desc, &isnull);

	return len == 1 ? DatumGetBool(value) : len == 2 ? DatumGetInt16(value) :
		len == 4 ? DatumGetInt32(value) : DatumGetInt64(value);
}

static inline MosaicGeometry
mosaic_tensor_geometry(const MosaicTensorDesc *t)
{
	MosaicGeometry g = {t->stored_dtype, t->layout, t->block_rows, t->block_cols};

	return g;
}

#endif
