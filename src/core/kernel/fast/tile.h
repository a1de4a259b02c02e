// The inner kernel: a tile of C, kRows rows by kStrips strips, stays in registers while the k loop
// runs on from block to block.
//
// Each element of C has one accumulator, and products are added to it in ascending k; so neither
// the shape of the tile nor where a chunk of k ends can change a bit of the result.
//
// While it runs, a tile prefetches the blocks that come next. With few rows it is bound by memory
// bandwidth, and prefetches just the heads of the next blocks: the hardware prefetcher stops at
// every 4 KB boundary and has to be started again (kHead). With many rows it is bound by
// arithmetic, and spreads the fetching of the next chunk over its k loop (kSpread).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/kernel/fast/isa.h"
#include "mosaic/page_format.h"

namespace mosaic {

constexpr int kMaxTileStrips = 4;

struct TileArgs {
  // Per strip, the payloads of this chunk and of the one to prefetch.
  const void* const* blocks[kMaxTileStrips];
  const void* const* next[kMaxTileStrips];
  int64_t next_blocks;  // >= 1
  int64_t block_rows;
  int64_t k;       // rows of this chunk
  const float* a;  // direct: row i at a + i * lda. Packed: the kRows values of each k together
  int64_t lda;
  // Sums so far (null: 0), and where to put them; all columns of the strips are read and written.
  const float* from;
  int64_t from_ld;
  float* to;
  int64_t to_ld;
  const float* bias;  // one per column, in the last chunk; else null
  bool relu;          // in the last chunk
  int share, shares;  // kSpread: which part of the next chunk is fetched by this tile
};

using TileFn = void (*)(const TileArgs&);

enum class Prefetch { kHead, kSpread };

// The first lines of a block, and the first after the 4 KB boundary within it.
MOSAIC_INLINE void PrefetchHead(const char* block, int64_t bytes) {
  constexpr int64_t kLines = 4 * 64;
  for (int64_t i = 0; i < std::min(kLines, bytes); i += 64) __builtin_prefetch(block + i, 0, 3);
  const int64_t boundary = 4096 - static_cast<int64_t>(reinterpret_cast<uintptr_t>(block) % 4096);
  for (int64_t i = boundary; i < std::min(boundary + kLines, bytes); i += 64) {
    __builtin_prefetch(block + i, 0, 3);
  }
}

template <int kLanes, int kRows, int kStrips, bool kPacked, Prefetch kPrefetch>
MOSAIC_INLINE void Tile(const TileArgs& t) {
  using Reg = typename Simd<kLanes>::Reg;
  using Mem = typename Simd<kLanes>::Mem;
  constexpr int kRegs = MOSAIC_STRIP_COLS / kLanes;  // per strip
  constexpr int kCols = kStrips * kRegs;             // in registers
  const float* a = t.a;
  const int64_t lda = t.lda;
  const int64_t block_bytes = t.block_rows * MOSAIC_ROW_BYTES;

  Reg acc[kRows][kCols];
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int j = 0; j < kCols; ++j) {
      if (t.from == nullptr) {
        acc[i][j] = Reg{};
      } else {
        acc[i][j] = *reinterpret_cast<const Mem*>(t.from + i * t.from_ld + j * kLanes);
      }
    }
  }

  int64_t left = t.k;
  for (int64_t b = 0; left > 0; ++b) {
    const int64_t rows = std::min(left, t.block_rows);
    const float* w[kStrips];
    const char* ahead[kStrips];
    MOSAIC_UNROLL
    for (int s = 0; s < kStrips; ++s) w[s] = static_cast<const float*>(t.blocks[s][b]);
    int64_t step = 0;
    if (kPrefetch == Prefetch::kSpread) {
      step = MOSAIC_ROW_BYTES / t.shares;
      MOSAIC_UNROLL
      for (int s = 0; s < kStrips; ++s) {
        ahead[s] = static_cast<const char*>(t.next[s][std::min(b, t.next_blocks - 1)]) +
                   block_bytes * t.share / t.shares;
      }
    } else {
      for (int s = 0; s < kStrips; ++s) {
        const void* next = left > rows ? t.blocks[s][b + 1] : t.next[s][0];
        PrefetchHead(static_cast<const char*>(next), block_bytes);
      }
    }
    // Few accumulators make a short loop body.
    constexpr int kUnroll = kRows * kCols <= 8 ? 4 : kRows * kCols <= 16 ? 2 : 1;
    int64_t k = 0;
    for (; k + kUnroll <= rows; k += kUnroll) {
      MOSAIC_UNROLL
      for (int u = 0; u < kUnroll; ++u) {
        Reg wk[kCols];
        MOSAIC_UNROLL
        for (int s = 0; s < kStrips; ++s) {
          if (kPrefetch == Prefetch::kSpread) {
            __builtin_prefetch(ahead[s], 0, 2);
            ahead[s] += step;
          }
          MOSAIC_UNROLL
          for (int j = 0; j < kRegs; ++j) {
            wk[s * kRegs + j] =
                *reinterpret_cast<const Mem*>(w[s] + u * MOSAIC_STRIP_COLS + j * kLanes);
          }
        }
        MOSAIC_UNROLL
        for (int i = 0; i < kRows; ++i) {
          const float x = kPacked ? a[u * kRows + i] : a[i * lda + u];
          MOSAIC_UNROLL
          for (int j = 0; j < kCols; ++j) acc[i][j] += x * wk[j];
        }
      }
      a += kPacked ? kUnroll * kRows : kUnroll;
      MOSAIC_UNROLL
      for (int s = 0; s < kStrips; ++s) w[s] += kUnroll * MOSAIC_STRIP_COLS;
    }
    if (kUnroll > 1) {
      for (; k < rows; ++k) {
        MOSAIC_UNROLL
        for (int i = 0; i < kRows; ++i) {
          const float x = kPacked ? a[i] : a[i * lda];
          MOSAIC_UNROLL
          for (int j = 0; j < kCols; ++j) {
            acc[i][j] += x * *reinterpret_cast<const Mem*>(w[j / kRegs] + j % kRegs * kLanes);
          }
        }
        a += kPacked ? kRows : 1;
        MOSAIC_UNROLL
        for (int s = 0; s < kStrips; ++s) w[s] += MOSAIC_STRIP_COLS;
      }
    }
    left -= rows;
  }

  MOSAIC_UNROLL
  for (int j = 0; j < kCols; ++j) {
    Reg bias = Reg{};
    if (t.bias) bias = *reinterpret_cast<const Mem*>(t.bias + j * kLanes);
    MOSAIC_UNROLL
    for (int i = 0; i < kRows; ++i) {
      Reg v = acc[i][j];
      if (t.bias) v += bias;
      if (t.relu) v = v < 0 ? Reg{} : v;
      *reinterpret_cast<Mem*>(t.to + i * t.to_ld + j * kLanes) = v;
    }
  }
}

}  // namespace mosaic
