// Elements of 8 bits and less: the float8 and float4 types of ONNX, and integers of 4 and 2 bits.
// Each takes a byte in an array of a run.
//
// They are computed as float. Rounding is to nearest even. Beyond the largest number, and for
// infinities, there are two rules: saturating (the default: the largest number), and not (NaN; of
// E5M2, infinity). E2M1 has neither infinity nor NaN, and always saturates: NaN becomes -0, as in
// ONNX's cases. E8M0 are the powers of two from -127 to 127 and NaN; signs are dropped, infinity
// becomes NaN, zero the least; how it is rounded can be chosen.
#pragma once

#include "core/tensor/element.h"

namespace mosaic {

struct Float8E4M3FN {
  uint8_t bits;
};
struct Float8E4M3FNUZ {
  uint8_t bits;
};
struct Float8E5M2 {
  uint8_t bits;
};
struct Float8E5M2FNUZ {
  uint8_t bits;
};
struct Float8E8M0 {
  uint8_t bits;
};
struct Float4E2M1 {  // in the low 4 bits
  uint8_t bits;
};
struct Int4 {  // -8 to 7, as an int8
  int8_t byte;
};
struct UInt4 {  // 0 to 15
  uint8_t byte;
};
struct Int2 {  // -2 to 1, as an int8
  int8_t byte;
};
struct UInt2 {  // 0 to 3
  uint8_t byte;
};

// dtype: one of the float types of 8 bits and less. E8M0 is rounded up.
float Float8ToFloat(uint8_t bits, int dtype);
uint8_t FloatToFloat8(double v, int dtype, bool saturate);

// To the next power of two: not below, not above, or the nearest (halfway between two, the larger).
enum class PowerRounding { kUp, kDown, kNearest };
uint8_t FloatToFloat8E8M0(float v, bool saturate, PowerRounding rounding);

template <typename T, int kType>
struct Float8Element {
  static constexpr int kDType = kType;
  using Compute = float;
  static float Load(T v) { return Float8ToFloat(v.bits, kType); }
  static T Store(float v) { return {FloatToFloat8(static_cast<double>(v), kType, true)}; }
};
template <>
struct ElementTraits<Float8E4M3FN> : Float8Element<Float8E4M3FN, MOSAIC_FLOAT8E4M3FN> {};
template <>
struct ElementTraits<Float8E4M3FNUZ> : Float8Element<Float8E4M3FNUZ, MOSAIC_FLOAT8E4M3FNUZ> {};
template <>
struct ElementTraits<Float8E5M2> : Float8Element<Float8E5M2, MOSAIC_FLOAT8E5M2> {};
template <>
struct ElementTraits<Float8E5M2FNUZ> : Float8Element<Float8E5M2FNUZ, MOSAIC_FLOAT8E5M2FNUZ> {};

template <>
struct ElementTraits<Float8E8M0> : Float8Element<Float8E8M0, MOSAIC_FLOAT8E8M0> {};
template <>
struct ElementTraits<Float4E2M1> : Float8Element<Float4E2M1, MOSAIC_FLOAT4E2M1> {};

// Stored are the low bits.
template <>
struct ElementTraits<Int4> {
  static constexpr int kDType = MOSAIC_INT4;
  using Compute = int8_t;
  static int8_t Load(Int4 v) { return v.byte; }
  static Int4 Store(int8_t v) { return {static_cast<int8_t>(((v & 15) ^ 8) - 8)}; }
};
template <>
struct ElementTraits<UInt4> {
  static constexpr int kDType = MOSAIC_UINT4;
  using Compute = int8_t;  // negative numbers wrap
  static int8_t Load(UInt4 v) { return static_cast<int8_t>(v.byte); }
  static UInt4 Store(int8_t v) { return {static_cast<uint8_t>(v & 15)}; }
};

template <>
struct ElementTraits<Int2> {
  static constexpr int kDType = MOSAIC_INT2;
  using Compute = int8_t;
  static int8_t Load(Int2 v) { return v.byte; }
  static Int2 Store(int8_t v) { return {static_cast<int8_t>(((v & 3) ^ 2) - 2)}; }
};
template <>
struct ElementTraits<UInt2> {
  static constexpr int kDType = MOSAIC_UINT2;
  using Compute = int8_t;  // negative numbers wrap
  static int8_t Load(UInt2 v) { return static_cast<int8_t>(v.byte); }
  static UInt2 Store(int8_t v) { return {static_cast<uint8_t>(v & 3)}; }
};

using SmallFloatTypes =
    Types<Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1, Float8E8M0>;
using SmallTypes = Types<Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Float4E2M1,
                         Float8E8M0, Int4, UInt4, Int2, UInt2>;

}  // namespace mosaic
