// The pass that makes one step of a convolution and what follows it: BatchNormalization, products
// and sums with constants of each filter, activations, the Add of an array of its shape
// (residuals).
//
// Keeps every bit.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseConvolutions(const Model& model, BodyPlan* body);

}  // namespace mosaic
