// Operators that become others: their values, by running what they became node by node.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/lower/lower.h"
#include "core/op/run_op.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

class LoweredModel {
 public:
  LoweredModel() {
    graph_.opset = 17;
    graph_.domains = {{"com.microsoft", 1}};
  }

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

TEST(EmbedLayerNormalization, GathersAddsAndNormalises) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {2, 0});
  const int segments = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int words = m.Input<float>(MOSAIC_FLOAT, {3, 2}, {1, 2, 0, 0, 5, 1});
  const int positions = m.Input<float>(MOSAIC_FLOAT, {4, 2}, {10, 0, 0, 20, 0, 0, 0, 0});
  const int kinds = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {0, 100, 0, -7});
  const int gamma = m.Input<float>(MOSAIC_FLOAT, {2}, {1, 2});
  const int beta = m.Input<float>(MOSAIC_FLOAT, {2}, {0, 3});
  const int mask = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int out = m.Value(), index = m.Value(), sum = m.Value();
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, segments, words, positions, kinds, gamma, beta, mask};
  m.node().outputs = {out, index, sum};
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(sum), ElementsAre(15, -6, 1, 122));
  EXPECT_THAT(m.Values<int32_t>(index), ElementsAre(1));
  EXPECT_THAT(m.Values<float>(out), ElementsAre(FloatEq(1), FloatEq(1), FloatEq(-1), FloatEq(5)));
  // The tables are only gathered from, so that their rows are read one by one.
  for (const Node& n : m.graph().nodes) {
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (n.inputs[i] == words || n.inputs[i] == positions || n.inputs[i] == kinds) {
        EXPECT_EQ(n.op_type, "Gather");
        EXPECT_EQ(i, 0U);
      }
    }
  }
}

TEST(EmbedLayerNormalization, GivenPositionsNoSegmentsNoMask) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {0, 1});
  const int words = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {1, 2, 3, 5});
  const int positions = m.Input<float>(MOSAIC_FLOAT, {2, 2}, {10, 0, 0, 20});
  const int gamma = m.Input<float>(MOSAIC_FLOAT, {2}, {1, 1});
  const int beta = m.Input<float>(MOSAIC_FLOAT, {2}, {0, 0});
  const int given = m.Input<int32_t>(MOSAIC_INT32, {1, 2}, {1, 0});
  const int out = m.Value(), index = m.Value(), sum = m.Value();
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, -1, words, positions, -1, gamma, beta, -1, given};
  m.node().outputs = {out, index, sum};
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(sum), ElementsAre(1, 22, 13, 5));
  EXPECT_THAT(m.Values<int32_t>(index), ElementsAre(0));
}

TEST(EmbedLayerNormalization, MissingTable) {
  LoweredModel m;
  const int ids = m.Input<int32_t>(MOSAIC_INT32, {1, 1}, {0});
  m.node().domain = "com.microsoft";
  m.node().op_type = "EmbedLayerNormalization";
  m.node().inputs = {ids, -1, ids};
  m.node().outputs = {m.Value()};
  const Status s = m.Run();
  EXPECT_EQ(s.code(), MOSAIC_E_BAD_MODEL);
  EXPECT_THAT(s.message(), testing::HasSubstr("input 3 is missing"));
}

TEST(DftAxis, AttributeBecomesInput) {
  LoweredModel m;
  const int x = m.Input<float>(MOSAIC_FLOAT, {2, 2, 1}, {1, 2, 3, 5});
  m.node().op_type = "DFT";
  m.node().inputs = {x};
  m.node().outputs = {m.Value()};
  m.node().attributes = {{"axis", int64_t{0}}};
  const int out = m.node().outputs[0];
  const Status s = m.Run();
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_THAT(m.Values<float>(out), ElementsAre(4, 0, 7, 0, -2, 0, -3, 0));
}

}  // namespace
}  // namespace mosaic
