// The rows of an input that some rows of a window's output meet, copied with their padding: all
// taps then are contiguous rows. A row lies apart by its remainder modulo the stride.
#pragma once

#include <algorithm>
#include <type_traits>

#include "core/kernel/window_sum.h"
#include "core/op/conv/window.h"

namespace mosaic {

struct WindowRows {
  int64_t channels = 0;
  int64_t rows = 1;    // of the output
  int64_t met = 1;     // of the input, for each channel and depth of the kernel
  int64_t length = 0;  // of what a row has for one remainder

  WindowRows() = default;
  WindowRows(const Window& w, int64_t channel_count, int64_t output_rows)
      : channels(channel_count),
        rows(output_rows),
        met((rows - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1) {
    const int64_t reach = (w.out[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1;
    length = (reach + w.stride[2] - 1) / w.stride[2];
  }

  // A double: dilations may reach far beyond an input that is padded to the same size.
  double floats(const Window& w) const {
    return static_cast<double>(channels * w.kernel[0]) * static_cast<double>(met) *
           static_cast<double>(w.stride[2]) * static_cast<double>(length);
  }
  // Where row "row" of those that are met begins, of a channel at a depth of the kernel.
  int64_t Row(const Window& w, int64_t channel, int64_t depth, int64_t row) const {
    return ((channel * w.kernel[0] + depth) * met + row) * w.stride[2] * length;
  }
  // Where column "tap" of the kernel begins in a row.
  int64_t Column(const Window& w, int64_t tap) const {
    const int64_t at = tap * w.dilation[2];
    return at % w.stride[2] * length + at / w.stride[2];
  }

  // Copies what output rows from "first" on meet at depth z of the output; x: the first channel.
  // Beyond the input it is filled.
  template <typename T>
  void Read(const Window& w, const T* x, int64_t z, int64_t first, float* to,
            float fill = 0) const {
    const Inside first_part = PartOf(w, 0);
    for (int64_t ch = 0; ch < channels; ++ch) {
      for (int64_t depth = 0; depth < w.kernel[0]; ++depth) {
        const int64_t i = z * w.stride[0] - w.pad[0] + depth * w.dilation[0];
        for (int64_t row = 0; row < met; ++row) {
          const int64_t j = first * w.stride[1] - w.pad[1] + row;
          float* out = to + Row(w, ch, depth, row);
          if (i >= 0 && i < w.in[0] && j >= 0 && j < w.in[1]) {
            ReadRow(w, x + ((ch * w.in[0] + i) * w.in[1] + j) * w.in[2], first_part, out, fill);
          } else {
            std::fill(out, out + w.stride[2] * length, fill);
          }
        }
      }
    }
  }

  // What an output row is made of: for each tap inside the input and each channel a row of what was
  // read and its weight, of a kernel (taps, channels). Returns how many.
  int64_t Taps(const Window& w, const float* kernel, const float* read, int64_t z, int64_t first,
               int64_t row, const float** taps, float* weights) const {
    int64_t n = 0;
    for (int64_t a = 0; a < w.kernel[0]; ++a) {
      const int64_t i = z * w.stride[0] - w.pad[0] + a * w.dilation[0];
      for (int64_t b = 0; b < w.kernel[1]; ++b, kernel += w.kernel[2] * channels) {
        const int64_t at = (row - first) * w.stride[1] + b * w.dilation[1];
        const int64_t j = first * w.stride[1] - w.pad[1] + at;
        if (i < 0 || i >= w.in[0] || j < 0 || j >= w.in[1]) continue;
        for (int64_t k = 0; k < w.kernel[2]; ++k) {
          for (int64_t ch = 0; ch < channels; ++ch) {
            taps[n] = read + Row(w, ch, a, at) + Column(w, k);
            weights[n++] = kernel[k * channels + ch];
          }
        }
      }
    }
    return n;
  }

 private:
  // The elements of a row of one remainder that are in the input: [begin, end); element k is that
  // at k * stride + shift.
  struct Inside {
    int64_t shift, begin, end;
  };
  Inside PartOf(const Window& w, int64_t rest) const {
    const int64_t stride = w.stride[2], shift = rest - w.pad[2];
    const int64_t begin = std::min(length, shift >= 0 ? 0 : (-shift + stride - 1) / stride);
    const int64_t end = w.in[2] <= shift
                            ? begin
                            : std::clamp((w.in[2] - shift + stride - 1) / stride, begin, length);
    return {shift, begin, end};
  }

  template <typename T>
  void ReadRow(const Window& w, const T* from, Inside p, float* to, float fill) const {
    const int64_t stride = w.stride[2];
    for (int64_t rest = 0; rest < stride; ++rest, to += length) {
      if (rest > 0) p = PartOf(w, rest);
      std::fill(to, to + p.begin, fill);
      if constexpr (std::is_same_v<T, float>) {
        const float* inside = from + p.begin * stride + p.shift;
        stride == 1 ? void(std::copy(inside, inside + (p.end - p.begin), to + p.begin))
                    : EveryNth(inside, stride, p.end - p.begin, to + p.begin);
      } else {
        for (int64_t k = p.begin; k < p.end; ++k) {
          to[k] = static_cast<float>(Load(from[k * stride + p.shift]));
        }
      }
      std::fill(to + p.end, to + length, fill);
    }
  }
};

}  // namespace mosaic
