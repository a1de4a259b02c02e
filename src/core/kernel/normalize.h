// Normalisation of rows of float32: LayerNormalization, RMSNormalization, and with the parameters
// of channels InstanceNormalization and GroupNormalization:
//   v = x + residual,  y = (v - mean v) / sqrt(var v + epsilon) * scale + bias
// or, with rms, y = v / sqrt(mean v^2 + epsilon) * scale + bias.
//
// Two passes: the mean, then the squares of the differences from it, so that nothing cancels. Both
// sums are kept in float64, in lanes (element k in lane k mod 16, joined by one tree), which depend
// on n alone: any range of rows may be computed on its own, and the statistics have the bits of
// every CPU. Elements are computed in float32: before scale and bias each is within 3 ulp of the
// exact value for the v as they are rounded.
#pragma once

#include <cstdint>

namespace mosaic {

struct NormalizeArgs {
  const float* x = nullptr;
  int64_t x_step = 0;               // elements from row to row
  int64_t n = 0;                    // elements of a row, >= 1
  const float* residual = nullptr;  // added first; null: nothing
  int64_t residual_step = 0;
  float* sum = nullptr;  // if not null: receives x + residual; may be x or residual
  int64_t sum_step = 0;
  float* y = nullptr;  // may be x, residual or sum
  int64_t y_step = 0;
  double epsilon = 1e-5;
  bool rms = false;
  // Element k of row r is scaled by scale[(r % groups) * group_step + k / repeat]; so too bias.
  // Null: by 1, and nothing is added. Layer: groups 1, repeat 1. Instances of C channels: groups C,
  // group_step 1, repeat n. G groups of C channels: groups G, group_step C / G, repeat n * G / C.
  const float* scale = nullptr;
  const float* bias = nullptr;
  int64_t groups = 1;
  int64_t group_step = 0;
  int64_t repeat = 1;
  // If not null, for each row: the mean, and 1 / sqrt(var + epsilon).
  float* mean = nullptr;
  float* inverse = nullptr;
};

// Rows [begin, end). REQUIRES: n >= 1.
void NormalizeRows(const NormalizeArgs& args, int64_t begin, int64_t end);
// The oracle, in long double.
void NormalizeRowsReference(const NormalizeArgs& args, int64_t begin, int64_t end);

}  // namespace mosaic
