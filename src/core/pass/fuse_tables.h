// The pass that makes one step of a product with a table of bytes and what makes the operand of the
// table: MatMul(x, Transpose(DequantizeLinear(table))), the two in either order. So a table that is
// also gathered is read where it lies, instead of being turned and dequantised for each prediction.
// So is that of a dense layer, Gemm(x, DequantizeLinear(table), bias) with transB.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseTables(const Model& model, BodyPlan* body);

}  // namespace mosaic
