// QuantizeLinear(Relu(Add(DequantizeLinear(a), DequantizeLinear(b)))) of bytes, with or without
// Relu, piece by piece: arrays of float32 are never whole.
#pragma once

#include <memory>

#include "core/op/op.h"

namespace mosaic {

// Inputs: a, its scale, its zero point (or omitted); b likewise; scale and zero point of the
// output. Arrays of one shape; scales of one element, float32, above 0, for which sums are finite.
// Each step has the kernel of the operator that it stands for: the same bits.
std::unique_ptr<Op> MakeQuantisedAdd(bool relu);

}  // namespace mosaic
