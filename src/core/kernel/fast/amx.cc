#include "core/kernel/fast/amx.h"

#include "core/kernel/fast/isa.h"

#if MOSAIC_X86 && defined(__linux__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernel/fast/amx_gemm.h"
#include "core/util/dtype.h"

namespace mosaic {

namespace {

// Compilers do not use tile registers by themselves.
struct HardwareTiles {
  static void Configure(const AmxConfig& config) { asm volatile("ldtilecfg %0" ::"m"(config)); }
  static void Release() { asm volatile("tilerelease" ::: "memory"); }
  template <int kTile>
  MOSAIC_INLINE static void Load(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kTile>
  MOSAIC_INLINE static void Store(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(kTile) : "memory");
  }
  template <int kC, int kA, int kW>
  MOSAIC_INLINE static void MultiplyAdd() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kW));
  }
};

bool CpuHasAmx() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned kBf16 = 1U << 22, kTile = 1U << 24;
  return (d & kBf16) != 0 && (d & kTile) != 0;
}

// Whether the OS keeps the state of tiles, and lets this process have one.
bool OsAllowsAmx() {
  unsigned low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileConfig = 1U << 17, kTileData = 1U << 18;
  if ((low & kTileConfig) == 0 || (low & kTileData) == 0) return false;
  constexpr long kRequestPermission = 0x1023,
                 kTileDataFeature = 18;  // asm/prctl.h since Linux 5.16
  return syscall(SYS_arch_prctl, kRequestPermission, kTileDataFeature) == 0;
}

// Products with few and with more rows, two blocks, tiles that are copied and odd ends, against the
// reference.
bool ProductsAreRight() {
  constexpr int64_t kN = 37, kK = 151, kM = 72, kBlockRows = 76, kBlocks = 2;
  constexpr int64_t kStrips = (kM + MOSAIC_STRIP_COLS - 1) / MOSAIC_STRIP_COLS;
  uint32_t seed = 1;
  const auto random = [&seed] {
    seed = seed * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<int32_t>(seed)) * 0x1p-31f;
  };
  std::vector<float> a(static_cast<size_t>(kN * kK)), c(static_cast<size_t>(kN * kM)), want = c;
  std::generate(a.begin(), a.end(), random);
  std::vector<uint16_t> w(static_cast<size_t>(kStrips * kBlocks * kBlockRows * MOSAIC_STRIP_COLS));
  for (uint16_t& x : w) x = FloatToBFloat16(random());
  std::vector<const void*> blocks;
  for (int64_t i = 0; i < kStrips * kBlocks; ++i) {
    blocks.push_back(w.data() + i * kBlockRows * MOSAIC_STRIP_COLS);
  }
  StripGemmArgs g;
  g.a = a.data();
  g.lda = g.k = kK;
  g.dtype = MOSAIC_BFLOAT16;
  g.blocks = blocks.data();
  g.strips = kStrips;
  g.row_blocks = kBlocks;
  g.block_rows = kBlockRows;
  g.ldc = g.m = kM;
  for (int64_t n : {kN, int64_t{3}}) {
    g.n = n;
    g.c = want.data();
    StripGemmReference(g);
    g.c = c.data();
    AmxGemm<HardwareTiles>(g, Isa::kAvx512Bf16).Run();
    float scale = 0;
    for (float x : want) scale = std::max(scale, std::fabs(x));
    for (size_t i = 0; i < static_cast<size_t>(n * kM); ++i) {
      if (!(std::fabs(c[i] - want[i]) <= 1e-5f * scale)) return false;
    }
  }
  return true;
}

}  // namespace

bool AmxUsable() {
  static const bool usable = CpuHasAmx() && OsAllowsAmx() && ProductsAreRight();
  return usable;
}

void StripGemmAmx(const StripGemmArgs& args) {
  AmxGemm<HardwareTiles>(args, Isa::kAvx512Bf16).Run();
}

}  // namespace mosaic

#else

namespace mosaic {

bool AmxUsable() { return false; }
void StripGemmAmx(const StripGemmArgs&) {}

}  // namespace mosaic

#endif
