// A graph of one node that is lowered, and run node by node.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "core/lower/lower.h"
#include "core/op/run_op.h"

namespace mosaic {

class LoweredModel {
 public:
  LoweredModel() {
    graph_.opset = 17;
    graph_.domains = {{"com.microsoft", 1}};
  }

  void SetOpset(int64_t opset) { graph_.opset = static_cast<int>(opset); }

  template <typename T>
  int Input(int dtype, const Shape& shape, const std::vector<T>& values) {
    Tensor t = arena_.New(dtype, shape);
    std::copy(values.begin(), values.end(), t.mutable_data<T>());
    const int v = Value();
    values_[v] = t;
    return v;
  }
  int Value() {
    graph_.values.emplace_back();
    graph_.values.back().name = "v" + std::to_string(graph_.values.size());
    return static_cast<int>(graph_.values.size()) - 1;
  }
  Node& node() {
    if (graph_.nodes.empty()) graph_.nodes.emplace_back();
    return graph_.nodes[0];
  }

  Status Run() {
    MOSAIC_RETURN_IF_ERROR(Lower(&graph_, this, &LoweredModel::Add));
    for (size_t v = 0; v < graph_.values.size(); ++v) {
      const int tensor = graph_.values[v].tensor;
      if (tensor >= 0) values_[static_cast<int>(v)] = constants_[static_cast<size_t>(tensor)];
    }
    for (const Node& n : graph_.nodes) {
      const OpDef* def = FindOp(n.domain, n.op_type);
      if (def == nullptr) return Status::Unsupported(n.op_type);
      std::unique_ptr<Op> op;
      MOSAIC_RETURN_IF_ERROR(def->make(n, &op));
      std::vector<Tensor> in, out;
      for (int i : n.inputs) in.push_back(i < 0 ? Tensor() : values_[i]);
      MOSAIC_RETURN_IF_ERROR(RunOp(*op, in, n.outputs.size(), &arena_, &out));
      for (size_t i = 0; i < out.size(); ++i) values_[n.outputs[i]] = out[i];
    }
    return Status();
  }
  template <typename T>
  std::vector<T> Values(int v) {
    const Tensor& t = values_[v];
    return std::vector<T>(t.data<T>(), t.data<T>() + t.size());
  }
  const Graph& graph() const { return graph_; }

 private:
  static int Add(void* model, const std::string&, const Tensor& value) {
    LoweredModel& m = *static_cast<LoweredModel*>(model);
    m.constants_.push_back(value.CopyIn(&m.arena_));
    return static_cast<int>(m.constants_.size()) - 1;
  }

  Arena arena_;
  Graph graph_;
  std::vector<Tensor> constants_;
  std::map<int, Tensor> values_;
};

}  // namespace mosaic
