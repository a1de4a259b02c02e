/*
 * The boundary, blocks stored as differences of few bits as far as a metric allows
 * (core/dedup/ladder.h).  Rules as in capi.h.
 *
 * A deduplication with MosaicDedupOptions.ladder goes as capi_dedup.h says, but for: no recall;
 * choose_rungs instead of choose; while next says MORE and there is a sample, only the first rows
 * are predicted, each handed to sample_row, as those of all evaluations are, and no metric is
 * reported; apply_rungs instead of apply.
 */
#ifndef MOSAIC_CAPI_LADDER_H
#define MOSAIC_CAPI_LADDER_H

#include "mosaic/capi_dedup.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a block is stored, beside the bits of a difference (1, 2, 4, 8). */
#define MOSAIC_RUNG_AS_IT_IS 0
#define MOSAIC_RUNG_LOSSLESS 32
#define MOSAIC_RUNG_MERGED 64

typedef struct MosaicRungs { /* blocks */
  int64_t merged;            /* gave way to their base */
  int64_t bits[4];           /* differences of 1, 2, 4, 8 bits a weight */
  int64_t lossless;
} MosaicRungs;

MosaicCode mosaic_dedup_choose_rungs(MosaicDedup *dedup, const MosaicStoredBlock *block,
                                     MosaicError *err);
/*
 * The state to be measured, or the accepted one: the rungs of blocks, and for those that are not as
 * they are the ids of their bases.  Of each tensor, by its number: all of the map's length (bases
 * set where the rung is not as it is), NULL where the tensor is not shareable.  To be measured,
 * what is lossless is as it is.
 */
MosaicCode mosaic_dedup_apply_rungs(const MosaicDedup *dedup, bool accepted, uint8_t *const *rungs,
                                    int32_t *const *bases, MosaicError *err);
/* How many of the first rows are to be predicted now; 0: all, and their metric is reported. */
int64_t mosaic_dedup_sample(const MosaicDedup *dedup);
MosaicCode mosaic_dedup_sample_row(MosaicDedup *dedup, const float *outputs, int64_t n,
                                   MosaicError *err);
/* All of the sample's rows are in. */
void mosaic_dedup_report_sample(MosaicDedup *dedup);
/* Of the accepted state; from then on it is what mosaic_dedup_decision tells. */
MosaicCode mosaic_dedup_rungs(MosaicDedup *dedup, MosaicRungs *rungs, MosaicError *err);
/* Of evaluation i < result.evaluations, as it would be stored. */
MosaicCode mosaic_dedup_point_rungs(const MosaicDedup *dedup, int64_t i, MosaicRungs *rungs,
                                    MosaicError *err);
/* Of the metric of the accepted state, by the number of rows; NaN where that is not known. */
double mosaic_dedup_standard_error(const MosaicDedup *dedup);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_LADDER_H */
