// What lies before and behind a product of bytes (integer_product.h), row by row.
#pragma once

#include <cstdint>

namespace mosaic {

// A row of sums of what was packed becomes those of (A - a)(B - b):
//   sums[j] - b_zero[j] * rest - a_zero * columns[j],  rest = the row's sum - k * a_zero
struct IntegerRow {
  const uint32_t* sums;
  const uint32_t* columns;
  const uint32_t* b_zero;
  uint32_t a_zero, rest;
  int64_t n;
};
void FinishIntegers(const IntegerRow& row, int32_t* out);
// As float32, times scale[j], then plus bias[j] (null: none), rounded after each step.
void FinishScaled(const IntegerRow& row, const float* scale, const float* bias, float* out);

// As bytes: saturate(round(v) + zero), halves to even, where v is
//   float32(sum + added[j]) * scale[j], or, with bias,
//   (float32(sum) * scale[j] + bias[j]) / step, rounded after each.
// NaN gives zero. least, most: of what is saturated to, within the type of out.
struct ByteSteps {
  const float* scale;
  const int32_t* added;
  const float* bias;  // null: the first of the two
  float step;
  int zero, least, most;
};
void FinishBytes(const IntegerRow& row, const ByteSteps& steps, uint8_t* out);

}  // namespace mosaic
