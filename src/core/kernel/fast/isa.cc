#include "core/kernel/fast/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "core/kernel/fast/amx.h"

#if MOSAIC_X86
#include <cpuid.h>
#endif

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

// What the environment says, or -1.
int Forced() {
  Isa isa;
  return IsaOfName(std::getenv("MOSAIC_FORCE_KERNEL"), &isa) ? static_cast<int>(isa) : -1;
}

bool CpuHasF16c() {
#if MOSAIC_X86
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
#else
  return false;
#endif
}

}  // namespace

bool IsaSupported(Isa isa) {
#if MOSAIC_X86
  __builtin_cpu_init();
  switch (isa) {
    case Isa::kReference:
    case Isa::kGeneric:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && CpuHasF16c();
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
             IsaSupported(Isa::kAvx2);
    case Isa::kAvx512Bf16:
      return MOSAIC_MULTIPLIES_PAIRS && IsaSupported(Isa::kAvx512) &&
             __builtin_cpu_supports("avx512bf16");
    case Isa::kAmx:
      return IsaSupported(Isa::kAvx512) && __builtin_cpu_supports("avx512bf16") && AmxUsable();
  }
#endif
  return isa <= Isa::kGeneric;
}

Isa ActiveIsa(int dtype) {
  const bool half = dtype == MOSAIC_BFLOAT16;
  const Isa most = half ? Isa::kAmx : Isa::kAvx512;
  static const int forced = Forced();
  int set = chosen.load(std::memory_order_relaxed);
  if (set < 0) set = forced;
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
    case Isa::kReference:
      return "reference";
    case Isa::kGeneric:
      break;
  }
  return "generic";
}

bool IsaOfName(const char* name, Isa* isa) {
  if (name == nullptr) return false;
  if (std::strcmp(name, "baseline") == 0) name = "generic";
  for (Isa i :
       {Isa::kReference, Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16, Isa::kAmx}) {
    if (std::strcmp(name, IsaName(i)) != 0 || !IsaSupported(i)) continue;
    *isa = i;
    return true;
  }
  return false;
}

}  // namespace mosaic
