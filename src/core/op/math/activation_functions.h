// Activations that operators of several domains have: functions of elementwise.h.
#pragma once

#include "core/op/math/elementwise.h"

namespace mosaic {

struct FloatActivation {
  using List = FloatTypes;
  static constexpr double kCost = 20;
};

template <typename T>
T Sigmoid(T x) {
  // The exponential of a positive number could overflow.
  if (x >= 0) return T(1) / (T(1) + std::exp(-x));
  const T e = std::exp(x);
  return e / (T(1) + e);
}
struct SwishFn : FloatActivation {  // x sigmoid(alpha x)
  static constexpr Unary kKernel = Unary::kSilu;
  UnaryParameters parameters() const { return {alpha, 0}; }
  explicit SwishFn(float a) : alpha(a) {}
  template <typename T>
  T operator()(T x) const {
    return x * Sigmoid(static_cast<T>(alpha) * x);
  }
  float alpha;
};
struct GeluFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kGelu;
  template <typename T>
  T operator()(T x) const {
    // erfc keeps the digits that 1 + erf loses where x is negative.
    return T(0.5) * x * std::erfc(-x * T(0.70710678118654752440));
  }
};
struct GeluTanhFn : FloatActivation {
  static constexpr Unary kKernel = Unary::kGeluTanh;
  template <typename T>
  T operator()(T x) const {
    const T u = T(0.79788456080286535588) * (x + T(0.044715) * x * x * x);
    // (1 + tanh(u)) / 2
    return x * Sigmoid(2 * u);
  }
};

}  // namespace mosaic
