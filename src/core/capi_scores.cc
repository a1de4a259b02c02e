#include "mosaic/capi_scores.h"

#include "core/capi_guard.h"
#include "core/capi_handles.h"
#include "core/plan/class_scores.h"

using mosaic::ClassScores;
using mosaic::Guard;
using mosaic::Status;

MosaicCode mosaic_model_scores(const MosaicModel* model, MosaicScores* out, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const ClassScores scores = mosaic::FindClassScores(*model->model);
    out->output = scores.output;
    out->kind = static_cast<MosaicScoreKind>(scores.kind);
    out->ntexts = scores.texts == nullptr ? 0 : static_cast<int>(scores.texts->size());
    out->nnumbers = scores.numbers == nullptr ? 0 : static_cast<int>(scores.numbers->size());
    return Status();
  });
}

MosaicCode mosaic_model_class_labels(const MosaicModel* model, MosaicString* texts,
                                     int64_t* numbers, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const ClassScores scores = mosaic::FindClassScores(*model->model);
    for (size_t i = 0; scores.texts != nullptr && i < scores.texts->size(); ++i) {
      const std::string& text = (*scores.texts)[i];
      texts[i] = {text.data(), static_cast<int64_t>(text.size())};
    }
    for (size_t i = 0; scores.numbers != nullptr && i < scores.numbers->size(); ++i)
      numbers[i] = (*scores.numbers)[i];
    return Status();
  });
}
