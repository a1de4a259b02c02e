// The sums of Resize along one axis: each result is that of its taps, in their order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/kernel/window_sum.h"

namespace mosaic {

// Of a result: indexes along the axis (the first one is below 0 where it lies outside), weights.
struct AxisTaps {
  const int64_t* index;
  const float* weight;
  int64_t count;
};

// n elements of one row of results; rows of the input lie "pitch" apart.
template <typename V>
void SumRows(const V* plane, const AxisTaps& taps, int64_t pitch, int64_t n, V* to) {
  constexpr int64_t kMost = 16;
  if constexpr (std::is_same_v<V, float>) {
    if (taps.count <= kMost) {
      const float* rows[kMost];
      for (int64_t t = 0; t < taps.count; ++t) rows[t] = plane + taps.index[t] * pitch;
      return SumWeightedRows(rows, taps.weight, taps.count, 0, n, to);
    }
  }
  std::fill(to, to + n, V(0));
  for (int64_t t = 0; t < taps.count; ++t) {
    const V* row = plane + taps.index[t] * pitch;
    const V w = static_cast<V>(taps.weight[t]);
    for (int64_t k = 0; k < n; ++k) to[k] += w * row[k];
  }
}

// n results along the axis, where its elements follow one another; taps: of the first result, those
// of the others follow.
template <typename V>
void SumAlong(const V* plane, AxisTaps taps, V outside, int64_t n, V* to) {
  for (int64_t k = 0; k < n; ++k, taps.index += taps.count, taps.weight += taps.count) {
    if (taps.index[0] < 0) {
      to[k] = outside;
      continue;
    }
    V sum = static_cast<V>(taps.weight[0]) * plane[taps.index[0]];
    for (int64_t t = 1; t < taps.count; ++t) {
      sum += static_cast<V>(taps.weight[t]) * plane[taps.index[t]];
    }
    to[k] = sum;
  }
}

}  // namespace mosaic
