// StripGemm for weights of bfloat16 with AMX, written over the operations on tiles, so that
// everything but the instructions themselves is tested on every machine (by an emulation of them).
//
// A tile register is up to 16 rows of 64 bytes. One instruction adds to a tile of C, 16 x 16
// float32, the product of a tile of A, 16 rows by up to 16 pairs of k, and one of W, these pairs of
// k by 16 columns: just as a block has them, so they are loaded from the page.
//
// Blocks are cut into tiles of `tile_lines` lines (64 bytes, a pair of k) from their beginning;
// what is left at the end of a block, or of k, is copied to a tile that zeros fill up. So where a
// tile begins depends on nothing but the blocks, and with it the order of summation: for each tile
// the products of even k are added up in ascending k, and so those of odd k; their sum is added to
// C.
//
// As for other kernels (strip_gemm_fast.cc), C is cut into panels of rows and k into ranges, so
// that the panel of A, packed into tiles, stays in L2. Up to 16 rows take four strips at a time
// over the whole range. More rows go in groups of 32, two strips and one block at a time, which
// then stay in L1, and sums stay in a buffer meanwhile; each group fetches a part of the next block
// into L2.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "core/kernel/fast/bfloat16.h"
#include "core/kernel/strip_gemm.h"
#include "mosaic/page_format.h"

namespace mosaic {

// The operand of LDTILECFG.
struct AmxConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(AmxConfig) == 64, "as the instruction reads it");

constexpr int kAmxRows = 16;  // of a tile

// Lines of a tile: the fewest tiles per block, or one more if nothing is left over then.
inline int64_t AmxTileLines(int64_t block_lines) {
  const int64_t tiles = (block_lines + kAmxRows - 1) / kAmxRows;
  const bool exact = block_lines % tiles != 0 && block_lines % (tiles + 1) == 0;
  return exact ? block_lines / (tiles + 1) : (block_lines + tiles - 1) / tiles;
}

// Tiles has static functions: Configure(const AmxConfig&), Release(), Load<tile>(from, stride),
// Store<tile>(to, stride), MultiplyAdd<c, a, w>().
template <class Tiles>
class AmxGemm {
 public:
  // isa: for rounding activations. REQUIRES: weights of bfloat16, n and m positive.
  AmxGemm(const StripGemmArgs& args, Isa isa)
      : g_(args),
        isa_(isa),
        few_(args.n <= kAmxRows),
        strips_(Ceil(args.m, kCols)),
        blocks_(Ceil(args.k, args.block_rows)),
        block_lines_(args.block_rows / 2),
        tile_lines_(AmxTileLines(block_lines_)),
        block_tiles_(Ceil(block_lines_, tile_lines_)) {}

  void Run() {
    const int64_t row_tiles = Ceil(g_.n, kAmxRows);
    const bool deep = row_tiles * blocks_ * block_tiles_ > kPanelTiles;
    const int64_t most = deep ? std::max<int64_t>(1, kPanelDepth / g_.block_rows) : blocks_;
    const int64_t depths = std::max<int64_t>(1, Ceil(blocks_, std::max<int64_t>(1, most)));
    depth_tiles_ = Ceil(blocks_, depths) * block_tiles_;
    int64_t panel = kPanelTiles / std::max<int64_t>(1, depth_tiles_) * kAmxRows;
    panel = std::clamp(panel / kGroupRows * kGroupRows, kGroupRows, kPanelRows);
    const int64_t panel_tiles = Ceil(std::min(panel, g_.n), kAmxRows);
    packed_ = NewBuffer(panel_tiles * depth_tiles_);
    sums_ = NewBuffer(few_ ? 4 : 4 * Ceil(panel_tiles, 2));
    pairs_ = NewBuffer(Ceil(depth_tiles_ * tile_lines_, kTileFloats));
    Configure();
    for (int64_t row = 0; row < g_.n; row += panel) {
      for (int64_t d = 0; d < depths; ++d) {
        RunPanel(row, std::min(panel, g_.n - row), blocks_ * d / depths,
                 blocks_ * (d + 1) / depths);
      }
    }
    Tiles::Release();
  }

 private:
  static constexpr int64_t kCols = MOSAIC_STRIP_COLS;
  static constexpr int64_t kLine = MOSAIC_ROW_BYTES;
  static constexpr int64_t kTileFloats = 256;
  static constexpr int64_t kTileBytes = kTileFloats * 4;
  static constexpr int64_t kGroupRows = 2 * kAmxRows;
  static constexpr int64_t kPanelTiles = 1024;  // of A: 1 MB
  static constexpr int64_t kPanelDepth = 1024;  // k of a range, where a panel cannot hold all
  static constexpr int64_t kPanelRows = 2048;

  struct AlignedDelete {
    void operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  using Buffer = std::unique_ptr<float, AlignedDelete>;

  // One block after another of the strips, for one group of rows.
  struct Work {
    int64_t strip, begin, end;  // blocks of each strip
    const char* const* next;    // per strip, what to fetch meanwhile: the group's part of a block
    int64_t next_step;          // lines for each tile
    int64_t group;              // the first one copies tiles for all
  };

  static int64_t Ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
  static Buffer NewBuffer(int64_t tiles) {
    const auto bytes = static_cast<size_t>(std::max<int64_t>(1, tiles) * kTileBytes);
    return Buffer(static_cast<float*>(::operator new (bytes, std::align_val_t{64})));
  }

  // Tiles 0 to 3 are C's; A's are 4 and, for groups of 32 rows, 5; the others W's.
  void Configure() const {
    AmxConfig config;
    for (int i = 0; i < 8; ++i) {
      const bool c = i < 4, a = i == 4 || (i == 5 && !few_);
      config.rows[i] = static_cast<uint8_t>(!c && !a ? tile_lines_ : few_ ? g_.n : kAmxRows);
      config.row_bytes[i] = static_cast<uint16_t>(a ? 4 * tile_lines_ : kLine);
    }
    Tiles::Configure(config);
  }

  // Rows [row, row + rows) of C, and the blocks [begin, end) of every strip.
  void RunPanel(int64_t row, int64_t rows, int64_t begin, int64_t end) {
    row_ = row;
    rows_ = rows;
    begin_ = begin;
    end_ = end;
    Pack();
    for (int64_t s = 0; s < strips_;) {
      if (few_ && strips_ - s >= 4) {
        RunStrips<4, 5>(s);
        s += 4;
      } else if (few_) {
        RunStrips<1, 5>(s);
        ++s;
      } else if (strips_ - s >= 2) {
        RunStrips<2, 6>(s);
        s += 2;
      } else {
        RunStrips<1, 6>(s);
        ++s;
      }
    }
  }

  // Pairs of k of a block that the product has, and those with both k.
  int64_t Lines(int64_t block) const { return (Depth(block) + 1) / 2; }
  int64_t Depth(int64_t block) const {
    return std::min<int64_t>(g_.block_rows, g_.k - block * g_.block_rows);
  }

  // A tile after the other of 16 rows, then of the next 16. Rows that are not there are 0, as are
  // pairs beyond a block's, or beyond k.
  void Pack() {
    const int64_t tiles = (end_ - begin_) * block_tiles_;
    for (int64_t i = 0; i < Ceil(rows_, kAmxRows) * kAmxRows; ++i) {
      float* to = packed_.get() + (i / kAmxRows * tiles * kAmxRows + i % kAmxRows) * kCols;
      if (i >= rows_) {
        for (int64_t t = 0; t < tiles; ++t) std::memset(to + t * kTileFloats, 0, kLine);
        continue;
      }
      const int64_t k0 = begin_ * g_.block_rows;
      const int64_t depth = std::min(g_.k, end_ * g_.block_rows) - k0;
      PairBFloat16(isa_, g_.a + (row_ + i) * g_.lda + k0, depth, pairs_.get());
      for (int64_t b = begin_; b < end_; ++b) {
        const float* from = pairs_.get() + (b - begin_) * block_lines_;
        for (int64_t line = 0; line < block_lines_; line += tile_lines_, to += kTileFloats) {
          const int64_t count = std::clamp<int64_t>(Lines(b) - line, 0, tile_lines_);
          std::memcpy(to, from + line, static_cast<size_t>(count) * 4);
          std::memset(to + count, 0, static_cast<size_t>(kCols - count) * 4);
        }
      }
    }
  }

  template <int kStrips, int kFirstW>
  void RunStrips(int64_t s) {
    FillSums<kStrips>(s);
    const int64_t groups = few_ ? 1 : Ceil(rows_, kGroupRows);
    Work work = {};
    work.strip = s;
    const int64_t step = few_ ? std::max<int64_t>(1, end_ - begin_) : 1;
    for (work.begin = begin_; work.begin < end_; work.begin = work.end) {
      work.end = work.begin + step;
      const bool more = work.end < end_;
      const int64_t share = Ceil(block_lines_, groups);
      for (work.group = 0; work.group < groups; ++work.group) {
        const char* next[kStrips];
        for (int q = 0; q < kStrips; ++q) {
          const int64_t strip = more ? s + q : std::min(s + kStrips + q, strips_ - 1);
          next[q] = Block(strip, more ? work.end : begin_) + work.group * share * kLine;
        }
        work.next = next;
        work.next_step = Ceil(tile_lines_, groups);
        if constexpr (kFirstW == 6) {
          if (rows_ - work.group * kGroupRows > kAmxRows) {
            Multiply<2, kStrips, kFirstW>(work);
            continue;
          }
        }
        Multiply<1, kStrips, kFirstW>(work);
      }
    }
    for (int q = 0; q < kStrips; ++q) Finish<kStrips>(s + q, q);
  }

  const char* Block(int64_t strip, int64_t block) const {
    return static_cast<const char*>(g_.blocks[strip * g_.row_blocks + block]);
  }
  // The sums of 16 rows, the i-th of the panel, and of the q-th strip at work.
  template <int kStrips>
  float* Sums(int64_t i, int64_t q) const {
    return sums_.get() + (i / 2 * 4 + i % 2 * kStrips + q) * kTileFloats;
  }

  // kHalves: tiles of rows in the group. kFirstW: first tile register of W's.
  template <int kHalves, int kStrips, int kFirstW>
  void Multiply(const Work& work) {
    float* sums = Sums<kStrips>(2 * work.group, 0);
    Each<kHalves * kStrips>(
        [&](auto i) { Tiles::template Load<i()>(sums + i() * kTileFloats, kLine); });
    const int64_t row_tile = (end_ - begin_) * block_tiles_ * kTileFloats;
    const float* first = packed_.get() + 2 * work.group * row_tile +
                         (work.begin - begin_) * block_tiles_ * kTileFloats;
    for (int64_t b = work.begin; b < work.end; ++b) {
      const float* a = first + (b - work.begin) * block_tiles_ * kTileFloats;
      const int64_t whole = Depth(b) / 2 / tile_lines_, tiles = Ceil(Lines(b), tile_lines_);
      const char *w[kStrips], *next[kStrips];
      for (int q = 0; q < kStrips; ++q) {
        w[q] = Block(work.strip + q, b);
        next[q] = b + 1 < work.end ? Block(work.strip + q, b + 1) : work.next[q];
      }
      if (tiles > whole && work.group == 0) {
        for (int q = 0; q < kStrips; ++q) CopyTail(w[q], whole * tile_lines_, Depth(b), tails_[q]);
      }
      for (int64_t t = 0; t < tiles; ++t, a += kTileFloats) {
        for (int q = 0; q < kStrips; ++q) {
          if (t == whole) w[q] = tails_[q];
          for (int64_t i = 0; i < work.next_step; ++i)
            __builtin_prefetch(next[q] + i * kLine, 0, 2);
          next[q] += work.next_step * kLine;
        }
        Tiles::template Load<4>(a, kLine);
        if constexpr (kHalves == 2) Tiles::template Load<5>(a + row_tile, kLine);
        Each<kStrips>([&](auto q) {
          constexpr int kW = kFirstW + q() % (8 - kFirstW);
          Tiles::template Load<kW>(w[q()], kLine);
          Tiles::template MultiplyAdd<q(), 4, kW>();
          if constexpr (kHalves == 2) Tiles::template MultiplyAdd<kStrips + q(), 5, kW>();
          w[q()] += tile_lines_ * kLine;
        });
      }
    }
    Each<kHalves * kStrips>(
        [&](auto i) { Tiles::template Store<i()>(sums + i() * kTileFloats, kLine); });
  }

  // fn(0), ..., fn(kCount - 1), as constants.
  template <int kCount, typename Fn>
  static void Each(Fn fn) {
    if constexpr (kCount > 1) Each<kCount - 1>(fn);
    fn(std::integral_constant<int, kCount - 1>());
  }

  // The lines of a block from `line` on up to `depth` rows of k, and zeros.
  void CopyTail(const char* block, int64_t line, int64_t depth, char* to) const {
    const int64_t lines = (depth + 1) / 2 - line;
    std::memcpy(to, block + line * kLine, static_cast<size_t>(lines * kLine));
    std::memset(to + lines * kLine, 0, static_cast<size_t>((tile_lines_ - lines) * kLine));
    if (depth % 2 == 0) return;
    for (int64_t i = 0; i < kCols; ++i) {
      std::memset(to + (lines - 1) * kLine + 4 * i + 2, 0, 2);  // the k that there is not
    }
  }

  // What C holds already, or 0.
  template <int kStrips>
  void FillSums(int64_t s) {
    const bool resume = !(g_.first && begin_ == 0);
    for (int64_t i = 0; i < Ceil(rows_, kAmxRows); ++i) {
      for (int q = 0; q < kStrips; ++q) {
        float* to = Sums<kStrips>(i, q);
        std::memset(to, 0, kTileBytes);
        const int64_t col = (s + q) * kCols, cols = std::min(kCols, g_.m - col);
        const int64_t rows = std::min<int64_t>(kAmxRows, rows_ - i * kAmxRows);
        for (int64_t r = 0; resume && r < rows; ++r) {
          const float* c = g_.c + (row_ + i * kAmxRows + r) * g_.ldc + col;
          std::memcpy(to + r * kCols, c, static_cast<size_t>(cols) * sizeof(float));
        }
      }
    }
  }

  // Sums to C, with what follows the last product.
  template <int kStrips>
  void Finish(int64_t strip, int q) {
    const int64_t col = strip * kCols, cols = std::min(kCols, g_.m - col);
    const bool last = g_.last && end_ == blocks_;
    for (int64_t i = 0; i < rows_; ++i) {
      const float* sums = Sums<kStrips>(i / kAmxRows, q) + i % kAmxRows * kCols;
      float* c = g_.c + (row_ + i) * g_.ldc + col;
      if (last && g_.bias != nullptr) {
        for (int64_t j = 0; j < cols; ++j) c[j] = sums[j] + g_.bias[col + j];
      } else {
        std::memcpy(c, sums, static_cast<size_t>(cols) * sizeof(float));
      }
      if (last && g_.activation != Activation::kNone) Activate(g_.activation, c, c, cols);
    }
  }

  const StripGemmArgs& g_;
  const Isa isa_;
  const bool few_;
  const int64_t strips_, blocks_;  // that are used
  const int64_t block_lines_, tile_lines_, block_tiles_;
  int64_t depth_tiles_ = 0;
  Buffer packed_, sums_, pairs_;
  alignas(64) char tails_[4][kTileBytes];
  // The panel at work.
  int64_t row_ = 0, rows_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace mosaic
