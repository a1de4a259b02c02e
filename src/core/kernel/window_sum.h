// Sums of weighted rows: what a depthwise convolution does with its taps.
#pragma once

#include <cstdint>

namespace mosaic {

// out[i] = sum of weights[t] * rows[t][i], t < count, in ascending t, plus bias; 0 <= i < n. Each
// element depends on its own column only. Fused where the CPU can.
void SumWeightedRows(const float* const* rows, const float* weights, int64_t count, float bias,
                     int64_t n, float* out);
// out[i] = in[i * stride].
void EveryNth(const float* in, int64_t stride, int64_t n, float* out);

}  // namespace mosaic
