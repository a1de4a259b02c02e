// Compiles the kernels of one file for every instruction set:
//
//   #define MOSAIC_KERNEL "core/kernel/vector/unary.inc"
//   #include "core/kernel/vector/each_isa.h"
//
// includes simd.inc and that file in the namespaces generic, avx2 and avx512, each time as code for
// that instruction set, and MOSAIC_DISPATCH calls the function of the one in use. Everything stays
// local to the translation unit, so no other can get to see code that its CPU cannot run. What the
// file uses of other headers must be included before, or it would be compiled for AVX-512 too.
//
// Lambdas are not used in such files: Clang compiles them for the baseline.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/kernel/fast/isa.h"

#if MOSAIC_X86
#include <immintrin.h>
#endif

// Before a loop whose iterations are independent; that output and input are the same is allowed.
#if defined(__clang__)
#define MOSAIC_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MOSAIC_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace mosaic {
namespace {

namespace generic {
#define MOSAIC_LANES 4
#include "core/kernel/vector/simd.inc"
#include MOSAIC_KERNEL
#undef MOSAIC_LANES
}  // namespace generic

#if MOSAIC_X86

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
namespace avx2 {
#define MOSAIC_LANES 8
#include "core/kernel/vector/simd.inc"
#include MOSAIC_KERNEL
#undef MOSAIC_LANES
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(                                                    \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c"))), \
    apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,prefer-vector-width=512")
#endif
namespace avx512 {
#define MOSAIC_LANES 16
#include "core/kernel/vector/simd.inc"
#include MOSAIC_KERNEL
#undef MOSAIC_LANES
}  // namespace avx512
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#define MOSAIC_DISPATCH(function, ...)                         \
  (ActiveIsa() >= Isa::kAvx512 ? avx512::function(__VA_ARGS__) \
   : ActiveIsa() == Isa::kAvx2 ? avx2::function(__VA_ARGS__)   \
                               : generic::function(__VA_ARGS__))
#else
#define MOSAIC_DISPATCH(function, ...) generic::function(__VA_ARGS__)
#endif

}  // namespace
}  // namespace mosaic
