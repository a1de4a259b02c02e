// StripGemm (core/kernel/strip_gemm.h) at the speed of the machine, on the active instruction set.
//
// The result of an instruction set is the same to the last bit for every way to call it; AVX2,
// AVX-512 and NEON agree with each other too, as all of them fuse multiplication and addition.
#pragma once

#include "core/kernel/strip_gemm.h"

namespace mosaic {

// Throws std::bad_alloc (it packs activations into at most some 1.5 MB). Thread-safe.
void StripGemmFast(const StripGemmArgs& args);

}  // namespace mosaic
