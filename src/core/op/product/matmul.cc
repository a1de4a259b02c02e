// MatMul: numpy's matmul; FusedMatMul of com.microsoft. Gemm: Y = alpha * A' * B' + beta * C of matrices.
#include "core/op/op_support.h"
#include "core/op/product/matrix_product.h"

namespace mosaic {
namespace {

Status MakeMatMul(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  *out = std::make_unique<MatrixProductOp>(ProductConfig());
  return Status();
}

Status MakeGemm(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  ProductConfig config;
  config.matrices = true;
  config.alpha = node.Float("alpha", 1);
  config.beta = node.Float("beta", 1);
  config.trans_a = node.Int("transA", 0) != 0;
  config.trans_b = node.Int("transB", 0) != 0;
  config.addend = HasInput(node, 2);
  *out = std::make_unique<MatrixProductOp>(config);
  return Status();
}

// com.microsoft's: with transposed operands, and scaled.
Status MakeFusedMatMul(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  if (node.Int("transBatchA", 0) != 0 || node.Int("transBatchB", 0) != 0) {
    return Status::Unsupported("transBatchA and transBatchB are not supported");
  }
  ProductConfig config;
  config.alpha = node.Float("alpha", 1);
  config.trans_a = node.Int("transA", 0) != 0;
  config.trans_b = node.Int("transB", 0) != 0;
  *out = std::make_unique<MatrixProductOp>(config);
  return Status();
}

}  // namespace

extern const OpDef kFusedMatMul = {kMicrosoftDomain, "FusedMatMul", 1, 1, &MakeFusedMatMul};
extern const OpDef kGemm = {kOnnxDomain, "Gemm", 13, 25, &MakeGemm};
extern const OpDef kMatMul = {kOnnxDomain, "MatMul", 13, 25, &MakeMatMul};

}  // namespace mosaic
