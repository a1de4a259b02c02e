// Functions of one float32, element by element: out[i] = f(in[i]).
//
// The result of an element depends on its value and the parameters only, so any range of elements
// may be computed on its own. AVX2, AVX-512 and NEON give the same bits; the baseline of x86-64,
// which cannot fuse, may differ within the bounds below (core/kernel/vector/simd.inc says why).
//
// Errors against the exact value, in ulp of the float32 result; where that is subnormal, in units
// of 1e-38. The tests hold them on every instruction set:
//   correctly rounded    Sqrt, Reciprocal, Relu, LeakyRelu, Abs, Neg, Sign, Floor, Ceil, Round and
//   all
//                        that only compares; HardSigmoid, HardSwish, Softsign after each step
//   1.5 ulp              Exp, Log, Tanh, Erf, Sin, Cos
//   2.5 ulp              Sigmoid, Softplus, ExpMinus1, Elu
//   4 ulp                Silu, Selu, Celu, Mish; Gelu and GeluTanh for x >= -1
// Below -1, Gelu and GeluTanh are within 1e-7 |x| of the exact value, which is near 0 there.
//
// NaN stays NaN, infinities and zeros of either sign are those of the C library.
#pragma once

#include <cstdint>

namespace mosaic {

enum class Unary {
  kAbs,
  kNeg,
  kSign,  // 0 and NaN stay
  kFloor,
  kCeil,
  kRound,  // halves to even
  kSqrt,
  kReciprocal,
  kExp,
  kLog,
  kSin,
  kCos,
  kTanh,
  kErf,
  kRelu,             // x < 0 ? 0 : x
  kLeakyRelu,        // x < 0 ? alpha x : x
  kThresholdedRelu,  // x > alpha ? x : 0
  kElu,              // x < 0 ? alpha (e^x - 1) : x
  kCelu,             // x < 0 ? alpha (e^(x / alpha) - 1) : x
  kSelu,             // beta (x > 0 ? x : alpha (e^x - 1))
  kSigmoid,
  kHardSigmoid,  // alpha x + beta within 0 and 1
  kHardSwish,    // x times that
  kSilu,         // x sigmoid(alpha x)
  kSoftplus,     // log(1 + e^x)
  kSoftsign,     // x / (1 + |x|)
  kMish,         // x tanh(softplus(x))
  kGelu,         // x (1 + erf(x / sqrt 2)) / 2
  kGeluTanh,     // its approximation by tanh
  kGeluOfSteps,  // Activation::kGelu of core/kernel/activation.h
  kClip,         // min(beta, max(alpha, x)); NaN stays
};
constexpr int kUnaryCount = static_cast<int>(Unary::kClip) + 1;

struct UnaryParameters {
  float alpha = 1;
  float beta = 0;
};

// in and out may be the same, else they do not overlap. About 1 ms for 10^6 elements.
void ComputeUnary(Unary f, const UnaryParameters& p, const float* in, float* out, int64_t n);
// The oracle: each element with the C library in double, rounded once; and that before rounding
// (functions that are correctly rounded are computed in float32 already).
void ComputeUnaryReference(Unary f, const UnaryParameters& p, const float* in, float* out,
                           int64_t n);
double UnaryInDouble(Unary f, const UnaryParameters& p, float x);

// out[i] = x[i] ^ exponent, and x[i] ^ y[i]: within 0.51 ulp (subnormal 0.8); special values are
// those of std::pow.
// An exponent that is a multiple of 1/2 and at most 64 needs no logarithm; which is computed
// depends on the exponent alone.
void ComputePower(const float* x, double exponent, float* out, int64_t n);
void ComputePower(const float* x, const float* y, float* out, int64_t n);
void ComputePowerReference(const float* x, double exponent, float* out, int64_t n);

}  // namespace mosaic
