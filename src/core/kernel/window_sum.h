// Sums of weighted rows, and the largest of rows: what a depthwise convolution and a pool do with
// their taps.
#pragma once

#include <cstdint>

namespace mosaic {

// out[i] = sum of weights[t] * rows[t][i], t < count, in ascending t, plus bias; 0 <= i < n. Each
// element depends on its own column only. Fused where the CPU can.
void SumWeightedRows(const float* const* rows, const float* weights, int64_t count, float bias,
                     int64_t n, float* out);
// out[i] = the largest of rows[t][i], t < count; the first NaN, if there is one. count >= 1.
void LargestOfRows(const float* const* rows, int64_t count, int64_t n, float* out);
// y[i] = (y[i] - mean) * factor + bias, in float64, rounded once.
void ScaleRow(double mean, double factor, double bias, int64_t n, float* y);
// y[i] = y[i] * factor + addend, rounded twice.
void MulAddRow(float factor, float addend, int64_t n, float* y);
// y[i] += x[i].
void AddRow(const float* x, int64_t n, float* y);
// y[i * stride] += w * x[i], rounded twice.
void AddEveryNth(const float* x, float w, int64_t n, int64_t stride, float* y);
// Rows of n elements, "stride" apart, and row_step from one to the next.
struct StridedRows {
  const float* in;
  int64_t row_step, stride, n;
};
// Rows of "length", one behind the other: of each what is given, behind "before" fills, and fills.
void PadRows(const StridedRows& from, int64_t rows, int64_t before, int64_t length, float fill,
             float* out);

}  // namespace mosaic
