#include "core/kernel/cast.h"

#include <type_traits>

#include "core/util/dtype.h"

#define MOSAIC_KERNEL "core/kernel/vector/cast.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

namespace {

struct Bool {
  uint8_t byte;
};

template <typename From, typename To>
To Convert(From v) {
  if constexpr (std::is_same_v<From, Bool>) {
    return Convert<uint8_t, To>(v.byte != 0);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(v != From(0))};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (v != v) return 0;
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

template <typename From, typename To>
void ConvertAll(const From* in, To* out, int64_t n) {
  if constexpr (std::is_same_v<From, float> && std::is_integral_v<To> &&
                (sizeof(To) < 4 || std::is_same_v<To, int32_t>)) {
    MOSAIC_DISPATCH(FloatToInteger<To>, in, out, n);
  } else if constexpr (std::is_integral_v<From> && std::is_same_v<To, float>) {
    MOSAIC_DISPATCH(IntegerToFloat<From>, in, out, n);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = Convert<From, To>(in[i]);
  }
}

// Calls f(T()) with the C++ type of dtype, which is no 16-bit float.
template <typename F>
void WithType(int dtype, const F& f) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      return f(float());
    case MOSAIC_DOUBLE:
      return f(double());
    case MOSAIC_INT8:
      return f(int8_t());
    case MOSAIC_INT16:
      return f(int16_t());
    case MOSAIC_INT32:
      return f(int32_t());
    case MOSAIC_INT64:
      return f(int64_t());
    case MOSAIC_UINT8:
      return f(uint8_t());
    case MOSAIC_UINT16:
      return f(uint16_t());
    case MOSAIC_UINT32:
      return f(uint32_t());
    case MOSAIC_UINT64:
      return f(uint64_t());
    case MOSAIC_BOOL:
      return f(Bool());
    default:
      return;
  }
}

void Widen(int from, const void* in, float* out, int64_t n) {
  const uint16_t* x = static_cast<const uint16_t*>(in);
  if (from == MOSAIC_FLOAT16) {
    MOSAIC_DISPATCH(HalfToFloat, x, out, n);
  } else {
    MOSAIC_DISPATCH(BFloatToFloat, x, out, n);
  }
}
void Narrow(const float* in, int to, void* out, int64_t n) {
  uint16_t* y = static_cast<uint16_t*>(out);
  if (to == MOSAIC_FLOAT16) {
    MOSAIC_DISPATCH(FloatToHalf, in, y, n);
  } else {
    MOSAIC_DISPATCH(FloatToBFloat, in, y, n);
  }
}

bool IsHalf(int dtype) { return dtype == MOSAIC_FLOAT16 || dtype == MOSAIC_BFLOAT16; }

void CastNumbers(int from, const void* in, int to, void* out, int64_t n) {
  WithType(from, [&](auto x) {
    WithType(to, [&](auto y) {
      ConvertAll(static_cast<const decltype(x)*>(in), static_cast<decltype(y)*>(out), n);
    });
  });
}

}  // namespace

void Cast(int from, const void* in, int to, void* out, int64_t n) {
  if (from == to && from != MOSAIC_BOOL) {
    if (in != out && n > 0) std::memcpy(out, in, static_cast<size_t>(n * DTypeSize(from)));
    return;
  }
  if (!IsHalf(from) && !IsHalf(to)) return CastNumbers(from, in, to, out, n);
  if (IsHalf(from) && to == MOSAIC_FLOAT) return Widen(from, in, static_cast<float*>(out), n);
  if (IsHalf(to) && from == MOSAIC_FLOAT) return Narrow(static_cast<const float*>(in), to, out, n);
  // By float32, in pieces.
  constexpr int64_t kPiece = 1024;
  float wide[kPiece];
  const int in_size = DTypeSize(from), out_size = DTypeSize(to);
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    const char* x = static_cast<const char*>(in) + i * in_size;
    char* y = static_cast<char*>(out) + i * out_size;
    if (IsHalf(from)) {
      Widen(from, x, wide, count);
    } else {
      CastNumbers(from, x, MOSAIC_FLOAT, wide, count);
    }
    if (IsHalf(to)) {
      Narrow(wide, to, y, count);
    } else {
      CastNumbers(MOSAIC_FLOAT, wide, to, y, count);
    }
  }
}

}  // namespace mosaic
