// Lets matrix products do what follows them, while their result is still in registers or caches:
//
//   MatMul, Gemm  [Add of one constant per column]  [Relu | Sigmoid | Tanh | Erf | the Gelu below]
//
//   Gelu: x * (Erf(x / sqrt 2) + 1) * 0.5, as PyTorch exports it
//
// Only where the weights are streamed float32 and nobody else reads what lies in between. The
// result has the same bits: kernels and operators share one implementation of each function
// (kernel/activation.h), and the steps are rounded one by one in both.
#pragma once

#include "core/infer/model.h"

namespace mosaic {

// Replaces nodes of model->nodes and their ops; the graph stays as it is.
// REQUIRES: graph, tensors, nodes and ops are set.
void FuseProducts(Model* model);

}  // namespace mosaic
