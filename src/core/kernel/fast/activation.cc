// Activate with vectors. exp, tanh and erf are branch-free: every range is computed, and the right
// one is selected.
//
// exp: x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial and the split of ln 2 are those of Cephes
// (S. Moshier), as is tanh for small arguments. erf: polynomials by N. Juffa (public domain).
#include "core/kernel/activation.h"

#include <cstring>

#include "core/kernel/fast/isa.h"

namespace mosaic {

namespace {

// Registers go by reference: by value their passing would depend on the instruction set.
template <int kLanes>
struct Math {
  using Reg = typename Simd<kLanes>::Reg;
  using Int = typename Simd<kLanes>::Int;

  MOSAIC_INLINE static void Abs(const Reg& x, Reg& y) {
    y = reinterpret_cast<Reg>(reinterpret_cast<Int>(x) & 0x7fffffff);
  }
  // y with the sign of x. REQUIRES: y >= 0 or NaN.
  MOSAIC_INLINE static void CopySign(const Reg& x, Reg& y) {
    y = reinterpret_cast<Reg>(reinterpret_cast<Int>(y) |
                              (reinterpret_cast<Int>(x) & static_cast<int>(0x80000000U)));
  }
  // x * 2^n. REQUIRES: -126 <= n <= 127.
  MOSAIC_INLINE static void Scale(Reg& x, const Int& n) {
    x *= reinterpret_cast<Reg>((n + 127) << 23);
  }

  // exp(x) for x <= 0; 0 below the subnormals.
  MOSAIC_INLINE static void ExpNegative(const Reg& arg, Reg& y) {
    const Reg x = arg < -104.0f ? Reg{} - 104.0f : arg;  // NaN stays
    // Adding 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits.
    constexpr float kRound = 12582912.0f;
    const Reg shifted = x * 1.44269504088896341f + kRound;
    const Reg n = shifted - kRound;
    Reg r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    Reg p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    y = p + 1.0f;
    // In two steps, as 2^n alone may be subnormal; from its bits, as a conversion of NaN is not
    // defined.
    const Int ni = reinterpret_cast<Int>(shifted) - 0x4b400000;
    const Int half = ni >> 1;
    Scale(y, half);
    Scale(y, ni - half);
    y = x == x ? y : x;
  }

  MOSAIC_INLINE static void Sigmoid(const Reg& x, Reg& y) {
    Reg t, e;
    Abs(x, t);
    ExpNegative(-t, e);
    const Reg numerator = x < 0.0f ? e : Reg{} + 1.0f;
    y = numerator / (e + 1.0f);
  }

  MOSAIC_INLINE static void Tanh(const Reg& x, Reg& y) {
    Reg t, e;
    Abs(x, t);
    const Reg z = x * x;
    Reg p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    const Reg small = p * z * t + t;
    ExpNegative(t * -2.0f, e);
    const Reg large = 1.0f - 2.0f * e / (e + 1.0f);
    y = t < 0.625f ? small : large;
    CopySign(x, y);
  }

  MOSAIC_INLINE static void Erf(const Reg& x, Reg& y) {
    Reg t, e;
    Abs(x, t);
    const Reg s = x * x;
    Reg r = t * -1.72853470e-5f + 3.83197126e-4f;
    const Reg u = t * -3.88396438e-3f + 2.42546219e-2f;
    r = r * s + u;
    r = r * t + -1.06777877e-1f;
    r = r * t + -6.34846687e-1f;
    r = r * t + -1.28717512e-1f;
    r = r * t - t;
    const Reg beyond = Reg{} - 104.0f;
    r = t > 6.0f ? beyond : r;  // erf is 1 there, and the polynomial leaves its range
    ExpNegative(r, e);
    Reg large = 1.0f - e;
    CopySign(x, large);
    Reg p = s * -5.96761703e-4f + 4.99119423e-3f;
    p = p * s + -2.67681349e-2f;
    p = p * s + 1.12819925e-1f;
    p = p * s + -3.76125336e-1f;
    p = p * s + 1.28379166e-1f;
    const Reg small = p * x + x;
    y = t > 0.927734375f ? large : small;
  }

  MOSAIC_INLINE static void Gelu(const Reg& x, Reg& y) {
    Reg e;
    Erf(x / 1.41421356237309505f, e);
    y = (e + 1.0f) * x * 0.5f;
  }

  MOSAIC_INLINE static void Relu(const Reg& x, Reg& y) { y = x < 0.0f ? Reg{} : x; }

  template <void (*kFn)(const Reg&, Reg&)>
  MOSAIC_INLINE static void Map(const float* in, float* out, int64_t n) {
    using Mem = typename Simd<kLanes>::Mem;
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      const Reg x = *reinterpret_cast<const Mem*>(in + i);
      Reg y;
      kFn(x, y);
      *reinterpret_cast<Mem*>(out + i) = y;
    }
    if (i < n) {
      const size_t bytes = static_cast<size_t>(n - i) * sizeof(float);
      Reg x = Reg{}, y;
      std::memcpy(&x, in + i, bytes);
      kFn(x, y);
      std::memcpy(out + i, &y, bytes);
    }
  }

  MOSAIC_INLINE static void Run(Activation f, const float* in, float* out, int64_t n) {
    switch (f) {
      case Activation::kNone:
        if (in != out && n > 0) std::memmove(out, in, static_cast<size_t>(n) * sizeof(float));
        return;
      case Activation::kRelu:
        return Map<Relu>(in, out, n);
      case Activation::kSigmoid:
        return Map<Sigmoid>(in, out, n);
      case Activation::kTanh:
        return Map<Tanh>(in, out, n);
      case Activation::kErf:
        return Map<Erf>(in, out, n);
      case Activation::kGelu:
        return Map<Gelu>(in, out, n);
    }
  }
};

#if MOSAIC_X86
MOSAIC_AVX512 void Activate512(Activation f, const float* in, float* out, int64_t n) {
  Math<16>::Run(f, in, out, n);
}
MOSAIC_AVX2 void Activate256(Activation f, const float* in, float* out, int64_t n) {
  Math<8>::Run(f, in, out, n);
}
#endif

}  // namespace

void Activate(Activation f, const float* in, float* out, int64_t n) {
#if MOSAIC_X86
  const Isa isa = ActiveIsa();
  if (isa == Isa::kAvx512) return Activate512(f, in, out, n);
  if (isa == Isa::kAvx2) return Activate256(f, in, out, n);
#endif
  Math<4>::Run(f, in, out, n);
}

}  // namespace mosaic
