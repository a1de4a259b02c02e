// A loaded model: graph, operators and the shape of its weights; no weights. Immutable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph/graph.h"
#include "core/op/op.h"
#include "core/util/status.h"

namespace mosaic {

// A stored tensor, with its own copy of the names and inline bytes.
struct ModelTensor {
  std::string name;
  int layout = MOSAIC_LAYOUT_INLINE;
  StreamedWeight weight;    // type and shape; the rest where layout is STRIP or ROW
  std::vector<char> value;  // where it is INLINE; aligned for any element type
};

struct Model {
  std::string name;
  Graph graph;                           // as imported
  std::vector<Node> nodes;               // as executed: the graph's, some fused (fusion.h)
  std::vector<std::unique_ptr<Op>> ops;  // one per node
  std::vector<ModelTensor> tensors;
  std::vector<int> last_use;  // per value: the last node that reads it, -1: none, kKept: an output
  std::vector<int> streamed;  // per node: the tensor that it reads as a stream, or -1
  int64_t weight_bytes = 0;   // of all blocks

  static constexpr int kKept = 0x7fffffff;

  // Errors: CORRUPT where graph and tensors do not fit each other; UNSUPPORTED as the operators
  // say.
  static Status Load(const std::string& name, std::string_view graph,
                     const MosaicTensorDesc* tensors, int ntensors, std::unique_ptr<Model>* out);

  // Fills what follows from name, graph and tensors. REQUIRES: name, graph and tensors are set and
  // consistent.
  Status MakePlan();
  // The tensor that the op reads block by block, or -1: see Op::streamed_input.
  int StreamedTensor(const Node& node, const Op& op) const;
};

// Makes the operators of a graph. All nodes that cannot be made are named in one error, so that
// one attempt tells everything a model needs.
Status MakeOps(const Graph& graph, std::vector<std::unique_ptr<Op>>* out);

}  // namespace mosaic
