// An int32 sum as a quantised output: saturate(round(sum * multiplier) + zero point), halves to
// even, where the multiplier is scale of a * scale of b / scale of y in float32, as ONNX Runtime
// rounds.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/tensor/element.h"
#include "core/tensor/tensor.h"

namespace mosaic {

using ByteTypes = Types<int8_t, uint8_t>;

// Element i of a tensor of bytes.
inline int32_t ByteAt(const Tensor& t, int64_t i) {
  return t.dtype() == MOSAIC_UINT8 ? int32_t{t.data<uint8_t>()[i]} : int32_t{t.data<int8_t>()[i]};
}

// Element i of a scale of a floating-point type.
inline float ScaleAt(const Tensor& t, int64_t i) {
  float v = 0;
  Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    v = static_cast<float>(Load(t.data<T>()[i]));
  });
  return v;
}

template <typename Y>
Y Requantize(int32_t sum, float multiplier, int32_t zero) {
  constexpr float kLeast = std::numeric_limits<Y>::min(), kMost = std::numeric_limits<Y>::max();
  const float v = static_cast<float>(sum) * multiplier, z = static_cast<float>(zero);
  if (std::isnan(v)) return static_cast<Y>(zero);
  return static_cast<Y>(static_cast<int32_t>(std::nearbyint(std::clamp(v, kLeast - z, kMost - z))) +
                        zero);
}

}  // namespace mosaic
