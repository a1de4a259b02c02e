#include "core/op/product/strip_product.h"

#include <algorithm>

#include "core/codec/delta_blocks.h"
#include "core/kernel/half_strip.h"
#include "core/kernel/strip_gemm.h"

namespace mosaic {
namespace {

// Beyond this many bytes, the activations of a row chunk are read in k chunks of about
// kKChunk rows, so that they stay in the L2 cache while all strips pass by.
constexpr int64_t kActivationBytes = 1400 * 1024;
constexpr int64_t kKChunk = 1000;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

StripProduct::StripProduct(int64_t n, const Blocking& w, int64_t working_set)
    : w_(w), n_(n), k_(w.rows), m_(w.cols), working_set_(working_set), strips_(w.col_blocks()) {
  // Without a product (k = 0) one empty block per strip still writes the zeros.
  row_blocks_ = std::max<int64_t>(1, w.row_blocks());
  row_chunks_ = CeilDiv(n, kRowChunk);
  row_chunk_ = row_chunks_ == 0 ? 0 : CeilDiv(n, row_chunks_);
  k_chunk_ = row_blocks_;
  if (row_chunk_ * k_ * static_cast<int64_t>(sizeof(float)) > kActivationBytes) {
    k_chunk_ = std::min(row_blocks_, CeilDiv(kKChunk, w.depth()));
  }
}

Blocking StripProduct::DenseBlocking(int64_t k, int64_t m) {
  if (k > 0 && m > 0) return PlanStrip(k, m, MOSAIC_MAX_BLOCK_ROWS);
  Blocking b;
  b.layout = MOSAIC_LAYOUT_STRIP;
  b.rows = k;
  b.cols = m;
  b.block_rows = 1;
  b.block_cols = MOSAIC_STRIP_COLS;
  return b;
}

double StripProduct::unit_cost() const {
  return 2.0 * MOSAIC_STRIP_COLS * static_cast<double>(row_chunk_) * w_.depth() / kOperationsAtOnce;
}

double StripProduct::dense_unit_cost(int64_t row_stride) const {
  const double element = row_stride == 1 ? 10 : 4;  // transposed, or in pieces of 16
  return unit_cost() + element * MOSAIC_STRIP_COLS * w_.depth();
}

// Several whole strips: kernels stream up to four at once, and from eight on it pays for them to
// transpose the activations.
int64_t StripProduct::grain() const { return k_chunk_ * std::min<int64_t>(8, strips_); }

StripProduct::Piece StripProduct::PieceAt(int64_t unit, int64_t end) const {
  Piece p;
  const int64_t chunk = unit / units_per_chunk();
  p.row = chunk * row_chunk_;
  p.rows = std::min(row_chunk_, n_ - p.row);
  int64_t rest = unit % units_per_chunk();
  int64_t left = std::min(end - unit, units_per_chunk() - rest);
  // All k chunks before this one are full.
  const int64_t k_chunk = rest / (strips_ * k_chunk_);
  const int64_t first_block = k_chunk * k_chunk_;
  const int64_t width = std::min(k_chunk_, row_blocks_ - first_block);
  rest -= first_block * strips_;
  p.strip = rest / width;
  const int64_t skipped = rest % width;
  p.block = first_block + skipped;
  left = std::min(left, strips_ * width - rest);
  const bool whole = skipped == 0 && left >= width;
  p.strips = whole ? left / width : 1;
  p.blocks = whole ? width : std::min(left, width - skipped);
  return p;
}

void StripProduct::Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const {
  for (int64_t u = begin; u < end;) {
    const Piece p = PieceAt(u, end);
    for (int64_t s = 0; s < p.strips; ++s) {
      for (int64_t b = 0; b < p.blocks; ++b) {
        out->push_back(static_cast<int32_t>(w_.Index(p.block + b, p.strip + s)));
      }
    }
    u += p.units();
  }
}

void StripProduct::RunHalves(StripGemmArgs g) const {
  alignas(64) char halves[MOSAIC_MAX_PAYLOAD];
  BlockMaker* maker = g.maker;
  const int64_t lines = g.block_rows / 2;
  g.dtype = MOSAIC_FLOAT;
  StripGemmInParts(g, [&](const void* block, const void* next, void* room) {
    if (maker != nullptr) block = maker->Payload(block, next, halves);
    WidenHalfStrip(block, lines, static_cast<float*>(room));
    return room;
  });
}

void StripProduct::RunPiece(const Operands& x, const Piece& p, const void* const* blocks,
                            const std::function<void(const Tile&)>& done) const {
  const int64_t k0 = p.block * w_.depth();
  const int64_t col = p.strip * MOSAIC_STRIP_COLS;
  StripGemmArgs g;
  g.a = x.a + p.row * x.lda + k0;
  g.lda = x.lda;
  g.n = p.rows;
  g.blocks = blocks;
  DeltaBlocks deltas;
  if (DeltaBlocks::HasAny(blocks, p.units())) g.maker = &deltas;
  g.strips = p.strips;
  g.row_blocks = p.blocks;
  g.dtype = w_.dtype;
  g.block_rows = w_.depth();
  g.k = std::min(k_ - k0, p.blocks * w_.depth());
  g.c = x.c + p.row * x.ldc + col;
  g.ldc = x.ldc;
  g.m = std::min(m_ - col, p.strips * MOSAIC_STRIP_COLS);
  g.first = p.block == 0;
  g.last = p.block + p.blocks == row_blocks_;
  g.working_set = working_set_;
  g.bias = x.bias == nullptr ? nullptr : x.bias + col;
  g.activation = x.activation;
  if (w_.dtype == MOSAIC_FLOAT16) {
    RunHalves(g);
  } else {
    StripGemm(g);
  }
  deltas.Check();
  if (g.last && done) done(Tile{p.row, p.rows, col, g.m});
}

void StripProduct::Run(const Operands& x, int64_t begin, int64_t end, const void* const* blocks,
                       const std::function<void(const Tile&)>& done) const {
  for (int64_t u = begin; u < end;) {
    const Piece p = PieceAt(u, end);
    RunPiece(x, p, blocks + (u - begin), done);
    u += p.units();
  }
}

void StripProduct::RunDense(const Operands& x, int64_t begin, int64_t end, const float* w,
                            int64_t row_stride, int64_t col_stride, char* buffer,
                            const std::function<void(const Tile&)>& done) const {
  const int64_t payload = w_.payload_bytes();
  const void* blocks[kPackBlocks];
  for (int64_t u = begin; u < end;) {
    const Piece p = PieceAt(u, std::min(end, u + kPackBlocks));
    for (int64_t i = 0; i < p.units(); ++i) {
      char* to = buffer + i * payload;
      PackBlock(w_, p.block + i % p.blocks, p.strip + i / p.blocks, w, 0, row_stride, col_stride,
                to);
      blocks[i] = to;
    }
    RunPiece(x, p, blocks, done);
    u += p.units();
  }
}

}  // namespace mosaic
