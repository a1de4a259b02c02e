// Activation functions of float32: one implementation for the epilogue of a GEMM and for an
// operator of its own, so that fusing does not change a bit.
//
// Errors: Sigmoid is within 2.5 ulp (1e-38 where its result is subnormal), Tanh and Erf within 1.5
// ulp. NaN stays NaN.
#pragma once

#include <cstdint>

namespace mosaic {

enum class Activation {
  kNone,
  kRelu,     // x < 0 ? 0 : x
  kSigmoid,  // 1 / (1 + exp(-x))
  kTanh,
  kErf,
  kGelu,  // (erf(x / sqrt(2)) + 1) * x * 0.5, rounded after each step as by operators of their own
};

// out[i] = f(in[i]); in and out may be the same. The result of an element depends on nothing else.
void Activate(Activation f, const float* in, float* out, int64_t n);

}  // namespace mosaic
