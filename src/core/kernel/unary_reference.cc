#include <cmath>

#include "core/kernel/unary.h"

namespace mosaic {

namespace {

double Sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  return std::exp(x) / (1 + std::exp(x));
}
double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
// Where a factor vanishes, so does the product.
double Times(double x, double factor) { return factor == 0 ? std::copysign(0.0, x) : x * factor; }

// What the definition rounds after each step is computed in float32.
float HardSigmoid(float x, const UnaryParameters& p) {
  const float y = p.alpha * x;
  const float z = y + p.beta;
  return z < 0 ? 0.0f : z > 1 ? 1.0f : z;
}
float GeluOfSteps(float x) {
  const float scaled = x / 1.41421356237309505f;
  const float y = static_cast<float>(std::erf(static_cast<double>(scaled))) + 1.0f;
  return y * x * 0.5f;
}

double Wide(Unary f, double alpha, double beta, double x) {
  switch (f) {
    case Unary::kExp:
      return std::exp(x);
    case Unary::kLog:
      return std::log(x);
    case Unary::kSin:
      return std::sin(x);
    case Unary::kCos:
      return std::cos(x);
    case Unary::kTanh:
      return std::tanh(x);
    case Unary::kErf:
      return std::erf(x);
    case Unary::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case Unary::kCelu:
      return x < 0 ? alpha * std::expm1(x / alpha) : x;
    case Unary::kSelu:
      return beta * (x > 0 ? x : alpha * std::expm1(x));
    case Unary::kSigmoid:
      return Sigmoid(x);
    case Unary::kSilu:
      return Times(x, Sigmoid(alpha * x));
    case Unary::kSoftplus:
      return Softplus(x);
    case Unary::kMish:
      return Times(x, std::tanh(Softplus(x)));
    case Unary::kGelu:
      return Times(x, 0.5 * std::erfc(-x / std::sqrt(2.0)));
    case Unary::kGeluTanh:
      return Times(x, Sigmoid(2 * std::sqrt(2 / 3.14159265358979324) * (x + 0.044715 * x * x * x)));
    default:
      return x;
  }
}

// Those that are correctly rounded, or after each step.
bool InFloat(Unary f, const UnaryParameters& p, float x, float* y) {
  switch (f) {
    case Unary::kAbs:
      return *y = std::fabs(x), true;
    case Unary::kNeg:
      return *y = -x, true;
    case Unary::kSign:
      return *y = x > 0 ? 1.0f : x < 0 ? -1.0f : x, true;
    case Unary::kFloor:
      return *y = std::floor(x), true;
    case Unary::kCeil:
      return *y = std::ceil(x), true;
    case Unary::kRound:
      return *y = std::nearbyint(x), true;
    case Unary::kSqrt:
      return *y = std::sqrt(x), true;
    case Unary::kReciprocal:
      return *y = 1 / x, true;
    case Unary::kRelu:
      return *y = x < 0 ? 0.0f : x, true;
    case Unary::kLeakyRelu:
      return *y = x < 0 ? p.alpha * x : x, true;
    case Unary::kThresholdedRelu:
      return *y = x > p.alpha ? x : 0.0f, true;
    case Unary::kHardSigmoid:
      return *y = HardSigmoid(x, p), true;
    case Unary::kHardSwish:
      return *y = std::isinf(x) && x < 0 ? -0.0f : x * HardSigmoid(x, p), true;
    case Unary::kSoftsign:
      return *y = x / (1 + std::fabs(x)), true;
    case Unary::kClip:
      return *y = std::fmin(p.beta, x < p.alpha ? p.alpha : x), *y = x != x ? x : *y, true;
    default:
      return false;
  }
}

}  // namespace

double UnaryInDouble(Unary f, const UnaryParameters& p, float x) {
  float y;
  if (InFloat(f, p, x, &y)) return static_cast<double>(y);
  if (f == Unary::kGeluOfSteps) return static_cast<double>(GeluOfSteps(x));
  return Wide(f, static_cast<double>(p.alpha), static_cast<double>(p.beta), static_cast<double>(x));
}

void ComputeUnaryReference(Unary f, const UnaryParameters& p, const float* in, float* out,
                           int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(UnaryInDouble(f, p, in[i]));
}

void ComputePowerReference(const float* x, double exponent, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(std::pow(static_cast<double>(x[i]), exponent));
  }
}

}  // namespace mosaic
