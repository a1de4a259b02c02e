// Elements of 8 bits and less: the four float8 types of ONNX, and integers of 4 bits, which take a
// byte each in an array of a run.
//
// float8 values are computed as float. Rounding is to nearest even. Beyond the largest number, and
// for infinities, there are two rules: saturating (the default: the largest number), and not (NaN;
// of E5M2, infinity).
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
struct Int4 {  // -8 to 7, as an int8
  int8_t byte;
};
struct UInt4 {  // 0 to 15
  uint8_t byte;
};

// dtype: one of the four.
float Float8ToFloat(uint8_t bits, int dtype);
uint8_t FloatToFloat8(double v, int dtype, bool saturate);

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

// Stored are the low 4 bits.
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

using Float8Types = Types<Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ>;
using SmallTypes = Types<Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2, Float8E5M2FNUZ, Int4, UInt4>;

}  // namespace mosaic
