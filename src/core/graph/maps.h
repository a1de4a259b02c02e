// Maps that a model takes: an array of strings [n, 2] in the graph, a key and its value in each row
// (op/ml/map_rows.h), and in the file again the map that the attributes map_key and map_value of the
// node that reads it say.
#pragma once

#include "core/graph/graph.h"

namespace mosaic {

// Whether input 0 of the node is a map.
inline bool ReadsMap(const Node& n) {
  return n.domain == "ai.onnx.ml" && (n.op_type == "DictVectorizer" || n.op_type == "CastMap");
}

// The node of the body whose map the value is; or null.
inline const Node* ReaderOfMap(const Body& body, int value) {
  for (const Node& n : body.nodes) {
    if (ReadsMap(n) && n.inputs[0] == value) return &n;
  }
  return nullptr;
}

}  // namespace mosaic
