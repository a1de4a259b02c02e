// The instruction sets that the fast kernels are written for, and which one is in use.
//
// The library is compiled for the baseline of its architecture; functions for other instruction
// sets carry a target attribute, and are only called if the CPU (and its OS) can run them.
// Instructions on bfloat16 are written in assembly, which needs no attribute.
#pragma once

#include "mosaic/page_format.h"

// Inlined into each target function, and thereby compiled for its instruction set.
#define MOSAIC_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#define MOSAIC_X86 1
#define MOSAIC_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__)
// Clang checks the operands of assembly before a function is inlined; the kernel for AVX-512
// serves.
#define MOSAIC_MULTIPLIES_PAIRS 0
#define MOSAIC_AVX512 \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"), min_vector_width(512)))
#else
#define MOSAIC_MULTIPLIES_PAIRS 1
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

// Ascending: each includes those before it. kReference is none: the plain references compute, which
// are the oracles of the others. The last two are for products with weights of bfloat16.
enum class Isa { kReference, kGeneric, kAvx2, kAvx512, kAvx512Bf16, kAmx };
constexpr Isa kAllIsas[] = {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx};

// Whether this CPU and its OS can run it; kGeneric always. Of kAmx, the first call asks the OS for
// its permission and checks a product (amx.h).
bool IsaSupported(Isa isa);
// The best one for products with weights of this type, unless SetIsa or the environment chose
// another; with float32 also for all else.
//
// MOSAIC_FORCE_KERNEL names it for a whole process, for tests: as IsaName does, or "baseline" for
// "generic". It is read once. A name that is not known, or that this CPU does not have, has no
// effect; KernelName in EXPLAIN says what computes.
Isa ActiveIsa(int dtype = MOSAIC_FLOAT);
// For tests and benchmarks, which compare instruction sets; other types take the best up to this
// one. REQUIRES: IsaSupported(isa).
void SetIsa(Isa isa);
// "reference", "generic", "avx2", "avx512", "avx512_bf16", "amx".
const char* IsaName(Isa isa);
// The instruction set that a value of MOSAIC_FORCE_KERNEL stands for (null: none); false if it is
// not known or not supported.
bool IsaOfName(const char* name, Isa* isa);

// kLanes floats in a register, and the same in memory at any address of a float.
template <int kLanes>
struct Simd {
  typedef float Reg __attribute__((vector_size(4 * kLanes)));
  typedef float Mem __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
  typedef int Int __attribute__((vector_size(4 * kLanes)));
};

}  // namespace mosaic
