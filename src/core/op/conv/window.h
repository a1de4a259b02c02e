// Windows that slide over the spatial dimensions of [N, C, ...] arrays: what convolutions and
// pooling have in common. Up to three spatial dimensions; fewer are filled up with leading ones.
#pragma once

#include <string>
#include <vector>

#include "core/op/op_support.h"

namespace mosaic {

// Element i of a list, where it has so many.
inline int64_t ValueAt(const std::vector<int64_t>& list, size_t i, int64_t fallback) {
  return i < list.size() ? list[i] : fallback;
}

// Element i of a floating-point array as float32.
inline float FloatAt(const Tensor& t, int64_t i) {
  float v = 0;
  Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    v = static_cast<float>(Load(t.data<T>()[i]));
  });
  return v;
}

// Of convolutions that give each group phases of its own: 54000 where there are too many.
inline Status CheckGroups(int64_t groups) {
  constexpr int64_t kMost = 65536;
  if (groups <= kMost) return Status();
  return Status::Limit(std::to_string(groups) + " groups are too many, at most " +
                       std::to_string(kMost) + " are allowed");
}

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// The attributes, one entry a spatial dimension where they are given.
struct WindowAttributes {
  explicit WindowAttributes(const Node& node);
  // Attribute values that are known: pads not negative, strides and dilations positive.
  Status Check() const;

  AutoPad auto_pad = AutoPad::kNotSet;
  bool bad_auto_pad = false;
  bool ceil_mode = false;
  std::vector<int64_t> kernel, strides, dilations, pads;
};

// A window on arrays of known shape.
struct Window {
  static constexpr int kDims = 3;
  int64_t in[kDims] = {1, 1, 1}, out[kDims] = {1, 1, 1}, kernel[kDims] = {1, 1, 1};
  int64_t stride[kDims] = {1, 1, 1}, dilation[kDims] = {1, 1, 1};
  int64_t pad[kDims] = {0, 0, 0}, pad_end[kDims] = {0, 0, 0};

  int64_t inputs() const { return in[0] * in[1] * in[2]; }
  int64_t outputs() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  // One tap at every element of the input: what the window meets are the elements as they lie.
  bool IsOneTap() const {
    bool one = taps() == 1 && outputs() == inputs();
    for (int d = 0; d < kDims; ++d) one = one && pad[d] == 0 && stride[d] == 1;
    return one;
  }
  // The coordinates of an output (of a tap): from the index in row-major order.
  static void Unravel(int64_t index, const int64_t* dims, int64_t* at) {
    at[2] = index % dims[2];
    at[1] = index / dims[2] % dims[1];
    at[0] = index / dims[2] / dims[1];
  }
  // Offset in a plane of the input that a tap reads for an output; -1 in the padding.
  int64_t Offset(const int64_t* out_at, const int64_t* tap_at) const {
    int64_t offset = 0;
    for (int d = 0; d < kDims; ++d) {
      const int64_t i = out_at[d] * stride[d] - pad[d] + tap_at[d] * dilation[d];
      if (i < 0 || i >= in[d]) return -1;
      offset = offset * in[d] + i;
    }
    return offset;
  }
};

// Spatial dimensions of the output for x = [N, C, ...] and a kernel of as many dimensions. Errors:
// BAD_MODEL where ranks or attributes do not fit.
Status InferWindow(InferContext& c, const WindowAttributes& a, const Dims& kernel, Dims* spatial);
// The window of a call. out: the spatial dimensions as inferred.
Status MakeWindow(const WindowAttributes& a, const Shape& x, const Shape& kernel, const Shape& y,
                  Window* out);

}  // namespace mosaic
