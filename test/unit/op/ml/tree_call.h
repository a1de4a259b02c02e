// A tree ensemble, node by node, for tests.
#pragma once

#include "op/array/infer_items.h"

namespace mosaic {

struct TestNode {
  int64_t tree, id;
  const char* mode;
  int64_t feature = 0;
  float value = 0;
  int64_t yes = 0, no = 0, missing = 0;
};

struct TreeCall : OpCall {
  TreeCall(const char* op_type, const std::vector<TestNode>& nodes) : OpCall(op_type, kMlDomain) {
    std::vector<int64_t> trees, ids, features, yes, no, missing;
    std::vector<std::string> modes;
    std::vector<float> values;
    for (const TestNode& n : nodes) {
      trees.push_back(n.tree);
      ids.push_back(n.id);
      modes.push_back(n.mode);
      features.push_back(n.feature);
      values.push_back(n.value);
      yes.push_back(n.yes);
      no.push_back(n.no);
      missing.push_back(n.missing);
    }
    Ints("nodes_treeids", trees).Ints("nodes_nodeids", ids).Ints("nodes_featureids", features);
    Attr("nodes_modes", modes).Floats("nodes_values", values).Ints("nodes_truenodeids", yes);
    Ints("nodes_falsenodeids", no).Ints("nodes_missing_value_tracks_true", missing);
  }
};

struct TestWeight {
  int64_t tree, node, target;
  float weight;
};

inline OpCall& Weights(OpCall& call, const std::string& prefix,
                       const std::vector<TestWeight>& weights) {
  std::vector<int64_t> trees, nodes, targets;
  std::vector<float> values;
  for (const TestWeight& w : weights) {
    trees.push_back(w.tree);
    nodes.push_back(w.node);
    targets.push_back(w.target);
    values.push_back(w.weight);
  }
  return call.Ints((prefix + "_treeids").c_str(), trees)
      .Ints((prefix + "_nodeids").c_str(), nodes)
      .Ints((prefix + "_ids").c_str(), targets)
      .Floats((prefix + "_weights").c_str(), values);
}

}  // namespace mosaic
