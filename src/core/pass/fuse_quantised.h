// QuantizeLinear of [Relu of] a Conv of what DequantizeLinear gives: one convolution of integers; of
// an Add of two: one pass over bytes, with the same bits (op/quant/quantised_add.h).
//
// Operands are bytes with one scale (kernels: one for each filter) and kernels are constants. The
// bias may be any array of float32, also a dequantised one. The result is within one step of that of
// the nodes one by one (op/quant/conv_integer.h). Of what is left, the steps that only these read are
// dropped (drop_unread.h). Groups of fewer filters than a strip has stay as they are.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseQuantised(const Model& model, BodyPlan* body);

}  // namespace mosaic
