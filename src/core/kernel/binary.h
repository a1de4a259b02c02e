// Functions of two elements, comparisons and choices, over rows: out(r, c) = f(a(r, c), b(r, c)).
//
// An operand may repeat: one row for all rows, one element for a row, one element for all. So a
// broadcast costs no copy. Each element of the result depends on its operands only, and is the same
// on all instruction sets (nothing is fused): any range of rows, or of columns, may be computed on
// its own. The loops are plain C++ that the compiler vectorises, for float, double, int32 and int64
// once per instruction set, for other types once for the baseline.
#pragma once

#include <cstdint>

#include "mosaic/page_format.h"

namespace mosaic {

// Element (r, c) is data[r * row_step + c * step].
struct Operand {
  const void* data = nullptr;
  int64_t row_step = 0;  // elements; 0: each row is the same
  int step = 1;          // 1, or 0: a row is one element, repeated
};

enum class Binary {
  kAdd,  // integers wrap
  kSub,
  kMul,
  kDiv,  // integers truncate. REQUIRES: no integer b is 0
  kMin,  // NaN wins
  kMax,
  kPRelu,  // a < 0 ? b a : a
};
constexpr int kBinaryCount = static_cast<int>(Binary::kPRelu) + 1;

// Greater and GreaterOrEqual are these with a and b changed over. Nothing is true of NaN.
enum class Comparison { kEqual, kLess, kLessOrEqual };

enum class Logic { kAnd, kOr, kXor };

// dtype: float32, float64 or an integer type, of both operands and the result. out: row r at
// r * out_row_step; it may be the memory of a or b where it has its elements at the same places.
void ComputeBinary(Binary f, int dtype, const Operand& a, const Operand& b, int64_t rows,
                   int64_t cols, void* out, int64_t out_row_step);
// out: bool, 0 or 1. Also of bool operands, whose bytes must be 0 or 1, kEqual.
void ComputeComparison(Comparison f, int dtype, const Operand& a, const Operand& b, int64_t rows,
                       int64_t cols, uint8_t* out, int64_t out_row_step);
// Of bool: any non-zero byte is true; 0 or 1 is written.
void ComputeLogic(Logic f, const Operand& a, const Operand& b, int64_t rows, int64_t cols,
                  uint8_t* out, int64_t out_row_step);
// out = condition ? a : b. condition: bool, any non-zero byte is true. element_size: 1, 2, 4 or 8.
void ComputeSelect(int element_size, const Operand& condition, const Operand& a, const Operand& b,
                   int64_t rows, int64_t cols, void* out, int64_t out_row_step);

}  // namespace mosaic
