// How a loaded graph becomes a plan: lowering, operators, inference in symbols, passes, steps.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/plan/model.h"

namespace mosaic {

// Fills bodies, items and weight_bytes. REQUIRES: name, graph and tensors are set and consistent.
// All nodes that cannot be made are named in one error, so that one attempt tells everything that
// a model needs.
Status BuildPlan(Model* model);

// One operator that a graph needs and this version has not, or not so.
struct MissingOperator {
  std::string domain, op_type;
  std::string reason;      // "" where there is no such operator
  std::string first_node;  // Describe()
  int count = 0;
  bool damaged = false;   // the node is wrong in itself
};
// Those of a graph, in the order of their first nodes; domains and reasons apart.
std::vector<MissingOperator> MissingOperators(const Graph& graph);
// "Conv x119 (first: ...), MaxPool x3 (...)": one line for all.
std::string MissingMessage(const std::vector<MissingOperator>& missing);

}  // namespace mosaic
