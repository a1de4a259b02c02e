// The pass that makes one step of attention that is spelled out:
//
//   softmax(scale * Q K' + masks) V
//
// with the scale on queries, keys or scores; masks added, or chosen by Where; NaN that is made 0
// behind the softmax, as PyTorch exports it; and the transposes of heads around it, which are
// read through. In float32. Memory then grows with the keys, not with queries by keys; the sums of
// float32 are taken in another order.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseAttention(const Model& model, BodyPlan* body);

}  // namespace mosaic
