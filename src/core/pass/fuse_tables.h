// The pass that makes one step of a product with a constant table of bytes and what makes the
// operand of the table: MatMul or Gemm of x and DequantizeLinear(table), transposed or not, and the
// bias that is added. So the table is read where it lies, instead of being dequantised (and turned)
// for each prediction.
#pragma once

#include "core/plan/model.h"

namespace mosaic {

void FuseTables(const Model& model, BodyPlan* body);

}  // namespace mosaic
