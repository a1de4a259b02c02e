#include "core/tensor/small_types.h"

namespace mosaic {
namespace {

// Sign, exponent, mantissa. Types without infinity use the highest exponent for numbers too.
struct Format {
  int mantissa_bits, bias;
  uint8_t largest;  // bits of the largest number
  uint8_t nan;      // without sign (FNUZ: the only one)
  int infinity;     // bits, or -1
  bool fnuz;        // no negative zero: its place is NaN
};

Format FormatOf(int dtype) {
  switch (dtype) {
    case MOSAIC_FLOAT8E4M3FN:
      return {3, 7, 0x7e, 0x7f, -1, false};
    case MOSAIC_FLOAT8E4M3FNUZ:
      return {3, 8, 0x7f, 0x80, -1, true};
    case MOSAIC_FLOAT8E5M2:
      return {2, 15, 0x7b, 0x7e, 0x7c, false};
    default:
      return {2, 16, 0x7f, 0x80, -1, true};
  }
}

// Of bits without sign that are a number.
double Magnitude(const Format& f, int bits) {
  const int exponent = bits >> f.mantissa_bits, mantissa = bits & ((1 << f.mantissa_bits) - 1);
  const int implicit = exponent > 0 ? 1 << f.mantissa_bits : 0;
  return std::ldexp(implicit + mantissa, std::max(exponent, 1) - f.bias - f.mantissa_bits);
}

// Of E2M1 without sign, by its bits.
constexpr float kFloat4[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};

uint8_t FloatToFloat4(double v) {
  if (std::isnan(v)) return 8;
  const double x = std::fabs(v);
  int bits = 0;
  for (; bits < 7; ++bits) {
    const double half =
        (static_cast<double>(kFloat4[bits]) + static_cast<double>(kFloat4[bits + 1])) / 2;
    if (x < half || (x == half && bits % 2 == 0)) break;
  }
  return static_cast<uint8_t>(std::signbit(v) ? bits | 8 : bits);
}

}  // namespace

uint8_t FloatToFloat8E8M0(float v, bool saturate, PowerRounding rounding) {
  constexpr uint8_t kNan = 255, kMost = 254;
  const float x = std::fabs(v);
  if (!std::isfinite(x)) return kNan;
  if (x <= std::ldexp(1.0F, -127)) return 0;
  int exponent;  // x = fraction * 2^exponent, of 1/2 or more and below 1
  const float fraction = std::frexp(x, &exponent);
  const bool up = rounding == PowerRounding::kUp     ? fraction > 0.5F
                  : rounding == PowerRounding::kDown ? false
                                                     : fraction >= 0.75F;
  const int bits = exponent - 1 + 127 + (up ? 1 : 0);
  if (bits > kMost) return saturate ? kMost : kNan;
  return static_cast<uint8_t>(bits);
}

float Float8ToFloat(uint8_t bits, int dtype) {
  if (dtype == MOSAIC_FLOAT4E2M1) return (bits & 8) != 0 ? -kFloat4[bits & 7] : kFloat4[bits & 7];
  if (dtype == MOSAIC_FLOAT8E8M0) {
    return bits == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0F, bits - 127);
  }
  const Format f = FormatOf(dtype);
  const int magnitude = bits & 0x7f;
  const bool negative = (bits & 0x80) != 0;
  if (f.fnuz ? bits == f.nan : magnitude > std::max<int>(f.largest, f.infinity)) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  const float v = magnitude == f.infinity ? std::numeric_limits<float>::infinity()
                                          : static_cast<float>(Magnitude(f, magnitude));
  return negative ? -v : v;
}

uint8_t FloatToFloat8(double v, int dtype, bool saturate) {
  if (dtype == MOSAIC_FLOAT4E2M1) return FloatToFloat4(v);
  if (dtype == MOSAIC_FLOAT8E8M0) {
    return FloatToFloat8E8M0(static_cast<float>(v), saturate, PowerRounding::kUp);
  }
  const Format f = FormatOf(dtype);
  const uint8_t sign = std::signbit(v) ? 0x80 : 0;
  if (std::isnan(v)) return f.fnuz ? f.nan : static_cast<uint8_t>(sign | f.nan);
  const double x = std::fabs(v);
  // Numbers are counted by their bits: from a power of two on, in steps of its last place.
  const int exponent = std::max(x < 1e30 ? std::ilogb(std::max(x, 1e-30)) : 100, 1 - f.bias);
  const double steps = std::nearbyint(std::ldexp(x, f.mantissa_bits - exponent));
  const double bits = steps + std::ldexp(exponent + f.bias - 1, f.mantissa_bits);
  if (!(bits <= f.largest)) {
    if (saturate) return static_cast<uint8_t>(sign | f.largest);
    if (f.infinity >= 0) return static_cast<uint8_t>(sign | f.infinity);
    return f.fnuz ? f.nan : static_cast<uint8_t>(sign | f.nan);
  }
  const uint8_t magnitude = static_cast<uint8_t>(bits);
  return f.fnuz && magnitude == 0 ? 0 : static_cast<uint8_t>(sign | magnitude);
}

}  // namespace mosaic
