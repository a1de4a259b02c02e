// A product with a table of bytes that is dequantised and transposed for it: MatMul(A,
// Transpose(DequantizeLinear(table))), as of a decoder whose embeddings are also its last layer, or
// of a dense layer.
#pragma once

#include <memory>

#include "core/op/op.h"

namespace mosaic {

// Inputs: A, float32 [..., k]; the table, bytes [n, k]; a scale, float32, one or one for each row
// of the table; a zero point of the table's type, likewise, or omitted; a bias, float32 [n], or
// omitted.
std::unique_ptr<Op> MakeTableProduct();

}  // namespace mosaic
