/*
 * The boundary, near duplicates: a model's blocks and those that may stand in for them in, a choice
 * of merges out that keeps a metric within a bound.  Rules as in capi.h.
 *
 * In this order: new; add_tensor for all tensors; recall for decisions on the predecessor; for each
 * block of the model search, compare, choose; plan; use_model; then while next says MORE: predict
 * all rows with the maps that apply(false) makes, beginning each batch with start; row for each
 * row, report; at last apply(true).
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
  const char *metric;      /* core/dedup/metric.h; NULL: one of the caller's own */
  bool higher_is_better;   /* of the caller's own metric */
  double max_drop;         /* how much worse the metric may become; >= 0 */
  int64_t max_evaluations; /* 0: as many as it takes */
  int64_t curve_points;    /* core/dedup/gate.h */
  bool of_original;        /* the first state measured is the model that this one was made from */
  double max_weight_error; /* largest difference of any weight; infinite: no bound */
  bool ladder;             /* go down the ladder (capi_ladder.h) */
  bool unjudged;           /* no metric is measured: accept_all follows */
} MosaicDedupOptions;

typedef struct MosaicDecision { /* core/dedup/recall.h */
  int tensor;
  int64_t index;     /* place in the tensor's map */
  int32_t partner;   /* block_id */
  double similarity; /* share of weights that are alike */
  char outcome;      /* of mosaic::Outcome */
  int64_t fingerprint;
} MosaicDecision;

typedef struct MosaicDedupResult {
  int64_t candidates; /* merges that the measure accepts */
  int64_t merged;     /* of them, within the bound */
  double metric_before, metric_after;
  int64_t evaluations;
  bool kept; /* the bound, by the model without any merge; else nothing was tried */
} MosaicDedupResult;

typedef struct MosaicDedupPoint { /* one evaluation */
  int64_t merged;
  int64_t bytes; /* that are freed: a block at several places goes where all of them do */
  double metric;
  double standard_error; /* of it, by the number of rows; NaN where that is not known */
  bool kept;             /* the bound */
} MosaicDedupPoint;

typedef struct MosaicDedup MosaicDedup;

MosaicCode mosaic_dedup_new(const MosaicDedupOptions *options, MosaicDedup **out, MosaicError *err);
/* The next tensor of the model. */
MosaicCode mosaic_dedup_add_tensor(MosaicDedup *dedup, const MosaicTensorDesc *desc,
                                   MosaicError *err);
/* Whether blocks of a tensor may have near duplicates. */
bool mosaic_dedup_shareable(const MosaicDedup *dedup, int tensor);
/* A decision on a block of the model's predecessor. */
MosaicCode mosaic_dedup_recall(MosaicDedup *dedup, const MosaicDecision *decision,
                               MosaicError *err);
/*
 * Begins with a block of the model, which stays valid until choose.  keys: MOSAIC_NEAR_TABLES of it
 * (capi_near.h); found: ids of blocks of this geometry that share one and may stand in, ascending.
 * *ids: those to compare it with; valid until the next search.
 */
MosaicCode mosaic_dedup_search(MosaicDedup *dedup, int tensor, int64_t index, const void *payload,
                               const int32_t *keys, const int32_t *found, int64_t nfound,
                               const int32_t **ids, int64_t *n, MosaicError *err);
MosaicCode mosaic_dedup_compare(MosaicDedup *dedup, int32_t block_id, const void *payload,
                                MosaicError *err);
typedef struct MosaicStoredBlock { /* the block searched for */
  int32_t id;
  uint32_t bytes; /* that it takes as it is */
  int64_t places; /* of the model's maps that have it */
} MosaicStoredBlock;

/* The best of those compared, if any is accepted, becomes a candidate. */
MosaicCode mosaic_dedup_choose(MosaicDedup *dedup, const MosaicStoredBlock *block,
                               MosaicError *err);
MosaicCode mosaic_dedup_plan(MosaicDedup *dedup, MosaicError *err);
/*
 * The model that is measured, which must outlive the dedup.  Of its activations at most so many
 * bytes are kept from one evaluation to the next (core/dedup/activation_cache.h).  With
 * of_original, called again after the first evaluation.
 */
MosaicCode mosaic_dedup_use_model(MosaicDedup *dedup, const MosaicModel *model, int64_t max_bytes,
                                  MosaicError *err);
/* Instead of measuring: makes all merges. */
MosaicCode mosaic_dedup_accept_all(MosaicDedup *dedup, MosaicError *err);
/* MOSAIC_MORE: a state is to be measured, the first without any merge.  MOSAIC_OK: done. */
MosaicCode mosaic_dedup_next(MosaicDedup *dedup, MosaicError *err);
/* Puts partners into a tensor's map (ids: all of it): of the state to be measured, or the accepted.
 */
void mosaic_dedup_apply(const MosaicDedup *dedup, bool accepted, int tensor, int32_t *ids);
/*
 * As mosaic_exec_start, for batch 0, 1, ... of the rows, which are the same in each evaluation. The
 * run must be over before the next one starts.
 */
MosaicCode mosaic_dedup_start(MosaicDedup *dedup, MosaicExec *exec, int64_t batch,
                              const MosaicTensorView *inputs, int64_t items, MosaicError *err);
/* Whether rows are held against labels (1 value each), else against outputs of the original (n). */
bool mosaic_dedup_uses_labels(const MosaicDedup *dedup);
MosaicCode mosaic_dedup_row(MosaicDedup *dedup, const float *outputs, int64_t n,
                            const double *expected, MosaicError *err);
/* All rows are in.  An error where the metric is not defined without any merge. */
MosaicCode mosaic_dedup_report(MosaicDedup *dedup, MosaicError *err);
/* Likewise, the value of the caller's own metric, and its standard error; NaN where that is not
 * known. */
MosaicCode mosaic_dedup_report_value(MosaicDedup *dedup, double value, double standard_error,
                                     MosaicError *err);
MosaicCode mosaic_dedup_result(const MosaicDedup *dedup, MosaicDedupResult *result,
                               MosaicError *err);
/* Evaluation i < result.evaluations. */
MosaicCode mosaic_dedup_point(const MosaicDedup *dedup, int64_t i, MosaicDedupPoint *point,
                              MosaicError *err);
/* What became of the candidates, in the order in which they were tried; false: there is no i-th. */
bool mosaic_dedup_decision(const MosaicDedup *dedup, int64_t i, MosaicDecision *decision);
/* Nodes of the model that need not be computed again, over all batches and evaluations. */
int64_t mosaic_dedup_nodes_skipped(const MosaicDedup *dedup);
void mosaic_dedup_free(MosaicDedup *dedup);

#ifdef __cplusplus
}
#endif

#endif /* MOSAIC_CAPI_DEDUP_H */
