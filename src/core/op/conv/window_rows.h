// The rows of an input that some rows of a window's output meet, copied with their padding: all
// taps then are contiguous rows. Columns, and rows, lie apart by their remainder modulo the stride,
// so whatever that is, the rows that a tap meets of one output row after the other follow one
// another, "length" apart. Remainders that no tap meets are left out.
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
  int64_t row_parts = 1, column_parts = 1;  // remainders
  int64_t part_rows = 1;                    // of each remainder

  WindowRows() = default;
  WindowRows(const Window& w, int64_t channel_count, int64_t output_rows)
      : channels(channel_count),
        rows(output_rows),
        met((rows - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1) {
    const int64_t reach = (w.out[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1;
    length = (reach + w.stride[2] - 1) / w.stride[2];
    row_parts = std::min(w.stride[1], (w.kernel[1] - 1) * w.dilation[1] + 1);
    column_parts = std::min(w.stride[2], (w.kernel[2] - 1) * w.dilation[2] + 1);
    part_rows = (met + w.stride[1] - 1) / w.stride[1];
  }

  // A double: dilations may reach far beyond an input that is padded to the same size.
  double floats(const Window& w) const {
    return static_cast<double>(channels * w.kernel[0]) * static_cast<double>(part_rows) *
           static_cast<double>(row_parts * column_parts) * static_cast<double>(length);
  }
  // Where row "row" of those that are met begins, of a channel at a depth of the kernel.
  int64_t Row(const Window& w, int64_t channel, int64_t depth, int64_t row) const {
    const int64_t parts = (channel * w.kernel[0] + depth) * column_parts * row_parts;
    return ((parts + row % w.stride[1]) * part_rows + row / w.stride[1]) * length;
  }
  // Where column "tap" of the kernel begins in a row.
  int64_t Column(const Window& w, int64_t tap) const {
    const int64_t at = tap * w.dilation[2];
    return at % w.stride[2] * row_parts * part_rows * length + at / w.stride[2];
  }

  // Rows of the output that are computed as one, with what lies between them: all, unless that is
  // more than they are.
  int64_t AtOnce(const Window& w) const { return length <= 2 * w.out[2] ? rows : 1; }

  // Copies what output rows from "first" on meet at depth z of the output; x: the first channel.
  // Beyond the input it is filled.
  template <typename T>
  void Read(const Window& w, const T* x, int64_t z, int64_t first, float* to,
            float fill = 0) const {
    const int64_t top = first * w.stride[1] - w.pad[1];
    constexpr int64_t kKept = 4;
    Inside kept[kKept];
    for (int64_t c = 0; c < std::min(column_parts, kKept); ++c) kept[c] = ColumnsOf(w, c);
    for (int64_t rest = 0; rest < row_parts; ++rest) {
      const Inside in_rows = Part(rest + top, w.stride[1], part_rows, w.in[1]);
      float* plane = to + rest * part_rows * length;
      for (int64_t ch = 0; ch < channels; ++ch) {
        for (int64_t depth = 0; depth < w.kernel[0]; ++depth) {
          const int64_t i = z * w.stride[0] - w.pad[0] + depth * w.dilation[0];
          const bool inside = i >= 0 && i < w.in[0];
          const T* from = inside ? x + (ch * w.in[0] + i) * w.in[1] * w.in[2] : nullptr;
          for (int64_t c = 0; c < column_parts; ++c) {
            ReadPart(w, from, in_rows, c < kKept ? kept[c] : ColumnsOf(w, c), plane, fill);
            plane += row_parts * part_rows * length;
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
  // Of the elements or rows of one remainder those that are in the input, [begin, end); number k is
  // that at k * stride + shift.
  struct Inside {
    int64_t shift, begin, end;
  };
  static Inside Part(int64_t shift, int64_t stride, int64_t count, int64_t in) {
    const int64_t begin = std::min(count, shift >= 0 ? 0 : (-shift + stride - 1) / stride);
    const int64_t end =
        in <= shift ? begin : std::clamp((in - shift + stride - 1) / stride, begin, count);
    return {shift, begin, end};
  }
  Inside ColumnsOf(const Window& w, int64_t rest) const {
    return Part(rest - w.pad[2], w.stride[2], length, w.in[2]);
  }

  // The rows of one remainder, of each the elements of one; x: the plane, null beyond the input.
  template <typename T>
  void ReadPart(const Window& w, const T* x, const Inside& in_rows, const Inside& columns,
                float* to, float fill) const {
    const int64_t begin = x == nullptr ? part_rows : in_rows.begin;
    const int64_t end = x == nullptr ? part_rows : in_rows.end;
    std::fill(to, to + begin * length, fill);
    std::fill(to + end * length, to + part_rows * length, fill);
    const int64_t n = columns.end - columns.begin, stride = w.stride[2];
    if (begin == end) return;
    const T* from = x + (begin * w.stride[1] + in_rows.shift) * w.in[2] +
                    (columns.begin * stride + columns.shift);
    to += begin * length;
    if constexpr (std::is_same_v<T, float>) {
      PadRows({from, w.stride[1] * w.in[2], stride, n}, end - begin, columns.begin, length, fill,
              to);
    } else {
      for (int64_t row = begin; row < end; ++row, from += w.stride[1] * w.in[2], to += length) {
        std::fill(to, to + columns.begin, fill);
        for (int64_t k = 0; k < n; ++k) {
          to[columns.begin + k] = static_cast<float>(Load(from[k * stride]));
        }
        std::fill(to + columns.end, to + length, fill);
      }
    }
  }
};

}  // namespace mosaic
