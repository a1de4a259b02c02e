// Which output has scores of classes, and what they are, is read from the graph.
#include "core/plan/class_scores.h"

#include <gtest/gtest.h>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

ClassScores Of(const GraphBuilder& g, std::unique_ptr<Model>* model) {
  *model = g.Load();
  return FindClassScores(**model);
}

ClassScores::Kind KindOf(const std::function<int(GraphBuilder*, int)>& make) {
  GraphBuilder g;
  g.Output(make(&g, g.Input("x", MOSAIC_FLOAT, {kSymbolic, 3})));
  std::unique_ptr<Model> model;
  const ClassScores scores = Of(g, &model);
  EXPECT_EQ(scores.output, 0);
  return scores.kind;
}

TEST(ClassScores, TheOperatorTellsWhatTheyAre) {
  using G = GraphBuilder;
  const Attribute to{"to", int64_t{MOSAIC_DOUBLE}};
  const Attribute axes{"axes", std::vector<int64_t>{1}};
  EXPECT_EQ(KindOf([](G* g, int x) { return g->Call("Softmax", {x}); }),
            ClassScores::kProbabilities);
  EXPECT_EQ(KindOf([&](G* g, int x) {
              return g->Call("Cast", {g->Call("Identity", {g->Call("Sigmoid", {x})})}, {to});
            }),
            ClassScores::kProbabilities);
  EXPECT_EQ(KindOf([](G* g, int x) { return g->Call("LogSoftmax", {x}); }),
            ClassScores::kLogProbabilities);
  EXPECT_EQ(KindOf([](G* g, int x) { return g->Call("Relu", {g->Call("Softmax", {x})}); }),
            ClassScores::kLogits);
  EXPECT_EQ(KindOf([](G* g, int x) { return g->Call("Identity", {x}); }), ClassScores::kLogits);
  EXPECT_EQ(KindOf([&](G* g, int x) {
              const int e = g->Call("Exp", {x});
              return g->Call("Div", {e, g->Call("ReduceSum", {e, g->Ints({1})})});
            }),
            ClassScores::kProbabilities);
  EXPECT_EQ(KindOf([&](G* g, int x) {
              const int e = g->Call("Exp", {x});
              return g->Call("Div", {x, g->Call("ReduceSum", {e, g->Ints({1})})});
            }),
            ClassScores::kLogits);
}

TEST(ClassScores, OrTheOutputsName) {
  GraphBuilder g;
  const int y = g.Call("Relu", {g.Input("x", MOSAIC_FLOAT, {kSymbolic, 3})});
  g.graph.values[static_cast<size_t>(y)].name = "output_Probability";
  g.Output(y);
  std::unique_ptr<Model> model;
  EXPECT_EQ(Of(g, &model).kind, ClassScores::kProbabilities);
}

TEST(ClassScores, AClassifiersComeFirstAndBringTheirNames) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
  g.graph.domains.emplace_back("ai.onnx.ml", 3);
  const int label = g.Call("LinearClassifier", {x},
                           {{"coefficients", std::vector<float>{1, 0, 0, 1}},
                            {"intercepts", std::vector<float>{0, 0}},
                            {"classlabels_strings", std::vector<std::string>{"a", "b"}}});
  Node& node = g.graph.nodes.back();
  node.domain = "ai.onnx.ml";
  const int margins = g.Input("margins", MOSAIC_FLOAT, {});  // a value to be the second output
  g.graph.inputs.pop_back();
  g.graph.values[static_cast<size_t>(margins)] = Value();
  node.outputs = {label, margins};
  const int scores = g.Call("Normalizer", {margins}, {{"norm", std::string("L1")}});
  g.graph.nodes.back().domain = "ai.onnx.ml";
  g.Output(g.Call("Relu", {x}));
  g.Output(label);
  g.Output(
      g.Call("ZipMap", {scores}, {{"classlabels_strings", std::vector<std::string>{"no", "yes"}}}));
  g.graph.nodes.back().domain = "ai.onnx.ml";
  std::unique_ptr<Model> model;
  ClassScores found = Of(g, &model);
  EXPECT_EQ(found.output, 2);
  EXPECT_EQ(found.kind, ClassScores::kProbabilities);
  ASSERT_NE(found.texts, nullptr);
  EXPECT_EQ(*found.texts, (std::vector<std::string>{"no", "yes"}));

  // Without ZipMap, the names are the classifier's.
  g.graph.outputs = {label, scores};
  found = Of(g, &model);
  EXPECT_EQ(found.output, 1);
  EXPECT_EQ(found.kind, ClassScores::kProbabilities);
  ASSERT_NE(found.texts, nullptr);
  EXPECT_EQ(*found.texts, (std::vector<std::string>{"a", "b"}));

  // No output of floats.
  g.graph.outputs = {label};
  EXPECT_EQ(Of(g, &model).output, -1);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
