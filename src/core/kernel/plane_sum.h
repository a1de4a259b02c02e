// Sums of weighted rows for several rows of a plane at once: what a depthwise convolution does with
// what its window meets. Some rows stay in registers while the taps run on.
#pragma once

#include <cstdint>

namespace mosaic {

// out[r * columns + i] = sum of weights[t] * taps[t][r * pitch + i], t < count, in ascending t,
// plus bias; then, with relu, what is below 0 becomes 0. 0 <= r < rows, 0 <= i < columns. The same
// bits as SumWeightedRows (window_sum.h) row by row, and nothing else is written. REQUIRES:
// kPlaneSlack floats behind the last element of each tap may be read.
struct PlaneSum {
  const float* const* taps;
  const float* weights;
  int64_t count;
  int64_t pitch;  // of a tap's rows
  int64_t rows, columns;
  float bias;
  bool relu;
};
constexpr int64_t kPlaneSlack = 16;
void SumPlane(const PlaneSum& plane, float* out);

// Floats of a register here: rows that fill few of them are better computed several as one.
int64_t PlaneLanes();

}  // namespace mosaic
