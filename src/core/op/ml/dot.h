// Rows of features times rows of weights: what linear models and support vectors have in common.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/op/ml/ml_support.h"

namespace mosaic {

// The sum of a[i] * b[i], of sixteen sums side by side: the same order for every row.
inline float Dot(const float* a, const float* b, int64_t n) {
  float sums[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int k = 0; k < 16; ++k) sums[k] += a[i + k] * b[i + k];
  }
  for (; i < n; ++i) sums[i % 16] += a[i] * b[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  return sums[0];
}

// The sum of (a[i] - b[i])^2, likewise.
inline float SquaredDistance(const float* a, const float* b, int64_t n) {
  float sums[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int k = 0; k < 16; ++k) sums[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
  }
  for (; i < n; ++i) sums[i % 16] += (a[i] - b[i]) * (a[i] - b[i]);
  for (int half = 8; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) sums[k] += sums[k + half];
  }
  return sums[0];
}

// Units of so many products at most, where a row and its weights are not longer themselves.
constexpr int64_t kDotsCost = int64_t{1} << 18;

// Products of all rows of x [rows, width] with all rows of weights [m, width], cut into units.
struct DotUnits {
  int64_t rows = 0, width = 0, m = 0;
  int64_t columns = 1;  // of a unit

  DotUnits() = default;
  DotUnits(const Tensor& x, int64_t m_) : rows(RowsOf(x)), width(WidthOf(x)), m(m_) {
    columns = std::clamp<int64_t>(kDotsCost / std::max<int64_t>(width, 1), 1, std::max<int64_t>(m, 1));
  }
  int64_t units() const { return rows * Chunks(m, columns); }
  double cost() const { return 2.0 * static_cast<double>(columns * width) + 50; }
  // f(row, column, row of x) for the products of a unit, row after row. buffer: width floats.
  template <typename F>
  void ForEach(const Tensor& x, int64_t begin, int64_t end, float* buffer, F&& f) const {
    const int64_t per_row = Chunks(m, columns);
    int64_t converted = -1;
    const float* at = nullptr;
    for (int64_t u = begin; u < end; ++u) {
      const int64_t row = u / per_row, first = u % per_row * columns;
      if (row != converted) at = AsFloats(x, row * width, (row + 1) * width, buffer);
      converted = row;
      for (int64_t j = first; j < std::min(m, first + columns); ++j) f(row, j, at);
    }
  }
};

}  // namespace mosaic
