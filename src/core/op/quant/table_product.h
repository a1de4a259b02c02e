// Products with a table of bytes that a DequantizeLinear makes float32 for them: a MatMul or Gemm
// of quantised models (QDQ), or of a decoder whose embeddings are also its last layer.
#pragma once

#include <memory>

#include "core/op/op.h"

namespace mosaic {

struct TableForm {
  bool turned = false;  // the table is [n, k], a row for each column of the result; else [k, n]
  // Of the DequantizeLinear, in dimensions of the table: where it has more than one scale.
  int64_t axis = 0;
  int64_t block = 0;
  int scale_rank = 0;
};

// Inputs: A, float32 [..., k]; the table, of integers of a byte or less; a scale, float32, one, one
// for each index of the axis, or for each block; a zero point of the table's type, likewise, or
// omitted; a bias, float32 [n], or omitted. Null: scales are not supported along the axis.
//
// The table is read in place, and scales that have a block's dimensions are. To the same bits as
// the nodes one by one.
std::unique_ptr<Op> MakeTableProduct(const TableForm& form);

}  // namespace mosaic
