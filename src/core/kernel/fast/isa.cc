#include "core/kernel/fast/isa.h"

#include <algorithm>
#include <atomic>

#include "core/kernel/fast/amx.h"

namespace mosaic {

namespace {

Isa Best(Isa most) {
  Isa best = Isa::kGeneric;
  for (Isa isa : kAllIsas) {
    if (isa <= most && IsaSupported(isa)) best = isa;
  }
  return best;
}

std::atomic<int> chosen{-1};  // by SetIsa

}  // namespace

bool IsaSupported(Isa isa) {
#if MOSAIC_X86
  __builtin_cpu_init();
  switch (isa) {
    case Isa::kGeneric:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::kAvx512Bf16:
      return MOSAIC_MULTIPLIES_PAIRS && IsaSupported(Isa::kAvx512) &&
             __builtin_cpu_supports("avx512bf16");
    case Isa::kAmx:
      return IsaSupported(Isa::kAvx512) && __builtin_cpu_supports("avx512bf16") && AmxUsable();
  }
#endif
  return isa == Isa::kGeneric;
}

Isa ActiveIsa(int dtype) {
  const bool half = dtype == MOSAIC_BFLOAT16;
  const Isa most = half ? Isa::kAmx : Isa::kAvx512;
  const int set = chosen.load(std::memory_order_relaxed);
  if (set >= 0) return std::min(static_cast<Isa>(set), most);
  if (half) {
    static const Isa best = Best(Isa::kAmx);
    return best;
  }
  static const Isa best = Best(Isa::kAvx512);  // who needs no AMX does not ask for it
  return best;
}

void SetIsa(Isa isa) { chosen.store(static_cast<int>(isa), std::memory_order_relaxed); }

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
    case Isa::kAmx:
      return "amx";
    case Isa::kGeneric:
      break;
  }
  return "generic";
}

}  // namespace mosaic
