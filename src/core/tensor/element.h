// Element types as C++ types, and the choice of a kernel by a tensor's type.
//
// A kernel is a template over a storage type T. It reads elements with Load (which gives
// ComputeType<T>: float for the 16-bit floats, bool for Bool, else T) and writes them with Store.
// Types<...> is the list of the storage types that an operator has; Dispatch picks one.
//
//   Dispatch(FloatTypes(), x.dtype(), [&](auto type) {
//     using T = typename decltype(type)::T;
//     ...
//   });
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "core/util/dtype.h"

namespace mosaic {

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};
struct Bool {  // any non-zero byte is true; 0 and 1 are written
  uint8_t byte;
};

template <typename T>
struct ElementTraits;

template <int kType, typename Type>
struct PlainElement {
  static constexpr int kDType = kType;
  using Compute = Type;
  static Type Load(Type v) { return v; }
  static Type Store(Type v) { return v; }
};
template <>
struct ElementTraits<float> : PlainElement<MOSAIC_FLOAT, float> {};
template <>
struct ElementTraits<double> : PlainElement<MOSAIC_DOUBLE, double> {};
template <>
struct ElementTraits<int8_t> : PlainElement<MOSAIC_INT8, int8_t> {};
template <>
struct ElementTraits<int16_t> : PlainElement<MOSAIC_INT16, int16_t> {};
template <>
struct ElementTraits<int32_t> : PlainElement<MOSAIC_INT32, int32_t> {};
template <>
struct ElementTraits<int64_t> : PlainElement<MOSAIC_INT64, int64_t> {};
template <>
struct ElementTraits<uint8_t> : PlainElement<MOSAIC_UINT8, uint8_t> {};
template <>
struct ElementTraits<uint16_t> : PlainElement<MOSAIC_UINT16, uint16_t> {};
template <>
struct ElementTraits<uint32_t> : PlainElement<MOSAIC_UINT32, uint32_t> {};
template <>
struct ElementTraits<uint64_t> : PlainElement<MOSAIC_UINT64, uint64_t> {};
template <>
struct ElementTraits<Float16> {
  static constexpr int kDType = MOSAIC_FLOAT16;
  using Compute = float;
  static float Load(Float16 v) { return Float16ToFloat(v.bits); }
  static Float16 Store(float v) { return {FloatToFloat16(v)}; }
};
template <>
struct ElementTraits<BFloat16> {
  static constexpr int kDType = MOSAIC_BFLOAT16;
  using Compute = float;
  static float Load(BFloat16 v) { return BFloat16ToFloat(v.bits); }
  static BFloat16 Store(float v) { return {FloatToBFloat16(v)}; }
};
template <>
struct ElementTraits<Bool> {
  static constexpr int kDType = MOSAIC_BOOL;
  using Compute = bool;
  static bool Load(Bool v) { return v.byte != 0; }
  static Bool Store(bool v) { return {static_cast<uint8_t>(v)}; }
};

template <typename T>
using ComputeType = typename ElementTraits<T>::Compute;

template <typename T>
inline ComputeType<T> Load(T v) {
  return ElementTraits<T>::Load(v);
}
template <typename T>
inline T Store(ComputeType<T> v) {
  return ElementTraits<T>::Store(v);
}

template <typename Type>
struct TypeTag {
  using T = Type;
};
template <typename... Ts>
struct Types {};

using FloatTypes = Types<float, double, Float16, BFloat16>;
using SignedTypes = Types<float, double, Float16, BFloat16, int8_t, int16_t, int32_t, int64_t>;
using NumericTypes = Types<float, double, Float16, BFloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t>;
using BoolTypes = Types<Bool>;
using AllTypes = Types<float, double, Float16, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                       uint16_t, uint32_t, uint64_t, Bool>;

// Calls f(TypeTag<T>()) with the storage type of dtype; false where the list does not have it.
template <typename... Ts, typename F>
bool Dispatch(Types<Ts...>, int dtype, F&& f) {
  return ((dtype == ElementTraits<Ts>::kDType && (f(TypeTag<Ts>()), true)) || ...);
}

template <typename... Ts>
constexpr bool HasType(Types<Ts...>, int dtype) {
  return ((dtype == ElementTraits<Ts>::kDType) || ...);
}

// A value as To. Every conversion is defined: from floating point to integer it truncates and
// saturates, and NaN becomes 0; between integers it keeps the low bits; to bool it is v != 0.
template <typename To, typename From>
inline To ConvertTo(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(v)) return 0;
    // 2^digits is exact in From; comparing with it avoids max(), which may not be.
    const From limit = std::ldexp(From(1), std::numeric_limits<To>::digits);
    if (v >= limit) return std::numeric_limits<To>::max();
    if (v < static_cast<From>(std::numeric_limits<To>::min())) {
      return std::numeric_limits<To>::min();
    }
    return static_cast<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

}  // namespace mosaic
