// The pass that makes one step of a product of bytes and what makes it float32 again:
// MatMulInteger, Cast, Mul by a scale, and the Add of a bias, as tools that quantise dynamically
// write it.
//
// Keeps every bit.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseIntegers(const Model& model, BodyPlan* body);

}  // namespace mosaic
