// The schedule: in which order tiles are computed, and what they fetch ahead.
//
// C is cut into row panels, and k into ranges of them, so that the part of A that belongs to a
// panel stays in the L2 cache while all strips pass by. Within a panel:
//
//   few rows   four strips at a time, or eight if they come from memory, the whole k range in one
//              go: so many streams of pages keep the memory busy.
//   more rows  a chunk is some four pages of each strip of the tile; all groups of rows run on it,
//              while they fetch the next chunk into L2.
//
// For weights of bfloat16 the rows of a panel are rounded first. Blocks that have to be made
// (BlockMaker) are made a chunk at a time, just before its tiles read them; of few rows a chunk is
// then a block of each strip, so that they are in the L1 cache.
#include "core/kernel/fast/strip_gemm_fast.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "core/kernel/fast/amx.h"
#include "core/kernel/fast/bfloat16.h"
#include "core/kernel/fast/tiles.h"

namespace mosaic {

namespace {

constexpr int kStripCols = MOSAIC_STRIP_COLS;
constexpr int64_t kPanelFloats = 160 << 10;  // of A, or as many pairs, in L2
constexpr int64_t kPanelDepth = 1024;        // of a row of A, where a panel cannot hold all of them
constexpr int64_t kPanelRows = 2048;         // bounds the copy of a partial strip's columns
constexpr int64_t kPackColumns = 128;        // fewer do not pay for packing A
constexpr int64_t kStreamedBytes = 8 << 20;  // more are likely to come from memory
constexpr int64_t kChunkRows = 4 * MOSAIC_MAX_BLOCK_ROWS;
constexpr int64_t kMadeStrip = 4096;  // bytes of a strip that are made for few rows at a time

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Cuts n into the fewest parts of at most `most`, of nearly equal size; Begin(parts) == n.
struct Parts {
  Parts(int64_t total, int64_t most) : n(total), parts(std::max<int64_t>(1, CeilDiv(n, most))) {}
  int64_t Begin(int64_t i) const { return n * i / parts; }
  int64_t Size(int64_t i) const { return Begin(i + 1) - Begin(i); }
  int64_t n, parts;
};

struct AlignedDelete {
  void operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }
};
using Buffer = std::unique_ptr<float, AlignedDelete>;

Buffer NewBuffer(int64_t floats) {
  const size_t bytes = static_cast<size_t>(floats) * sizeof(float);
  return Buffer(static_cast<float*>(::operator new (bytes, std::align_val_t{64})));
}

// out[k * rows + r] = a[r * lda + k], four by four.
void Transpose(const float* a, int64_t lda, int64_t rows, int64_t depth, float* out) {
  using Reg = Simd<4>::Reg;
  using Mem = Simd<4>::Mem;
  int64_t k = 0;
  if (rows >= 4) {
    for (; k + 4 <= depth; k += 4) {
      for (int64_t i = 0; i < rows; i += 4) {
        const int64_t r = std::min(i, rows - 4);  // the last four may overlap those before
        const float* from = a + r * lda + k;
        const Reg r0 = *reinterpret_cast<const Mem*>(from);
        const Reg r1 = *reinterpret_cast<const Mem*>(from + lda);
        const Reg r2 = *reinterpret_cast<const Mem*>(from + 2 * lda);
        const Reg r3 = *reinterpret_cast<const Mem*>(from + 3 * lda);
        const Reg a01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
        const Reg a23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
        const Reg b01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
        const Reg b23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
        float* to = out + k * rows + r;
        *reinterpret_cast<Mem*>(to) = __builtin_shufflevector(a01, a23, 0, 1, 4, 5);
        *reinterpret_cast<Mem*>(to + rows) = __builtin_shufflevector(a01, a23, 2, 3, 6, 7);
        *reinterpret_cast<Mem*>(to + 2 * rows) = __builtin_shufflevector(b01, b23, 0, 1, 4, 5);
        *reinterpret_cast<Mem*>(to + 3 * rows) = __builtin_shufflevector(b01, b23, 2, 3, 6, 7);
      }
    }
  }
  for (; k < depth; ++k) {
    for (int64_t r = 0; r < rows; ++r) out[k * rows + r] = a[r * lda + k];
  }
}

class StripGemmRun {
 public:
  StripGemmRun(const StripGemmArgs& args, Isa isa)
      : g_(args),
        isa_(isa),
        tiles_(TilesFor(isa, args.dtype)),
        step_(tiles_.weights == Weights::kPairs ? 2 : 1),
        strips_(CeilDiv(args.m, kStripCols)),
        blocks_(CeilDiv(args.k, args.block_rows)),
        few_(args.n <= tiles_.few_rows),
        streamed_(std::max(args.working_set, strips_ * blocks_ * args.block_rows * RowBytes()) >
                  kStreamedBytes),
        pack_(!few_ && args.n > tiles_.rows / 2 && args.m >= kPackColumns) {}

  void Run() {
    // Whole blocks of k, so that a chunk starts with a block.
    const bool deep = g_.n * g_.k > kPanelFloats * step_ && !few_;
    const Parts depths(blocks_, deep ? std::max<int64_t>(1, kPanelDepth * step_ / g_.block_rows)
                                     : std::max<int64_t>(1, blocks_));
    const int64_t depth = std::min(g_.k, CeilDiv(blocks_, depths.parts) * g_.block_rows);
    int64_t most = kPanelFloats * step_ / std::max<int64_t>(1, depth) / tiles_.rows * tiles_.rows;
    most = std::min(std::max<int64_t>(most, tiles_.rows), kPanelRows);
    const Parts panels(g_.n, few_ ? g_.n : most);
    const int64_t panel_rows = CeilDiv(g_.n, panels.parts);
    const int64_t width = CeilDiv(depth, step_);
    if (pack_) packed_ = NewBuffer(panel_rows * width);
    if (rounds()) rounded_ = NewBuffer((pack_ ? tiles_.rows : panel_rows) * width);
    if (!few_ || g_.m % kStripCols != 0 || g_.maker != nullptr) {
      sums_ld_ = kStripCols * (few_ ? kMaxTileStrips : tiles_.wide_strips);
      sums_ = NewBuffer(panel_rows * sums_ld_);
    }
    if (g_.maker != nullptr) {
      made_ = NewBuffer(kMaxTileStrips * ChunkBlocks(blocks_) * MadeStride(g_) / 4);
      payloads_.resize(static_cast<size_t>(kMaxTileStrips * ChunkBlocks(blocks_)));
      sources_.resize(payloads_.size());
    }
    for (int64_t p = 0; p < panels.parts; ++p) {
      for (int64_t d = 0; d < depths.parts; ++d) {
        RunPanel(panels.Begin(p), panels.Size(p), depths.Begin(d), depths.Begin(d + 1));
      }
    }
  }

 private:
  bool rounds() const { return tiles_.weights != Weights::kFloat; }
  // Of one row of k in a strip.
  int64_t RowBytes() const { return MOSAIC_ROW_BYTES / (rounds() ? 2 : 1); }

  // Rows [row, row + rows) of C, and the blocks [begin, end) of every strip.
  void RunPanel(int64_t row, int64_t rows, int64_t begin, int64_t end) {
    row_ = row;
    begin_ = begin;
    end_ = end;
    k_begin_ = begin * g_.block_rows;
    k_ = std::min(g_.k, end * g_.block_rows) - k_begin_;
    width_ = CeilDiv(k_, step_);
    a_ = g_.a + row * g_.lda + k_begin_;
    lda_ = g_.lda;
    const Parts groups(rows, few_ ? tiles_.few_rows : tiles_.rows);
    if (pack_) {
      Pack(groups);
    } else if (rounds()) {
      Round(a_, rows);
      a_ = rounded_.get();
      lda_ = width_;
    }
    for (int64_t s = 0; s < strips_;) {
      const int64_t left = strips_ - s;
      // What is made is in the cache.
      const bool streamed = streamed_ && g_.maker == nullptr;
      if (few_ && streamed && rows <= tiles_.streamed_rows && left >= tiles_.streamed_strips) {
        RunStrips(s, tiles_.streamed_strips, tiles_.streamed, groups);
        s += tiles_.streamed_strips;
      } else if (few_ && left >= kFewStrips) {
        RunStrips(s, kFewStrips, streamed ? tiles_.few_streamed : tiles_.few, groups);
        s += kFewStrips;
      } else if (left >= tiles_.wide_strips) {
        RunStrips(s, tiles_.wide_strips, pack_ ? tiles_.wide_packed : tiles_.wide, groups);
        s += tiles_.wide_strips;
      } else {
        RunStrips(s, 1, pack_ ? tiles_.narrow_packed : tiles_.narrow, groups);
        ++s;
      }
    }
  }

  // Each group of rows column by column, as its tiles read it.
  void Pack(const Parts& groups) {
    float* out = packed_.get();
    for (int64_t i = 0; i < groups.parts; ++i) {
      const float* a = a_ + groups.Begin(i) * lda_;
      if (rounds()) Round(a, groups.Size(i));
      Transpose(rounds() ? rounded_.get() : a, rounds() ? width_ : lda_, groups.Size(i), width_,
                out);
      out += groups.Size(i) * width_;
    }
  }

  void Round(const float* a, int64_t rows) {
    const auto round = tiles_.weights == Weights::kPairs ? PairBFloat16 : RoundToBFloat16;
    for (int64_t i = 0; i < rows; ++i) {
      round(isa_, a + i * g_.lda, k_, rounded_.get() + i * width_);
    }
  }

  // The tile columns of the strips [s, s + count). Between chunks, sums are kept in sums_: the rows
  // of C itself may be a power of two apart, and would evict each other from the caches.
  void RunStrips(int64_t s, int count, const TileFn* tiles, const Parts& groups) {
    const int64_t col = s * kStripCols;
    const int64_t cols = std::min<int64_t>(count * kStripCols, g_.m - col);
    const bool edge = cols < count * kStripCols;
    const bool resume = !(g_.first && begin_ == 0);
    float* c = g_.c + row_ * g_.ldc + col;
    if (edge && resume) CopyRows(c, g_.ldc, sums_.get(), sums_ld_, groups.n, cols);
    float bias[kMaxTileStrips * kStripCols] = {};
    if (g_.bias) std::memcpy(bias, g_.bias + col, static_cast<size_t>(cols) * sizeof(float));

    TileArgs t = {};
    t.block_rows = g_.block_rows;
    const Parts chunks(end_ - begin_, ChunkBlocks(end_ - begin_));
    for (int64_t i = 0; i < chunks.parts; ++i) {
      const int64_t begin = begin_ + chunks.Begin(i), end = begin_ + chunks.Begin(i + 1);
      // What comes after this chunk: the next one, or the beginning of the next strips.
      const bool more = i + 1 < chunks.parts;
      const int64_t next = more ? end : begin_;
      const int64_t next_strip = more ? s : s + count;
      t.next_blocks = more ? chunks.Size(i + 1) : chunks.Size(0);
      for (int q = 0; q < count; ++q) {
        t.blocks[q] = g_.blocks + (s + q) * g_.row_blocks + begin;
        const int64_t strip = std::min(next_strip + q, strips_ - 1);
        t.next[q] = g_.blocks + strip * g_.row_blocks + next;
      }
      if (g_.maker != nullptr) MakeChunk(count, chunks.Size(i), &t);
      const int64_t k0 = begin * g_.block_rows;
      t.k = std::min(g_.k, end * g_.block_rows) - k0;
      const bool from_c = i == 0 && !edge, to_c = !more && !edge;
      t.from = i == 0 && !resume ? nullptr : from_c ? c : sums_.get();
      t.from_ld = from_c ? g_.ldc : sums_ld_;
      t.to = to_c ? c : sums_.get();
      t.to_ld = to_c ? g_.ldc : sums_ld_;
      const bool last = g_.last && end == blocks_;
      t.bias = last && g_.bias ? bias : nullptr;  // adding 0 would change -0
      t.relu = last && g_.activation == Activation::kRelu;
      RunGroups(t, tiles, groups, k0);
      if (last && g_.activation > Activation::kRelu) ActivateRows(t, groups.n, cols);
    }
    if (edge) CopyRows(sums_.get(), sums_ld_, c, g_.ldc, groups.n, cols);
  }

  // Blocks of a strip in a chunk, at most, of so many.
  int64_t ChunkBlocks(int64_t blocks) const {
    if (!few_) return std::max<int64_t>(1, kChunkRows / g_.block_rows);
    return std::max<int64_t>(1, g_.maker == nullptr ? blocks : kMadeStrip / MadeStride(g_));
  }

  // The payloads of a chunk; to be fetched ahead remains what those of the next are made of.
  void MakeChunk(int count, int64_t blocks, TileArgs* t) {
    const int64_t room = static_cast<int64_t>(payloads_.size()) / kMaxTileStrips;
    char* out = reinterpret_cast<char*>(made_.get());
    for (int64_t b = 0; b < blocks; ++b) {
      for (int q = 0; q < count; ++q, out += MadeStride(g_)) {
        const void* next = q + 1 < count    ? t->blocks[q + 1][b]
                           : b + 1 < blocks ? t->blocks[0][b + 1]
                                            : t->next[0][0];
        payloads_[static_cast<size_t>(q * room + b)] =
            g_.maker->Payload(t->blocks[q][b], next, out);
      }
    }
    for (int q = 0; q < count; ++q) {
      const void** sources = sources_.data() + q * room;
      for (int64_t b = 0; b < t->next_blocks; ++b) sources[b] = g_.maker->Source(t->next[q][b]);
      t->blocks[q] = payloads_.data() + q * room;
      t->next[q] = sources;
    }
  }

  // One chunk, which begins at k0, for all groups of rows.
  void RunGroups(const TileArgs& chunk, const TileFn* tiles, const Parts& groups, int64_t k0) {
    TileArgs t = chunk;
    t.shares = static_cast<int>(groups.parts);
    t.lda = lda_;
    const int64_t column = (k0 - k_begin_) / step_;
    for (int64_t i = 0; i < groups.parts; ++i) {
      const int64_t rows = groups.Size(i), r = groups.Begin(i);
      t.share = static_cast<int>(i);
      t.a = pack_ ? packed_.get() + r * width_ + column * rows : a_ + r * lda_ + column;
      if (chunk.from) t.from = chunk.from + r * chunk.from_ld;
      t.to = chunk.to + r * chunk.to_ld;
      tiles[rows - 1](t);
    }
  }

  void ActivateRows(const TileArgs& t, int64_t rows, int64_t cols) const {
    for (int64_t i = 0; i < rows; ++i) {
      float* c = t.to + i * t.to_ld;
      Activate(g_.activation, c, c, cols);
    }
  }

  static void CopyRows(const float* from, int64_t from_ld, float* to, int64_t to_ld, int64_t rows,
                       int64_t cols) {
    for (int64_t i = 0; i < rows; ++i) {
      std::memcpy(to + i * to_ld, from + i * from_ld, static_cast<size_t>(cols) * sizeof(float));
    }
  }

  const StripGemmArgs& g_;
  const Isa isa_;
  const TileSet& tiles_;
  const int64_t step_;             // k of an element of A: 2 where these are pairs
  const int64_t strips_, blocks_;  // that are used
  const bool few_, streamed_, pack_;
  Buffer packed_, rounded_, sums_;
  Buffer made_;  // payloads of a chunk that are made
  std::vector<const void*> payloads_, sources_;
  int64_t sums_ld_ = 0;
  // The panel at work; its A, unless that is packed.
  const float* a_ = nullptr;
  int64_t lda_ = 0, width_ = 0;  // elements, not k
  int64_t row_ = 0, begin_ = 0, end_ = 0, k_begin_ = 0, k_ = 0;
};

}  // namespace

void StripGemmFast(const StripGemmArgs& args) {
  if (args.n <= 0 || args.m <= 0) return;
  const Isa isa = ActiveIsa(args.dtype);
  if (isa == Isa::kReference) return StripGemmReference(args);
  if (isa == Isa::kAmx) return StripGemmAmx(args);
  StripGemmRun(args, isa).Run();
}

}  // namespace mosaic
