// A matrix product over strip blocks, cut into units: C[n x m] = A[n x k] * W[k x m].
//
// A unit is one block of W (one strip, at most 126 rows of k) times at most kRowChunk rows of A, so
// that any limit on blocks and time can be kept. Units are ordered by row chunk, k chunk, strip,
// block: consecutive units form few large rectangles, each one call of the kernel, and the products
// of an output element are added in ascending k (kernel/strip_gemm.h) however units are grouped.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/block/blocking.h"
#include "core/kernel/activation.h"

namespace mosaic {

struct StripGemmArgs;

// Of a product's operations so many take the time of one elsewhere, with vectors as short as they
// come: ranges of units must not be so small that the kernel packs activations for a few strips
// only.
constexpr double kOperationsAtOnce = 24;

// A part of C that is finished: rows [row, row + rows), columns [col, col + cols).
struct Tile {
  int64_t row, rows, col, cols;
};

class StripProduct {
 public:
  static constexpr int64_t kRowChunk = 512;

  // w: a STRIP blocking; its rows are k, its columns m. n, k, m may be 0.
  // working_set: see Call.
  StripProduct(int64_t n, const Blocking& w, int64_t working_set);
  // Where W is not stored in blocks: the blocking that a dense W is packed into.
  static Blocking DenseBlocking(int64_t k, int64_t m);

  int64_t units() const { return row_chunks_ * units_per_chunk(); }
  double unit_cost() const;
  // The same with a dense W (RunDense), which is packed for it. row_stride: as there.
  double dense_unit_cost(int64_t row_stride) const;
  int64_t grain() const;

  // Appends the map indexes of the blocks of the units, in their order. A block comes again for
  // every row chunk that reads it.
  void Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const;

  // Does the units. blocks: the payloads that Blocks names, in that order, some of them as
  // DeltaBlocks (codec/delta_blocks.h) has them; DamagedDelta is thrown. a, c: n rows of lda, ldc
  // elements. bias: m values, or null; then the activation. done (may be empty) is told of every
  // finished part of C, once.
  struct Operands {
    const float* a;
    int64_t lda;
    float* c;
    int64_t ldc;
    const float* bias;
    Activation activation;
  };
  void Run(const Operands& x, int64_t begin, int64_t end, const void* const* blocks,
           const std::function<void(const Tile&)>& done) const;

  // The same with a dense W, element (i, j) at w[i * row_stride + j * col_stride]. buffer:
  // kPackBlocks payloads. "blocks" of the constructor must come from DenseBlocking.
  static constexpr int64_t kPackBlocks = 32;
  void RunDense(const Operands& x, int64_t begin, int64_t end, const float* w, int64_t row_stride,
                int64_t col_stride, char* buffer,
                const std::function<void(const Tile&)>& done) const;

 private:
  // Units that are a rectangle of whole blocks within one row chunk.
  struct Piece {
    int64_t row, rows, strip, strips, block, blocks;
    int64_t units() const { return strips * blocks; }
  };
  int64_t units_per_chunk() const { return strips_ * row_blocks_; }
  Piece PieceAt(int64_t unit, int64_t end) const;
  // Products by strips of float16: each block becomes float32 in the cache, a few at a time.
  void RunHalves(StripGemmArgs g) const;
  void RunPiece(const Operands& x, const Piece& p, const void* const* blocks,
                const std::function<void(const Tile&)>& done) const;

  Blocking w_;
  int64_t n_, k_, m_, working_set_;
  int64_t strips_, row_blocks_;
  int64_t row_chunk_, row_chunks_;  // rows of a chunk, number of chunks
  int64_t k_chunk_;                 // blocks of a k chunk
};

}  // namespace mosaic
