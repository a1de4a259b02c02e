/*
 * The boundary, near duplicates: a model's blocks and those that may stand in for them in, a choice
 * of merges out that keeps a metric within a bound.  Rules as in capi.h.
 *
 * In this order: new; add_tensor for all tensors; offer for all blocks that may stand in; for each
 * block of the model search, compare, choose; plan; then while next says MORE: predict all rows with
 * the maps that apply(false) makes, row for each, report; at last apply(true).
 */
#ifndef MOSAIC_CAPI_DEDUP_H
#define MOSAIC_CAPI_DEDUP_H

#include "mosaic/capi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct MosaicDedupOptions {
  float tolerance;         /* weights that differ by no more are alike */
  double min_similarity;   /* share of weights that have to be alike */
  const char *metric;      /* core/dedup/metric.h */
  double max_drop;         /* how much worse the metric may become; >= 0 */
  int64_t max_evaluations; /* 0: as many as it takes */
} MosaicDedupOptions;

typedef struct MosaicDedupResult {
  int64_t candidates; /* merges that the measure accepts */
  int64_t merged;     /* of them, within the bound */
  double metric_before, metric_after;
  int64_t evaluations;
} MosaicDedupResult;

typedef struct MosaicDedupPoint { /* one evaluation */
  int64_t merged;
  int64_t bytes; /* of the blocks merged */
  double metric;
  bool kept; /* the bound */
} MosaicDedupPoint;

typedef struct MosaicDedup MosaicDedup;

MosaicCode mosaic_dedup_new(const MosaicDedupOptions *options, MosaicDedup **out, MosaicError *err);
/* The next tensor of the model. */
MosaicCode mosaic_dedup_add_tensor(MosaicDedup *dedup, const MosaicTensorDesc *desc,
                                   MosaicError *err);
/* Whether blocks of a tensor may have near duplicates. */
bool mosaic_dedup_shareable(const MosaicDedup *dedup, int tensor);
/* A block that may stand in for others.  REQUIRES: ascending ids; a geometry that may be shared. */
MosaicCode mosaic_dedup_offer(MosaicDedup *dedup, MosaicGeometry geometry, const void *payload,
                              int32_t block_id, MosaicError *err);
/*
 * Begins with a block of the model, which stays valid until choose.  *ids: offered blocks to compare
 * it with; valid until the next search.
 */
MosaicCode mosaic_dedup_search(MosaicDedup *dedup, int tensor, int64_t index, const void *payload,
                               const int32_t **ids, int64_t *n, MosaicError *err);
MosaicCode mosaic_dedup_compare(MosaicDedup *dedup, int32_t block_id, const void *payload,
                                MosaicError *err);
/* The best of those compared, if any is accepted, becomes a candidate. */
MosaicCode mosaic_dedup_choose(MosaicDedup *dedup, MosaicError *err);
MosaicCode mosaic_dedup_plan(MosaicDedup *dedup, MosaicError *err);
/* MOSAIC_MORE: a state is to be measured, the first without any merge.  MOSAIC_OK: done. */
MosaicCode mosaic_dedup_next(MosaicDedup *dedup, MosaicError *err);
/* Puts partners into a tensor's map (ids: all of it): of the state to be measured, or the accepted. */
void mosaic_dedup_apply(const MosaicDedup *dedup, bool accepted, int tensor, int32_t *ids);
/* Whether rows are held against labels (1 value each), else against outputs of the original (n). */
bool mosaic_dedup_uses_labels(const MosaicDedup *dedup);
MosaicCode mosaic_dedup_row(MosaicDedup *dedup, const float *outputs, int64_t n,
                            const double *expected, MosaicError *err);
/* All rows are in.  An error where the metric is not defined without any merge. */
MosaicCode mosaic_dedup_report(MosaicDedup *dedup, MosaicError *err);
void mosaic_dedup_result(const MosaicDedup *dedup, MosaicDedupResult *result);
/* Evaluation i < result.evaluations. */
void mosaic_dedup_point(const MosaicDedup *dedup, int64_t i, MosaicDedupPoint *point);
void mosaic_dedup_free(MosaicDedup *dedup);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_DEDUP_H */
