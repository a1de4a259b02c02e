// The instruction sets that the fast kernels are written for, and which one is in use.
//
// The library is compiled for the baseline of its architecture; functions for other instruction
// sets carry a target attribute, and are only called if the CPU (and its OS) can run them.
#pragma once

// Inlined into each target function, and thereby compiled for its instruction set.
#define MOSAIC_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#define MOSAIC_X86 1
#define MOSAIC_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
#define MOSAIC_AVX512 \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"), min_vector_width(512)))
#else
#define MOSAIC_AVX512 \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")))
#endif
#endif

// Before a loop of constant length over registers: it must vanish.
#if defined(__clang__)
#define MOSAIC_UNROLL _Pragma("unroll")
#else
#define MOSAIC_UNROLL _Pragma("GCC unroll 64")
#endif

namespace mosaic {

enum class Isa { kGeneric, kAvx2, kAvx512 };

// Whether this CPU can run it; kGeneric always.
bool IsaSupported(Isa isa);
// The best one, unless SetIsa chose another.
Isa ActiveIsa();
// For tests and benchmarks, which compare instruction sets. REQUIRES: IsaSupported(isa).
void SetIsa(Isa isa);
// "generic", "avx2", "avx512".
const char* IsaName(Isa isa);

// kLanes floats in a register, and the same in memory at any address of a float.
template <int kLanes>
struct Simd {
  typedef float Reg __attribute__((vector_size(4 * kLanes)));
  typedef float Mem __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
  typedef int Int __attribute__((vector_size(4 * kLanes)));
};

}  // namespace mosaic
