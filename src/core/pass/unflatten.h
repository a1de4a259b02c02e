// The pass that undoes what lowering made of a Softmax, LogSoftmax or Hardmax of an opset below 13,
// where it is over the last axis: Flatten, the operator, Reshape to the shape before. The same
// operator on the array as it is gives the same bits, and others can be fused with it.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void Unflatten(const Model& model, BodyPlan* body);

}  // namespace mosaic
