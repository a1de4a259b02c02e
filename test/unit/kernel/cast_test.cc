// Conversions and quantisation on every instruction set, against one element at a time.
#include "core/kernel/cast.h"

#include <algorithm>

#include "core/kernel/quantize.h"
#include "core/util/dtype.h"
#include "kernel/isa_test.h"

namespace mosaic {
namespace {

using CastTest = IsaTest;

constexpr int kTypes[] = {MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_BFLOAT16,
                          MOSAIC_INT8,  MOSAIC_INT16,  MOSAIC_INT32,   MOSAIC_INT64,
                          MOSAIC_UINT8, MOSAIC_UINT16, MOSAIC_UINT32,  MOSAIC_UINT64,
                          MOSAIC_BOOL};

// An element as bytes, for the definition below.
struct Element {
  long double value = 0;  // exact for every type
  bool nan = false;
};

template <typename T>
T Read(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

Element Load(int dtype, const char* p) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      return {Read<float>(p), std::isnan(Read<float>(p))};
    case MOSAIC_DOUBLE:
      return {Read<double>(p), std::isnan(Read<double>(p))};
    case MOSAIC_FLOAT16:
      return {Float16ToFloat(Read<uint16_t>(p)), std::isnan(Float16ToFloat(Read<uint16_t>(p)))};
    case MOSAIC_BFLOAT16:
      return {BFloat16ToFloat(Read<uint16_t>(p)), std::isnan(BFloat16ToFloat(Read<uint16_t>(p)))};
    case MOSAIC_INT8:
      return {static_cast<long double>(Read<int8_t>(p)), false};
    case MOSAIC_INT16:
      return {static_cast<long double>(Read<int16_t>(p)), false};
    case MOSAIC_INT32:
      return {static_cast<long double>(Read<int32_t>(p)), false};
    case MOSAIC_INT64:
      return {static_cast<long double>(Read<int64_t>(p)), false};
    case MOSAIC_UINT8:
      return {static_cast<long double>(Read<uint8_t>(p)), false};
    case MOSAIC_UINT16:
      return {static_cast<long double>(Read<uint16_t>(p)), false};
    case MOSAIC_UINT32:
      return {static_cast<long double>(Read<uint32_t>(p)), false};
    case MOSAIC_UINT64:
      return {static_cast<long double>(Read<uint64_t>(p)), false};
    default:
      return {static_cast<long double>(*p != 0), false};
  }
}

// How `e`, of type `from`, looks as `to`.
Element Convert(int from, Element e, int to) {
  if (to == MOSAIC_BOOL) return {e.nan || e.value != 0 ? 1.0L : 0.0L, false};
  if (IsFloat(to)) {
    if (e.nan) return e;
    if (to == MOSAIC_DOUBLE) return {static_cast<double>(e.value), false};
    const float f = static_cast<float>(e.value);
    if (to == MOSAIC_FLOAT) return {f, false};
    const uint16_t h = to == MOSAIC_FLOAT16 ? FloatToFloat16(f) : FloatToBFloat16(f);
    return Load(to, reinterpret_cast<const char*>(&h));
  }
  const int bits = DTypeSize(to) * 8;
  const bool is_signed =
      to == MOSAIC_INT8 || to == MOSAIC_INT16 || to == MOSAIC_INT32 || to == MOSAIC_INT64;
  const long double low = is_signed ? -std::ldexp(1.0L, bits - 1) : 0;
  const long double high = std::ldexp(1.0L, is_signed ? bits - 1 : bits) - 1;
  if (IsFloat(from)) {
    if (e.nan) return {0, false};
    return {std::min(high, std::max(low, std::trunc(e.value))), false};
  }
  long double wrapped = std::fmod(e.value, std::ldexp(1.0L, bits));
  if (wrapped < low) wrapped += std::ldexp(1.0L, bits);
  if (wrapped > high) wrapped -= std::ldexp(1.0L, bits);
  return {wrapped, false};
}

TEST_P(CastTest, AllPairsOfTypes) {
  for (int from : kTypes) {
    const int size = DTypeSize(from);
    const int64_t n = 1500;
    std::vector<char> in(static_cast<size_t>(n * size) + 8);
    for (char& c : in) c = static_cast<char>(rng_());
    for (int64_t i = 0; i < n; i += 2) {  // numbers of all sizes, not only random bits
      const double v = std::normal_distribution<double>(0, 1)(rng_) *
                       std::ldexp(1.0, static_cast<int>(Uniform(-20, 40)));
      char* p = in.data() + i * size;
      const float f = static_cast<float>(v);
      const uint16_t half = from == MOSAIC_FLOAT16 ? FloatToFloat16(f) : FloatToBFloat16(f);
      if (from == MOSAIC_DOUBLE) std::memcpy(p, &v, 8);
      if (from == MOSAIC_FLOAT) std::memcpy(p, &f, 4);
      if (size == 2 && IsFloat(from)) std::memcpy(p, &half, 2);
    }
    if (from == MOSAIC_FLOAT) {
      std::vector<float> special = SpecialValues();
      for (float v : {2147483648.0f, -2147483648.0f, 2147483520.0f, 127.9f, 255.5f, -0.9f, 65504.0f,
                      65520.0f, 5.9e-8f, 2.98e-8f}) {
        special.push_back(v);
        special.push_back(-v);
      }
      std::memcpy(in.data(), special.data(), special.size() * 4);
    }
    for (int to : kTypes) {
      const int out_size = DTypeSize(to);
      for (int64_t count :
           {int64_t{0}, int64_t{1}, int64_t{15}, int64_t{17}, Uniform(18, 200), n}) {
        const int64_t at = count == n ? 0 : Uniform(0, 30);
        std::vector<char> out(static_cast<size_t>(count * out_size) + 1, 77);
        Cast(from, in.data() + at * size, to, out.data(), count);
        ASSERT_EQ(out.back(), 77);
        for (int64_t i = 0; i < count; ++i) {
          const Element x = Load(from, in.data() + (at + i) * size);
          const Element y = Load(to, out.data() + i * out_size), want = Convert(from, x, to);
          ASSERT_EQ(y.nan, want.nan) << DTypeName(from) << " to " << DTypeName(to);
          if (want.nan) continue;
          ASSERT_EQ(y.value, want.value)
              << DTypeName(from) << " to " << DTypeName(to) << ", of " << x.value;
          if (IsFloat(to)) {
            ASSERT_EQ(std::signbit(y.value), std::signbit(want.value)) << x.value;
          }
        }
        for (int64_t i = 0; to == MOSAIC_BOOL && i < count; ++i) {
          ASSERT_LE(static_cast<uint8_t>(out[static_cast<size_t>(i)]), 1);
        }
      }
    }
  }
}

TEST_P(CastTest, EveryHalf) {
  std::vector<uint16_t> h(65536), back(65536);
  for (size_t i = 0; i < h.size(); ++i) h[i] = static_cast<uint16_t>(i);
  std::vector<float> f(65536);
  for (int type : {MOSAIC_FLOAT16, MOSAIC_BFLOAT16}) {
    Cast(type, h.data(), MOSAIC_FLOAT, f.data(), 65536);
    Cast(MOSAIC_FLOAT, f.data(), type, back.data(), 65536);
    for (size_t i = 0; i < h.size(); ++i) {
      const float want = type == MOSAIC_FLOAT16 ? Float16ToFloat(h[i]) : BFloat16ToFloat(h[i]);
      ASSERT_TRUE(SameBits(f[i], want)) << i;
      ASSERT_TRUE(std::isnan(want) || back[i] == h[i]) << i;
    }
  }
}

template <typename Q>
void CheckQuantize(int dtype, const std::vector<float>& x, float scale, int zero_point) {
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<Q> q(x.size() + 1, 77);
  std::vector<float> back(x.size());
  Quantize(x.data(), scale, zero_point, dtype, q.data(), n);
  ASSERT_EQ(q.back(), 77);
  Dequantize(dtype, q.data(), scale, zero_point, back.data(), n);
  const double low = std::numeric_limits<Q>::min(), high = std::numeric_limits<Q>::max();
  for (size_t i = 0; i < x.size(); ++i) {
    const double rounded = std::nearbyint(static_cast<double>(x[i] / scale)) + zero_point;
    const double want = std::isnan(x[i]) ? low : std::min(high, std::max(low, rounded));
    ASSERT_EQ(static_cast<double>(q[i]), want) << x[i] << " / " << scale << " + " << zero_point;
    ASSERT_EQ(back[i], static_cast<float>(q[i] - zero_point) * scale);
  }
}

TEST_P(CastTest, Quantization) {
  for (int64_t n = 0; n <= 200; n += n < 40 ? 1 : 23) {
    std::vector<float> x = Normal(n, 100);
    for (size_t i = 0; i < x.size(); i += 3)
      x[i] = 0.25f * static_cast<float>(Uniform(-9, 9));  // halves
    for (float scale : {0.5f, 0.03f, 7.0f, -0.5f}) {
      CheckQuantize<int8_t>(MOSAIC_INT8, x, scale, static_cast<int>(Uniform(-128, 127)));
      CheckQuantize<uint8_t>(MOSAIC_UINT8, x, scale, static_cast<int>(Uniform(0, 255)));
      CheckQuantize<int16_t>(MOSAIC_INT16, x, scale, static_cast<int>(Uniform(-32768, 32767)));
      CheckQuantize<uint16_t>(MOSAIC_UINT16, x, scale, static_cast<int>(Uniform(0, 65535)));
    }
  }
  CheckQuantize<int8_t>(MOSAIC_INT8, SpecialValues(), 0.5f, 3);
  CheckQuantize<uint16_t>(MOSAIC_UINT16, SpecialValues(), 1e-3f, 65535);
  const int32_t q[] = {INT32_MIN, -5, 0, 5, INT32_MAX};
  float x[5];
  Dequantize(MOSAIC_INT32, q, 0.5f, 0, x, 5);
  EXPECT_EQ(std::vector<float>(x, x + 5), (std::vector<float>{-0x1p30f, -2.5f, 0, 2.5f, 0x1p30f}));
}

INSTANTIATE_TEST_SUITE_P(Isas, CastTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
