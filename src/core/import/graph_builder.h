// From an ONNX model to our graph: names resolved, constants collected, nodes ordered and checked.
#pragma once

#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/import/onnx_model.h"
#include "core/util/status.h"

namespace mosaic {

// A constant of the graph: an initializer, a Constant node, or a tensor-valued attribute.
struct GraphTensor {
  std::string name;
  int dtype = MOSAIC_UNDEFINED;
  std::vector<int64_t> dims;  // as the graph sees it
  int64_t elements = 0;
  TensorData data;
  std::vector<std::string> strings;  // of dtype STRING, instead of data
  bool list = false;     // of a classical model: its blocks are whole, whatever its length (long_lists.h)
  bool as_stored = false;  // kept as it lies in the file, in its type: rows, whatever reads it
  bool flipped = false;  // data holds a dims[1] x dims[0] matrix: a Transpose was folded
};

// Fills graph; Value::tensor indexes *tensors. What no output depends on is dropped; Constant nodes
// and Identity of a constant become constants, as does a Transpose of a weight matrix that only
// feeds the right-hand side of products. Calls of model-local functions become their nodes;
// tensor-valued attributes become inputs, graph-valued ones bodies.
//
// Errors: BAD_MODEL where names are undefined, defined twice or depend on themselves; UNSUPPORTED
// where nodes cannot be run: the message names the first, the detail lists all; *graph is then filled
// all the same.
Status BuildGraph(OnnxModel model, Graph* graph, std::vector<GraphTensor>* tensors);

// True where input of node is the right-hand operand of a product.
bool IsProductWeight(const Node& node, size_t input);

}  // namespace mosaic
