#include "core/kernel/fast/isa.h"

#include <atomic>

namespace mosaic {

namespace {

Isa Detect() {
  if (IsaSupported(Isa::kAvx512)) return Isa::kAvx512;
  if (IsaSupported(Isa::kAvx2)) return Isa::kAvx2;
  return Isa::kGeneric;
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
  }
#endif
  return isa == Isa::kGeneric;
}

Isa ActiveIsa() {
  static const Isa best = Detect();
  const int set = chosen.load(std::memory_order_relaxed);
  return set < 0 ? best : static_cast<Isa>(set);
}

void SetIsa(Isa isa) { chosen.store(static_cast<int>(isa), std::memory_order_relaxed); }

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kGeneric:
      break;
  }
  return "generic";
}

}  // namespace mosaic
