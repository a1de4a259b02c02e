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

}  // namespace

float Float8ToFloat(uint8_t bits, int dtype) {
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
