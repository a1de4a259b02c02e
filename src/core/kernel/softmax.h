// Softmax and its logarithm, of rows and column by column:
//   v = scale * x + mask,  y = e^(v - max v) / sum e^(v - max v),  or  v - max v - log(sum)
//
// Two passes and one reciprocal. Sums are kept in float64: of a row in lanes (element k in lane k
// mod 16, joined by one tree), of a column in ascending order; both depend on the length alone, so
// any range of rows, or of columns, may be computed on its own.
//
// Errors against the exact value for the v as they are rounded: y within 3 ulp + |v - max v| *
// 2^-24 of itself, at most 1.5e-7; the logarithm within 1 ulp of v - max v and of itself,
// and 1.2e-6 of log(sum). A row that has NaN or infinity, or is -infinity alone, is NaN.
#pragma once

#include <cstdint>

namespace mosaic {

struct SoftmaxArgs {
  const float* x = nullptr;
  int64_t x_step = 0;  // elements from row to row
  int64_t n = 0;       // elements of a row
  float* y = nullptr;  // may be x
  int64_t y_step = 0;
  float scale = 1;
  const float* mask = nullptr;  // added; null: nothing
  int64_t mask_step = 0;        // 0: the same for all rows
  bool log = false;
};

// Rows [begin, end).
void SoftmaxRows(const SoftmaxArgs& args, int64_t begin, int64_t end);
// Of each column c in [begin, end): element k at k * x_step + c, k < n. No scale, no mask.
void SoftmaxColumns(const SoftmaxArgs& args, int64_t begin, int64_t end);
// The oracle of both, in long double: x and y at k * x_step and k * y_step.
void SoftmaxReference(const float* x, int64_t x_step, const float* mask, float scale, int64_t n,
                      bool log, float* y, int64_t y_step);

}  // namespace mosaic
