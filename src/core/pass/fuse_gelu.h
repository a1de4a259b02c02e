// The pass that makes one step of Gelu, spelled out with Erf or Tanh, where it follows no product
// that takes it on (fuse_products.h):
//   x / 2 * (1 + erf(x / sqrt 2)),  x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
// with its factors in any order. In float32.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseGelu(const Model& model, BodyPlan* body);

}  // namespace mosaic
