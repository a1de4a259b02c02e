// A Conv of dequantised bytes whose result is quantised, computed in integers (conv_integer.cc).
#pragma once

#include <memory>

#include "core/op/op.h"

namespace mosaic {

// node: inputs as QLinearConv's, but the bias is float32, and zero points of operands may be
// omitted; attributes of the Conv. relu: a Relu lies between. Null where attributes do not fit.
//
// The result is within one step of that of the nodes one by one: sums are exact, what is scaled and
// added is rounded as float32.
std::unique_ptr<Op> MakeQuantisedConv(const Node& node, bool relu);

}  // namespace mosaic
