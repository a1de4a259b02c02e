// Reductions of float32: over the elements of a row, or over rows column by column.
//
// Sums are kept in float64, so results are within 0.51 ulp of the exact value for sums of up to
// 2^28 terms (LogSum, LogSumExp: 1.5 ulp, or 1e-7 where the logarithm is near 0; L2 0.51). The
// order is fixed by the shape alone:
//   rows     element k of a row goes to lane k mod 16, ascending; lanes are joined by one tree
//            (core/kernel/vector/simd.inc)
//   columns  ascending, by one accumulator for each column
// Products of two float32 are exact in float64: so the bits are those of every CPU, but for
// LogSumExp, whose exponentials differ where the CPU cannot fuse. Any range of rows, or of columns,
// may be computed on its own.
//
// Of no elements: Sum, L1, L2, SumSquare 0, Prod 1, Max -infinity, Min infinity, Mean NaN, LogSum
// and LogSumExp -infinity. NaN makes the result NaN.
#pragma once

#include <cstdint>

namespace mosaic {

enum class Reduction {
  kSum,
  kMean,
  kProd,
  kSumSquare,
  kL1,
  kL2,
  kLogSum,
  kLogSumExp,
  kMax,
  kMin,
};
constexpr int kReductionCount = static_cast<int>(Reduction::kMin) + 1;

// out[r] = f(x[r * row_step + k], 0 <= k < n)
void ReduceRows(Reduction f, const float* x, int64_t row_step, int64_t rows, int64_t n, float* out);
// out[c] = f(x[k * step + c], 0 <= k < n)
void ReduceColumns(Reduction f, const float* x, int64_t step, int64_t n, int64_t columns,
                   float* out);
// The oracle of both: f of x[k * step], one after another in long double, rounded once.
float ReduceReference(Reduction f, const float* x, int64_t step, int64_t n);

}  // namespace mosaic
