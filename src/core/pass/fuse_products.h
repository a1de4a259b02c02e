// The pass that makes one step of a product with a stored matrix and what follows it: the Add of a
// bias, then an activation (Relu, Sigmoid, Tanh, Erf, or the five nodes of GELU).
//
// Keeps every bit: sums, activations and their roundings are those of the operators alone.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseProducts(const Model& model, BodyPlan* body);

}  // namespace mosaic
