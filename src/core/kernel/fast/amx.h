// Products with weights of bfloat16 on AMX, the tile instructions of x86-64 CPUs.
#pragma once

#include "core/kernel/strip_gemm.h"

namespace mosaic {

// Whether the CPU has AMX for bfloat16, the OS keeps the state of tiles and lets this process use
// them, and a small product came out as the reference has it. Found out once.
bool AmxUsable();

// StripGemm for weights of bfloat16. REQUIRES: AmxUsable(). Throws std::bad_alloc.
void StripGemmAmx(const StripGemmArgs& args);

}  // namespace mosaic
