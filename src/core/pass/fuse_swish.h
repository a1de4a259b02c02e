// The pass that makes one step of x * Sigmoid(x), and of x * (x + 3, cut to 0 to 6) / 6 (HardSwish)
// as exporters of older operator sets write it. Within float32's rounding of the nodes one by one.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseSwish(const Model& model, BodyPlan* body);

}  // namespace mosaic
