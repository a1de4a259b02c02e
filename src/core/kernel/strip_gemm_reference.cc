// The reference kernel: one loop over k with the 16 columns of a strip as a vector, two rows of A
// at a time (with SSE2 more would not fit into the registers).
#include <Eigen/Core>

#include "core/kernel/strip_gemm.h"
#include "core/util/dtype.h"
#include "mosaic/page_format.h"

namespace mosaic {
namespace {

constexpr int kCols = MOSAIC_STRIP_COLS;
using Row = Eigen::Array<float, kCols, 1>;
using WeightRow = Eigen::Map<const Row, Eigen::Aligned32>;

Row LoadPart(const float* from, int64_t count) {
  Row row = Row::Zero();
  for (int64_t i = 0; i < count; ++i) row[i] = from[i];
  return row;
}

void StorePart(const Row& row, float* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = row[i];
}

Row Finish(const StripGemmArgs& g, Row sum, int64_t col, int64_t count) {
  if (g.bias != nullptr) sum += LoadPart(g.bias + col, count);
  Activate(g.activation, sum.data(), sum.data(), kCols);
  return sum;
}

// An element of A as it is multiplied.
float Rounded(const StripGemmArgs& g, float a) {
  return g.dtype == MOSAIC_BFLOAT16 ? BFloat16ToFloat(FloatToBFloat16(a)) : a;
}

// The i-th row of the k in [begin, end) that is added: of pairs the second comes first.
int64_t Turn(const StripGemmArgs& g, int64_t i, int64_t begin, int64_t end) {
  if (g.dtype != MOSAIC_BFLOAT16) return i;
  const int64_t other = begin + ((i - begin) ^ 1);
  return other < end ? other : i;
}

// Row k of a block.
Row Weights(const StripGemmArgs& g, const void* block, int64_t k) {
  if (g.dtype == MOSAIC_FLOAT) return WeightRow(static_cast<const float*>(block) + k * kCols);
  const uint16_t* pairs = static_cast<const uint16_t*>(block) + k / 2 * 2 * kCols + k % 2;
  Row row;
  for (int i = 0; i < kCols; ++i) row[i] = BFloat16ToFloat(pairs[2 * i]);
  return row;
}

template <int kRows>
void Tile(const StripGemmArgs& g, int64_t row, int64_t strip) {
  const int64_t col = strip * kCols;
  const int64_t count = g.m - col < kCols ? g.m - col : kCols;
  const float* a[kRows];
  float* c[kRows];
  Row sum[kRows];
  for (int r = 0; r < kRows; ++r) {
    a[r] = g.a + (row + r) * g.lda;
    c[r] = g.c + (row + r) * g.ldc + col;
    sum[r] = g.first ? Row(Row::Zero()) : LoadPart(c[r], count);
  }
  const void* const* blocks = g.blocks + strip * g.row_blocks;
  for (int64_t b = 0, k = 0; b < g.row_blocks && k < g.k; ++b) {
    const int64_t begin = k, end = g.k - k < g.block_rows ? g.k : k + g.block_rows;
    for (; k < end; ++k) {
      const int64_t at = Turn(g, k, begin, end);
      const Row weights = Weights(g, blocks[b], at - begin);
      for (int r = 0; r < kRows; ++r) sum[r] += Rounded(g, a[r][at]) * weights;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    StorePart(g.last ? Finish(g, sum[r], col, count) : sum[r], c[r], count);
  }
}

}  // namespace

void StripGemmReference(const StripGemmArgs& g) {
  for (int64_t strip = 0; strip < g.strips && strip * kCols < g.m; ++strip) {
    int64_t row = 0;
    for (; row + 2 <= g.n; row += 2) Tile<2>(g, row, strip);
    for (; row < g.n; ++row) Tile<1>(g, row, strip);
  }
}

}  // namespace mosaic
