#include "core/kernel/tree_crown.h"

#include <algorithm>

#define MOSAIC_KERNEL "core/kernel/vector/tree_crown.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {
namespace {

// Eight trees at once: each waits for its own loads.
constexpr int kTogether = 8;

void WalkCrowns(const CrownTable& table, const TreeCrown* crowns, int64_t n, const uint8_t* row,
                uint32_t* places) {
  const TreeCrown* tree[kTogether];
  const uint32_t* nodes[kTogether];
  uint32_t at[kTogether];
  for (int64_t t = 0; t < n; t += kTogether) {
    int levels = 0;
    for (int k = 0; k < kTogether; ++k) {
      tree[k] = crowns + std::min(t + k, n - 1);
      nodes[k] = table.nodes + tree[k]->first;
      at[k] = 0;
      levels = std::max<int>(levels, tree[k]->levels);
    }
    for (int d = 0; d < levels; ++d) {
      for (int k = 0; k < kTogether; ++k) {
        const uint32_t node = nodes[k][at[k]];
        const uint32_t next =
            2 * at[k] + 1 + static_cast<uint32_t>(row[node >> 14] > static_cast<uint8_t>(node));
        at[k] = d < tree[k]->levels ? next : at[k];
      }
    }
    for (int k = 0; k < kTogether && t + k < n; ++k) {
      places[t + k] = tree[k]->first + at[k] + 1 - (1u << tree[k]->levels);
    }
  }
}

#if MOSAIC_X86
#define MOSAIC_VBMI __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vbmi,avx2")))

bool HasVbmi() {
  static const bool has = __builtin_cpu_supports("avx512vbmi") != 0;
  return has && ActiveIsa() >= Isa::kAvx512;
}

// The decisions of kMasks trees, one mask each, then walks over bits, eight at once. In turns of so
// many, since what was stored one by one must not be loaded as a vector soon.
constexpr int64_t kMasks = 32;

MOSAIC_VBMI void DecideCrowns(const CrownTable& table, const TreeCrown* crowns, int64_t n,
                              const uint8_t* row, uint32_t* places) {
  const __m512i low = _mm512_loadu_si512(row), high = _mm512_loadu_si512(row + 64);
  const __m512i one = _mm512_set1_epi64(1);
  alignas(64) uint64_t masks[kMasks] = {0}, below[kMasks] = {0}, first[kMasks] = {0};
  for (int64_t t = 0; t < n; t += kMasks) {
    const int64_t trees = n - t < kMasks ? n - t : kMasks;
    for (int64_t k = 0; k < trees; ++k) {
      const TreeCrown& crown = crowns[t + k];
      // Nodes of further levels decide for the left.
      const __mmask64 nodes = ~uint64_t{0} >> (65 - (1u << crown.levels));
      const __m512i column = _mm512_maskz_loadu_epi8(nodes, table.few_columns + crown.first);
      masks[k] = _mm512_mask_cmpgt_epu8_mask(
          nodes, _mm512_permutex2var_epi8(low, column, high),
          _mm512_maskz_loadu_epi8(nodes, table.few_ranks + crown.first));
      below[k] = static_cast<uint64_t>(kCrownLevels - crown.levels);
      first[k] = crown.first;
    }
    for (int64_t k = 0; k < trees; k += 8) {
      const __m512i mask = _mm512_load_si512(masks + k);
      __m512i at = _mm512_add_epi64(one, _mm512_and_si512(mask, one));
      for (int d = 1; d < kCrownLevels; ++d) {
        const __m512i right = _mm512_and_si512(_mm512_srlv_epi64(mask, at), one);
        at = _mm512_add_epi64(_mm512_add_epi64(at, at), _mm512_add_epi64(right, one));
      }
      at = _mm512_srlv_epi64(_mm512_sub_epi64(at, _mm512_set1_epi64(63)),
                             _mm512_load_si512(below + k));
      at = _mm512_add_epi64(at, _mm512_load_si512(first + k));
      const auto stored = static_cast<__mmask8>(trees - k < 8 ? (1u << (trees - k)) - 1 : 0xFF);
      _mm256_mask_storeu_epi32(places + t + k, stored, _mm512_cvtepi64_epi32(at));
    }
  }
}
#endif

}  // namespace

void RankRows(const CrownGroup* groups, int64_t n, const float* thresholds, const float* x,
              int64_t pitch, int64_t rows, uint8_t* out) {
  MOSAIC_DISPATCH(RunRankRows, groups, n, thresholds, x, pitch, rows, out);
}

void RankRow(const CrownGroup* groups, int64_t n, const float* thresholds, const float* x,
             uint8_t* out) {
  const CrownGroup* group[kTogether];
  const float* at[kTogether];
  uint32_t length[kTogether];
  float value[kTogether];
  for (int64_t g = 0; g < n; g += kTogether) {
    uint32_t longest = 1;
    for (int k = 0; k < kTogether; ++k) {
      group[k] = groups + std::min(g + k, n - 1);
      at[k] = thresholds + group[k]->first;
      length[k] = group[k]->thresholds;
      value[k] = x[group[k]->feature];
      longest = std::max(longest, length[k]);
    }
    // Binary searches in step, without a branch: nothing foretells it. One that is done goes no
    // further.
    for (; longest > 1; longest -= longest / 2) {
      for (int k = 0; k < kTogether; ++k) {
        const uint32_t half = length[k] / 2;
        const auto more = static_cast<uint32_t>(at[k][half > 0 ? half - 1 : 0] <= value[k]);
        at[k] += half & (0 - more);
        length[k] -= half;
      }
    }
    for (int k = 0; k < kTogether && g + k < n; ++k) {
      const auto thresholds_of = static_cast<int64_t>(group[k]->thresholds);
      int64_t rank =
          at[k] - (thresholds + group[k]->first) + static_cast<int64_t>(*at[k] <= value[k]);
      if (value[k] != value[k]) rank = group[k]->nan_first ? 0 : thresholds_of;
      uint8_t* to = out + group[k]->column;
      for (int64_t first = 0; first < thresholds_of; first += kCrownThresholds) {
        *to++ = static_cast<uint8_t>(std::clamp<int64_t>(rank - first, 0, kCrownThresholds));
      }
    }
  }
}

void CrownLeaves(const CrownTable& table, const TreeCrown& crown, const uint8_t* rows,
                 uint8_t* leaves) {
  MOSAIC_DISPATCH(RunCrownLeaves, table, crown, rows, leaves);
}

void AddCrowns(const CrownTable& table, const TreeCrown* crowns, int64_t n, const uint8_t* rows,
               float* sums) {
  MOSAIC_DISPATCH(RunAddCrowns, table, crowns, n, rows, sums);
}

void CrownPlaces(const CrownTable& table, const TreeCrown* crowns, int64_t n, const uint8_t* row,
                 uint32_t* places) {
#if MOSAIC_X86
  if (table.few_columns != nullptr && HasVbmi()) return DecideCrowns(table, crowns, n, row, places);
#endif
  WalkCrowns(table, crowns, n, row, places);
}

}  // namespace mosaic
