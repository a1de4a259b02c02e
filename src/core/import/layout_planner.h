// Decides how each tensor is stored, from how the graph uses it.
//
//   INLINE  fewer than kInlineBytes: kept beside the graph, in the type the graph sees
//   STRIP   a matrix of floats or bytes that is only ever the right-hand operand of a product (Gemm,
//           MatMul, MatMulInteger, QLinearMatMul), always the same way round: kernels multiply straight from its blocks
//   ROW     anything else: a Gather along axis 0, or MatMulNBits, finds complete rows of a table N x D;
//           every other tensor is one column of its elements
#pragma once

#include <vector>

#include "core/import/graph_builder.h"
#include "core/block/blocking.h"

namespace mosaic {

constexpr int64_t kInlineBytes = 256;
bool IsInline(int dtype, int64_t elements);

// Most blocks of one tensor: what a map of 4 bytes a block, one SQL value below 1 GB, can hold.
constexpr int64_t kMaxBlocks = int64_t{1} << 27;

struct Layout {
  int layout = MOSAIC_LAYOUT_INLINE;
  bool transposed = false;  // STRIP: the graph's tensor is M x K
  int64_t taps = 1;         // STRIP of a convolution: K = (taps, channels), not (channels, taps)
  Blocking blocking;        // unless INLINE
};

// One layout per tensor. weight_dtype, float32 or bfloat16: in which matrices of floats, strips and
// tables, are stored; other floats are stored as float32. Where float32 is asked for, tables, vectors
// and operands of products that are float16 in the file stay so, as do tables and vectors of bfloat16. REQUIRES: graph.values refer to tensors.
// Errors: LIMIT where a tensor has more than kMaxBlocks blocks.
Status PlanLayouts(const Graph& graph, const std::vector<GraphTensor>& tensors, int block_height,
                   int weight_dtype, std::vector<Layout>* out);

}  // namespace mosaic
