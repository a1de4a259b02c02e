// What convolutions of two dimensions are to be, to the bit: for tests of the ways to compute them.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/op/conv/window.h"

namespace mosaic {

struct ConvolutionKind {
  int64_t height, width, channels, filters, kernel_h, kernel_w, stride, dilation, pad;
};

// With the same strides, dilations and padding in both directions.
inline Window WindowOf(const ConvolutionKind& k) {
  Window w;
  w.in[1] = k.height, w.in[2] = k.width;
  w.kernel[1] = k.kernel_h, w.kernel[2] = k.kernel_w;
  w.stride[1] = w.stride[2] = k.stride;
  w.dilation[1] = w.dilation[2] = k.dilation;
  w.pad[1] = w.pad[2] = w.pad_end[1] = w.pad_end[2] = k.pad;
  for (int d : {1, 2}) {
    w.out[d] = (w.in[d] + 2 * k.pad - (w.kernel[d] - 1) * k.dilation - 1) / k.stride + 1;
  }
  return w;
}

// Of an output's products, in ascending (taps, channels), as the kernels are to add them up.
inline float SumOf(const Window& w, int64_t channels, const std::vector<float>& x,
                   const float* kernel, int64_t stride_k, int64_t y, int64_t col, bool fused) {
  float sum = 0;
  for (int64_t t = 0; t < w.taps(); ++t) {
    const int64_t i = y * w.stride[1] - w.pad[1] + t / w.kernel[2] * w.dilation[1];
    const int64_t j = col * w.stride[2] - w.pad[2] + t % w.kernel[2] * w.dilation[2];
    const bool inside = i >= 0 && i < w.in[1] && j >= 0 && j < w.in[2];
    for (int64_t c = 0; c < channels; ++c) {
      const float v = inside ? x[static_cast<size_t>((c * w.in[1] + i) * w.in[2] + j)] : 0.0F;
      const float k = kernel[(t * channels + c) * stride_k];
      sum = fused ? std::fma(k, v, sum) : k * v + sum;
    }
  }
  return sum;
}

}  // namespace mosaic
