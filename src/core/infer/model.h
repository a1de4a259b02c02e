// A loaded model: graph, operators and the shape of its weights; no weights. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/graph/graph.h"
#include "core/op/op.h"
#include "core/util/status.h"

namespace mosaic {

// A stored tensor, with its own copy of the names and inline bytes.
struct ModelTensor {
  std::string name;
  int dtype = MOSAIC_UNDEFINED;
  Shape shape;
  int layout = MOSAIC_LAYOUT_INLINE;
  bool transposed = false;
  Blocking blocking;          // where layout is STRIP or ROW
  std::vector<char> value;    // where it is INLINE; aligned for any element type
};

struct Model {
  std::string name;
  Graph graph;
  std::vector<std::unique_ptr<Op>> ops;  // one per node
  std::vector<ModelTensor> tensors;
  std::vector<int> last_use;             // per value: the last node that reads it; -1 never

  // Errors: CORRUPT where graph and tensors do not fit each other; UNSUPPORTED as the operators say.
  static Status Load(const std::string& name, std::string_view graph,
                     const MosaicTensorDesc* tensors, int ntensors, std::unique_ptr<Model>* out);
};

}  // namespace mosaic
