// The inner kernel: a tile of C, kRows rows by kStrips strips, stays in registers while the k loop
// runs on from block to block.
//
// Each element of C has one accumulator, and products are added to it in ascending k; so neither
// the shape of the tile nor where a chunk of k ends can change a bit of the result.
//
// A line, 64 bytes, is a row of float32, or two of bfloat16: an element of 4 bytes has row k in its
// lower and row k + 1 in its upper half. Either a shift or a mask makes one of them a float32, or
// an instruction multiplies both with a pair of A's; the upper half is added first, as it does.
//
// While it runs, a tile prefetches the blocks that come next:
//   kHead     the first lines of the next block of each strip: the hardware prefetcher stops at
//             every 4 KB boundary and has to be started again. For few rows and weights in a cache.
//   kRunAhead every line, 2 KB before its use. For few rows and weights in memory, which this reads
//             faster; from a cache it would cost more than it gains.
//   kSpread   the blocks of the next chunk, spread over this one. For many rows, where the product
//             is bound by arithmetic and may not wait for memory at all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/kernel/fast/isa.h"
#include "mosaic/page_format.h"

namespace mosaic {

constexpr int kMaxTileStrips = 8;

struct TileArgs {
  // Per strip, the payloads of this chunk and of the one to prefetch.
  const void* const* blocks[kMaxTileStrips];
  const void* const* next[kMaxTileStrips];
  int64_t next_blocks;  // >= 1
  int64_t block_rows;
  int64_t k;       // rows of this chunk
  const float* a;  // direct: row i at a + i * lda. Packed: the kRows elements of each k (or pair of
                   // k, with kPairs) together
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

enum class Weights {
  kFloat,
  kHalf,   // bfloat16, made float32; A is float32, rounded to bfloat16
  kPairs,  // bfloat16, multiplied in pairs; A is pairs of bfloat16. Needs AVX-512 BF16.
};

enum class Prefetch { kHead, kRunAhead, kSpread };

// The first lines of a block, and the first after the 4 KB boundary within it.
MOSAIC_INLINE void PrefetchHead(const char* block, int64_t bytes) {
  constexpr int64_t kLines = 4 * 64;
  for (int64_t i = 0; i < std::min(kLines, bytes); i += 64) __builtin_prefetch(block + i, 0, 3);
  const int64_t boundary = 4096 - static_cast<int64_t>(reinterpret_cast<uintptr_t>(block) % 4096);
  for (int64_t i = boundary; i < std::min(boundary + kLines, bytes); i += 64) {
    __builtin_prefetch(block + i, 0, 3);
  }
}

template <int kLanes, int kRows, int kStrips, Weights kWeights, bool kPacked, Prefetch kPrefetch>
class Tile {
 public:
  MOSAIC_INLINE static void Run(const TileArgs& t) {
    Reg acc[kRows][kCols];
    Load(t, acc);
    const float* a = t.a;
    const int64_t block_lines = t.block_rows / kDepth;
    int64_t left = t.k;
    for (int64_t b = 0; left > 0; ++b) {
      const int64_t rows = std::min(left, t.block_rows), lines = rows / kDepth;
      const float* w[kStrips];
      const char* ahead[kStrips];
      MOSAIC_UNROLL
      for (int s = 0; s < kStrips; ++s) w[s] = static_cast<const float*>(t.blocks[s][b]);
      left -= rows;
      if (kPrefetch == Prefetch::kSpread) {
        const int64_t next = std::min(b, t.next_blocks - 1);
        const int64_t offset = block_lines * MOSAIC_ROW_BYTES * t.share / t.shares;
        MOSAIC_UNROLL
        for (int s = 0; s < kStrips; ++s) {
          ahead[s] = static_cast<const char*>(t.next[s][next]) + offset;
        }
        Accumulate(acc, w, ahead, MOSAIC_ROW_BYTES / t.shares, a, t.lda, lines);
      } else {
        // The lines up to where fetching ahead reaches the next block, and the others.
        const int64_t same =
            kPrefetch == Prefetch::kRunAhead ? std::max<int64_t>(0, lines - kAheadLines) : 0;
        MOSAIC_UNROLL
        for (int s = 0; s < kStrips; ++s) {
          ahead[s] = reinterpret_cast<const char*>(w[s] + kAheadLines * MOSAIC_STRIP_COLS);
        }
        if (same > 0) Accumulate(acc, w, ahead, MOSAIC_ROW_BYTES, a, t.lda, same);
        for (int s = 0; s < kStrips; ++s) {
          ahead[s] = static_cast<const char*>(left > 0 ? t.blocks[s][b + 1] : t.next[s][0]);
          if (kPrefetch == Prefetch::kHead) {
            PrefetchHead(ahead[s], block_lines * MOSAIC_ROW_BYTES);
          }
        }
        Accumulate(acc, w, ahead, MOSAIC_ROW_BYTES, a, t.lda, lines - same);
      }
      // An odd k ends in the middle of a line.
      if (kDepth > 1 && rows % kDepth != 0) Line<false>(acc, w, ahead, 0, a, t.lda);
    }
    Store(t, acc);
  }

 private:
  using Reg = typename Simd<kLanes>::Reg;
  using Mem = typename Simd<kLanes>::Mem;
  using Int = typename Simd<kLanes>::Int;
  static constexpr int kDepth = kWeights == Weights::kFloat ? 1 : 2;  // rows of k in a line
  static constexpr int kRegs = MOSAIC_STRIP_COLS / kLanes;            // per strip
  static constexpr int kCols = kStrips * kRegs;                       // in registers
  // Few accumulators make a short loop body.
  static constexpr int kWork = kRows * kCols * (kWeights == Weights::kHalf ? 2 : 1);
  static constexpr int kUnroll = kWork <= 8 ? 4 : kWork <= 16 ? 2 : 1;
  static constexpr int64_t kAheadLines = 32;

  MOSAIC_INLINE static void Load(const TileArgs& t, Reg (&acc)[kRows][kCols]) {
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
  }

  // The next `count` lines of one block; moves w, ahead and a on.
  MOSAIC_INLINE static void Accumulate(Reg (&acc)[kRows][kCols], const float* (&w)[kStrips],
                                       const char* (&ahead)[kStrips], int64_t step, const float*& a,
                                       int64_t lda, int64_t count) {
    int64_t i = 0;
    for (; i + kUnroll <= count; i += kUnroll) {
      MOSAIC_UNROLL
      for (int u = 0; u < kUnroll; ++u) Line<true>(acc, w, ahead, step, a, lda);
    }
    if (kUnroll > 1) {
      for (; i < count; ++i) Line<true>(acc, w, ahead, step, a, lda);
    }
  }

  // One line; if not kWhole, only its first row of k.
  template <bool kWhole>
  MOSAIC_INLINE static void Line(Reg (&acc)[kRows][kCols], const float* (&w)[kStrips],
                                 const char* (&ahead)[kStrips], int64_t step, const float*& a,
                                 int64_t lda) {
    MOSAIC_UNROLL
    for (int s = 0; s < kStrips && kPrefetch != Prefetch::kHead; ++s) {
      __builtin_prefetch(ahead[s], 0, 2);
      ahead[s] += step;
    }
    // Elements of A in each row: one for each k, or one for all.
    constexpr int kTake = kWhole && kWeights == Weights::kHalf ? 2 : 1;
    MOSAIC_UNROLL
    for (int d = kTake - 1; d >= 0; --d) {
      Reg wk[kCols];
      MOSAIC_UNROLL
      for (int j = 0; j < kCols; ++j) {
        LoadWeights<kWhole>(w[j / kRegs] + j % kRegs * kLanes, d, wk[j]);
      }
      MOSAIC_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const float* x = a + (kPacked ? d * kRows + i : i * lda + d);
        MOSAIC_UNROLL
        for (int j = 0; j < kCols; ++j) MultiplyAdd(x, wk[j], acc[i][j]);
      }
    }
    a += kTake * (kPacked ? kRows : 1);
    MOSAIC_UNROLL
    for (int s = 0; s < kStrips; ++s) w[s] += MOSAIC_STRIP_COLS;
  }

  // Row d of a line, or its pairs (if not kWhole, of a row and 0).
  template <bool kWhole>
  MOSAIC_INLINE static void LoadWeights(const float* from, int d, Reg& out) {
    out = *reinterpret_cast<const Mem*>(from);
    if (kWeights == Weights::kFloat || (kWeights == Weights::kPairs && kWhole)) return;
    const Int pairs = reinterpret_cast<Int>(out);
    if (kWeights == Weights::kPairs) {
      out = reinterpret_cast<Reg>(pairs & 0xffff);
    } else {
      out = reinterpret_cast<Reg>(d == 0 ? pairs << 16 : pairs & static_cast<int>(0xffff0000U));
    }
  }

  // acc += *x * w: a number, or a pair.
  MOSAIC_INLINE static void MultiplyAdd(const float* x, const Reg& w, Reg& acc) {
#if MOSAIC_MULTIPLIES_PAIRS
    if constexpr (kWeights == Weights::kPairs) {
      int bits;
      std::memcpy(&bits, x, sizeof bits);
      const Int pairs = Int{} + bits;
      Reg sum = acc;  // so that acc need not be in memory
      asm("vdpbf16ps %1, %2, %0" : "+v"(sum) : "v"(w), "v"(pairs));
      acc = sum;
      return;
    }
#endif
    acc += *x * w;
  }

  MOSAIC_INLINE static void Store(const TileArgs& t, Reg (&acc)[kRows][kCols]) {
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
};

}  // namespace mosaic
