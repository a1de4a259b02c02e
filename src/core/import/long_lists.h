// Long lists of numbers of classical models (trees, linear models, support vectors) as tensors, so
// that they can be blocks, and shared: attributes of an ai.onnx.ml node become tensor-valued ones.
//
//   lists of more than 64 floats, integers         float32; int32 where all fit, else int64
//   nodes_modes of tree ensembles                  uint8, the numbers of version 5 (0: BRANCH_LEQ, ...,
//                                                  5: BRANCH_NEQ), 7: LEAF, 255: any other
//   nodes_hitrates                                 dropped: nothing depends on them
//   classlabels_…                                  stay: what the classes are called is known without weights
//
// They are cut into blocks of one height, whatever their length (GraphTensor::list), so that two models whose
// first trees are equal share those.
#pragma once

#include "core/import/onnx_model.h"

namespace mosaic {

void MoveLongLists(OnnxNode* node);

}  // namespace mosaic
