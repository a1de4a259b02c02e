// Chooses the kernel of this CPU.
#include "core/kernel/strip_gemm.h"

#include "core/kernel/fast/isa.h"
#include "core/kernel/fast/strip_gemm_fast.h"

namespace mosaic {

void StripGemm(const StripGemmArgs& args) { StripGemmFast(args); }

const char* StripGemmKernelName(int dtype) { return IsaName(ActiveIsa(dtype)); }

}  // namespace mosaic
