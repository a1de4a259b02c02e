#include "core/kernel/fast/bfloat16.h"

#include <cstring>

#include "core/util/dtype.h"

namespace mosaic {

namespace {

// Registers go by reference: by value their passing would depend on the instruction set.
template <int kLanes>
struct Rounding {
  using Reg = typename Simd<kLanes>::Reg;
  using Mem = typename Simd<kLanes>::Mem;
  typedef uint32_t Bits __attribute__((vector_size(4 * kLanes)));
  MOSAIC_INLINE static void Round(const float* in, float* out) {
    const Bits x = reinterpret_cast<Bits>(*reinterpret_cast<const Mem*>(in));
    const Bits nan = x | 0x400000U;
    const Bits rounded = x + 0x7fffU + (x >> 16 & 1U);
    const Bits y = (x & 0x7fffffffU) > 0x7f800000U ? nan : rounded;
    *reinterpret_cast<Mem*>(out) = reinterpret_cast<Reg>(y & 0xffff0000U);
  }
};

template <int kLanes>
MOSAIC_INLINE void RoundAll(const float* in, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Rounding<kLanes>::Round(in + i, out + i);
  if (i == n) return;
  float rest[kLanes] = {};
  std::memcpy(rest, in + i, static_cast<size_t>(n - i) * sizeof(float));
  Rounding<kLanes>::Round(rest, rest);
  std::memcpy(out + i, rest, static_cast<size_t>(n - i) * sizeof(float));
}

void PairPortable(const float* in, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += 2) {
    const uint32_t low = FloatToBFloat16(in[i]), high = i + 1 < n ? FloatToBFloat16(in[i + 1]) : 0;
    const uint32_t pair = low | high << 16;
    std::memcpy(out + i / 2, &pair, sizeof pair);
  }
}

#if MOSAIC_X86
MOSAIC_AVX512 void Round512(const float* in, int64_t n, float* out) { RoundAll<16>(in, n, out); }
MOSAIC_AVX2 void Round256(const float* in, int64_t n, float* out) { RoundAll<8>(in, n, out); }

MOSAIC_AVX512 void Pair32(const float* in, float* out) {
  using Mem = Simd<16>::Mem;
  const Simd<16>::Reg low = *reinterpret_cast<const Mem*>(in);
  const Simd<16>::Reg high = *reinterpret_cast<const Mem*>(in + 16);
  Simd<16>::Reg pairs;
  asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(pairs) : "v"(low), "v"(high));
  *reinterpret_cast<Mem*>(out) = pairs;
}
MOSAIC_AVX512 void PairBf16(const float* in, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) Pair32(in + i, out + i / 2);
  if (i == n) return;
  float rest[32] = {}, pairs[16];
  std::memcpy(rest, in + i, static_cast<size_t>(n - i) * sizeof(float));
  Pair32(rest, pairs);
  std::memcpy(out + i / 2, pairs, static_cast<size_t>((n - i + 1) / 2) * sizeof(float));
}
#endif

}  // namespace

void RoundToBFloat16(Isa isa, const float* in, int64_t n, float* out) {
#if MOSAIC_X86
  if (isa >= Isa::kAvx512) return Round512(in, n, out);
  if (isa == Isa::kAvx2) return Round256(in, n, out);
#endif
  (void)isa;
  RoundAll<4>(in, n, out);
}

void PairBFloat16(Isa isa, const float* in, int64_t n, float* out) {
#if MOSAIC_X86
  if (isa >= Isa::kAvx512Bf16) return PairBf16(in, n, out);
#endif
  (void)isa;
  PairPortable(in, n, out);
}

}  // namespace mosaic
