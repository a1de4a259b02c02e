// The pass that makes one step of a normalisation that is spelled out:
//   LayerNormalization  (x - mean) / sqrt(mean of squares + epsilon) * scale + bias
//   RMSNormalization    x / sqrt(mean of squares + epsilon) * scale
// over the last axis, in float32. The statistics are those of the one operator: nearer to the exact
// value than what they replace.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseNorms(const Model& model, BodyPlan* body);

}  // namespace mosaic
