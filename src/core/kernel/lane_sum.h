// Depthwise convolutions with eight planes side by side: each is a lane, so that neither narrow
// rows nor strides leave any idle.
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int64_t kSumLanes = 8;

// rows of width elements of each of some planes, 1 to 8, one row behind the other:
// to[r * pitch + i * 8 + p] = planes[p * plane_pitch + r * width + i]. Lanes of planes that are not
// there repeat the first. Nothing else is read or written.
struct LaneRows {
  const float* planes;
  int64_t plane_pitch, count;  // planes
  int64_t rows, width;
};
void PlanesToLanes(const LaneRows& from, float* to, int64_t pitch);
// planes[p * plane_pitch + i] = from[i * 8 + p], i < n, p < count. Nothing else is written.
void LanesToPlanes(const float* from, int64_t n, int64_t count, float* planes, int64_t plane_pitch);

// out[(r * columns + i) * 8 + p] = the sum of weights[t * 8 + p] times
// x[r * row_step + i * step + offsets[t] + p], t < count, in ascending t from 0 on, plus bias[p];
// then, with relu, what is below 0 becomes 0. The same bits as SumPlane (plane_sum.h) of each
// plane.
struct LaneSum {
  const float* x;
  const int64_t* offsets;
  const float* weights;
  int64_t count;
  int64_t row_step, step;  // floats
  int64_t rows, columns;
  const float* bias;
  bool relu;
};
void SumLanes(const LaneSum& sum, float* out);

}  // namespace mosaic
