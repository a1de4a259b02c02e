/*
 * What the outputs of a model say of classes: see src/core/plan/class_scores.h.
 */
#ifndef MOSAIC_CAPI_SCORES_H
#define MOSAIC_CAPI_SCORES_H

#include "mosaic/capi.h"
#include "mosaic/capi_text.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum MosaicScoreKind {
  MOSAIC_SCORES_PROBABILITIES,
  MOSAIC_SCORES_LOGITS,
  MOSAIC_SCORES_LOG_PROBABILITIES
} MosaicScoreKind;

typedef struct MosaicScores {
  int output;           /* that has the scores; -1: none */
  MosaicScoreKind kind;
  int ntexts;           /* names of the classes that the graph has: texts, */
  int nnumbers;         /* or integers; 0: none */
} MosaicScores;

MosaicCode mosaic_model_scores(const MosaicModel *model, MosaicScores *out, MosaicError *err);
/* The names of the classes, whichever there are, into arrays of that many.  Texts are UTF-8, valid as long as the model. */
MosaicCode mosaic_model_class_labels(const MosaicModel *model, MosaicString *texts, int64_t *numbers,
                                     MosaicError *err);

#ifdef __cplusplus
}
#endif

#endif
