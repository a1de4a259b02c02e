// Matrix products: what MatMul, Gemm and their fused forms have in common.
//
//   Y = f(alpha * A' * B' + beta * C)
//
// where ' transposes the last two dimensions if the configuration says so, leading dimensions are
// broadcast as numpy's matmul does (a vector is a row on the left and a column on the right), C is
// broadcast to Y, and f is an activation. Products of float16, bfloat16 and float32 are computed in
// float32, in the order of kernel/strip_gemm.h also where B is an activation; those of float64 and
// of integers in plain loops.
#pragma once

#include "core/codec/delta_blocks.h"
#include "core/kernel/activation.h"
#include "core/op/op.h"

namespace mosaic {

struct ProductConfig {
  bool matrices = false;  // Gemm: operands are matrices, nothing is broadcast but C
  bool trans_a = false, trans_b = false;
  float alpha = 1, beta = 1;
  bool addend = false;  // input 2 is C
  Activation activation = Activation::kNone;
};

class MatrixProductOp : public Op, public TakesDeltaBlocks {
 public:
  explicit MatrixProductOp(const ProductConfig& config) : config_(config) {}

  Status Infer(InferContext& c) const override;
  Status Start(Call& c) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;
  std::vector<WeightStream> streams() const override {
    return {{1, MOSAIC_LAYOUT_STRIP, config_.trans_b}};
  }
  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override;

  // The same operator that also does what follows it in a graph, to the same bits: with "bias" it
  // adds input 2, one float32 for each column, and then it applies f. Null: it cannot.
  // REQUIRES: B is streamed and float32.
  std::unique_ptr<Op> WithEpilogue(bool bias, Activation f) const;

 private:
  ProductConfig config_;
};

}  // namespace mosaic
