// If: a branch that does not fit the shapes of an input counts only where it is taken; steps of a
// branch become one as those of the main body do.
#include <cmath>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

// y = c ? Squeeze(x, axis 1) : sum of x over axis 1, with x of this shape.
std::unique_ptr<GraphBuilder> Choice(Shape x_shape) {
  auto g = std::make_unique<GraphBuilder>();
  const int c = g->Input("c", MOSAIC_BOOL, {}), x = g->Input("x", MOSAIC_FLOAT, std::move(x_shape));
  const int64_t axis = 1;
  const int axes = g->store.AddInline("axes", {1}, MOSAIC_INT64, &axis);
  for (const char* op : {"Squeeze", "ReduceSum"}) {
    Body body;
    body.values.resize(3);
    body.values[0].name = "x";
    body.values[0].capture = x;
    body.values[1].name = "axes";
    body.values[1].tensor = axes;
    body.values[2].name = "y";
    Node node;
    node.name = op;
    node.op_type = op;
    node.inputs = {0, 1};
    node.outputs = {2};
    if (node.op_type == "ReduceSum") node.attributes = {{"keepdims", int64_t{0}}};
    body.nodes = {node};
    body.outputs = {2};
    g->graph.bodies.push_back(body);
  }
  const int y = g->Call("If", {c});
  g->graph.nodes.back().bodies = {{"then_branch", 0}, {"else_branch", 1}};
  g->Output(y);
  return g;
}

Status RunWith(const GraphBuilder& g, bool c, const Array& x, std::vector<Array>* out) {
  std::unique_ptr<Model> model;
  MOSAIC_RETURN_IF_ERROR(g.TryLoad(&model));
  BatchRun run(*model, 10);
  return Predict(&run, g.store, {Array(MOSAIC_BOOL, {}, std::vector<char>{c}), x}, 1, 1, out);
}

TEST(If, ABranchThatDoesNotFitCountsWhereItIsTaken) {
  for (const Shape& shape : {Shape{kSymbolic, kSymbolic}, Shape{2, 3}}) {
    const auto g = Choice(shape);
    std::vector<Array> out;
    const Array x = Floats({2, 3}, {1, 2, 3, 4, 5, 6});
    const Status sums = RunWith(*g, false, x, &out);
    ASSERT_TRUE(sums.ok()) << sums.message();
    EXPECT_TRUE(out[0] == Floats({2}, {6, 15}));
    const Status refused = RunWith(*g, true, x, &out);
    EXPECT_EQ(refused.code(), MOSAIC_E_INVALID) << refused.message();
    EXPECT_NE(refused.message().find("\"Squeeze\""), std::string::npos) << refused.message();
  }
  const auto g = Choice({kSymbolic, kSymbolic});
  std::vector<Array> out;
  ASSERT_TRUE(RunWith(*g, true, Floats({2, 1}, {7, 8}), &out).ok());
  EXPECT_TRUE(out[0] == Floats({2}, {7, 8}));
}

// y = c ? x * Sigmoid(x) : x * Sigmoid(x) + Sigmoid(x), whose factor is read twice.
TEST(If, StepsOfBranchesBecomeOne) {
  GraphBuilder g;
  const int c = g.Input("c", MOSAIC_BOOL, {}), x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 3});
  for (const bool twice : {false, true}) {
    Body body;
    const char* const names[] = {"x", "s", "p", "y"};
    for (const char* name : names) {
      body.values.emplace_back();
      body.values.back().name = name;
    }
    body.values[0].capture = x;
    const auto add = [&](const char* op, std::vector<int> inputs, int output) {
      Node node;
      node.name = node.op_type = op;
      node.inputs = std::move(inputs);
      node.outputs = {output};
      body.nodes.push_back(node);
    };
    add("Sigmoid", {0}, 1);
    add("Mul", {0, 1}, 2);
    if (twice) add("Add", {2, 1}, 3);
    body.outputs = {twice ? 3 : 2};
    g.graph.bodies.push_back(body);
  }
  const int y = g.Call("If", {c});
  g.graph.nodes.back().bodies = {{"then_branch", 0}, {"else_branch", 1}};
  g.Output(y);
  const auto model = g.Load();
  EXPECT_EQ(model->bodies[1].steps.size(), 1U);
  EXPECT_EQ(model->bodies[2].steps.size(), 3U);
  const std::vector<float> values = {-3, -0.5F, 0, 0.25F, 2, 7};
  for (const bool yes : {true, false}) {
    std::vector<Array> out;
    ASSERT_TRUE(RunWith(g, yes, Floats({2, 3}, values), &out).ok());
    for (size_t i = 0; i < values.size(); ++i) {
      const double v = static_cast<double>(values[i]), s = 1 / (1 + std::exp(-v));
      EXPECT_NEAR(out[0].data<float>()[i], v * s + (yes ? 0 : s), 2e-6) << values[i];
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
