// Functions of one element, and the activations that products end with: one implementation.
#include "core/kernel/unary.h"

#include <utility>

#include "core/kernel/activation.h"

#define MOSAIC_KERNEL "core/kernel/vector/unary.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

// Cosine and sine of what the vectorised reduction does not reach.
void FixLarge(Unary f, const float* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (std::fabs(in[i]) < generic::kSinLimit) continue;
    const double x = static_cast<double>(in[i]);
    out[i] = static_cast<float>(f == Unary::kSin ? std::sin(x) : std::cos(x));
  }
}

bool AnyLarge(const float* in, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i) most = std::fabs(in[i]) > most ? std::fabs(in[i]) : most;
  return most >= generic::kSinLimit;
}

// Sine and cosine in pieces, so that arguments beyond the limit can be computed from a copy.
void RunSine(Unary f, const float* in, float* out, int64_t n) {
  constexpr int64_t kPiece = 512;
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    float copy[kPiece];
    const bool large = AnyLarge(in + i, count);
    if (large) std::memcpy(copy, in + i, static_cast<size_t>(count) * sizeof(float));
    MOSAIC_DISPATCH(RunUnary, f, {}, in + i, out + i, count);
    if (large) FixLarge(f, copy, out + i, count);
  }
}

}  // namespace

void ComputeUnary(Unary f, const UnaryParameters& p, const float* in, float* out, int64_t n) {
  if (ActiveIsa() == Isa::kReference) return ComputeUnaryReference(f, p, in, out, n);
  if (f == Unary::kSin || f == Unary::kCos) return RunSine(f, in, out, n);
  MOSAIC_DISPATCH(RunUnary, f, p, in, out, n);
}

void Activate(Activation f, const float* in, float* out, int64_t n) {
  constexpr UnaryParameters kNone;
  switch (f) {
    case Activation::kNone:
      if (in != out && n > 0) std::memmove(out, in, static_cast<size_t>(n) * sizeof(float));
      return;
    case Activation::kRelu:
      return ComputeUnary(Unary::kRelu, kNone, in, out, n);
    case Activation::kSigmoid:
      return ComputeUnary(Unary::kSigmoid, kNone, in, out, n);
    case Activation::kTanh:
      return ComputeUnary(Unary::kTanh, kNone, in, out, n);
    case Activation::kErf:
      return ComputeUnary(Unary::kErf, kNone, in, out, n);
    case Activation::kGelu:
      return ComputeUnary(Unary::kGeluOfSteps, kNone, in, out, n);
  }
}

void ComputePower(const float* x, double exponent, float* out, int64_t n) {
  if (ActiveIsa() == Isa::kReference) return ComputePowerReference(x, exponent, out, n);
  const double twice = 2 * exponent;
  if (std::fabs(twice) <= 128 && twice == std::floor(twice)) {
    return MOSAIC_DISPATCH(RunHalfPower, x, static_cast<int>(twice), out, n);
  }
  MOSAIC_DISPATCH(RunPower, x, nullptr, exponent, out, n);
}

void ComputePower(const float* x, const float* y, float* out, int64_t n) {
  if (ActiveIsa() == Isa::kReference) {
    for (int64_t i = 0; i < n; ++i) ComputePowerReference(x + i, y[i], out + i, 1);
    return;
  }
  MOSAIC_DISPATCH(RunPower, x, y, 0, out, n);
}

}  // namespace mosaic
