// Fused products: the same bits as the nodes one by one, and only where nobody can tell.
#include "core/pass/fuse_products.h"

#include <cmath>
#include <functional>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kK = 70, kM = 37;

// How a tail continues the product; returns its last value.
using Step = std::function<int(GraphBuilder*, int)>;

int Scalar(GraphBuilder* g, float v, const Shape& shape = {}) {
  return g->Constant(g->store.AddInline("scalar", shape, MOSAIC_FLOAT, &v));
}
int Bias(GraphBuilder* g) {
  std::vector<float> bias(kM);
  for (size_t i = 0; i < bias.size(); ++i)
    bias[i] = i < 16 ? -0.0f : 0.3f * static_cast<float>(i) - 5;
  return g->Constant(g->store.AddInline("bias", {kM}, MOSAIC_FLOAT, bias.data()));
}
int Gelu(GraphBuilder* g, int x, float root = 1.41421356237309505f, bool swapped = false) {
  const int erf = g->Call("Erf", {g->Call("Div", {x, Scalar(g, root)})});
  const int add =
      swapped ? g->Call("Add", {Scalar(g, 1), erf}) : g->Call("Add", {erf, Scalar(g, 1)});
  const int mul = swapped ? g->Call("Mul", {add, x}) : g->Call("Mul", {x, add});
  return g->Call("Mul", {mul, Scalar(g, 0.5f, {1})});
}
Step Call(const std::string& op) {
  return [op](GraphBuilder* g, int x) { return g->Call(op, {x}); };
}
int AddBias(GraphBuilder* g, int x) { return g->Call("Add", {x, Bias(g)}); }
int AddBiasSwapped(GraphBuilder* g, int x) { return g->Call("Add", {Bias(g), x}); }

struct Case {
  const char* name;
  const char* product;  // MatMul; Gemm; GemmC: with C; GemmAlpha: with C and alpha
  std::vector<Step> steps;
  size_t nodes;  // that are left
};

// Builds product and tail. With "watched" every value is an output: nothing may be fused.
void Build(const Case& c, bool watched, GraphBuilder* g) {
  std::mt19937 rng(5);
  const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, kK});
  const bool gemm = c.product != std::string("MatMul");
  const int w = g->Constant(g->store.AddStrip("w", kK, kM, RandomFloats(&rng, kK * kM), gemm, 31));
  std::vector<int> inputs = {x, w};
  std::vector<Attribute> attributes;
  if (gemm) attributes.push_back({"transB", int64_t{1}});
  if (c.product == std::string("GemmC") || c.product == std::string("GemmAlpha")) {
    inputs.push_back(Bias(g));
  }
  if (c.product == std::string("GemmAlpha")) attributes.push_back({"alpha", 0.7f});
  int v = g->Call(gemm ? "Gemm" : "MatMul", inputs, attributes);
  for (const Step& step : c.steps) v = step(g, v);
  g->Output(v);
  if (!watched) return;
  for (const Node& n : g->graph.nodes) {
    if (n.outputs[0] != v) g->Output(n.outputs[0]);
  }
}

const Step kGelu = [](GraphBuilder* g, int x) { return Gelu(g, x); };
const Step kGeluSwapped = [](GraphBuilder* g, int x) {
  return Gelu(g, x, 1.41421356237309505f, true);
};
const Step kNotGelu = [](GraphBuilder* g, int x) { return Gelu(g, x, 1.4142f); };
const Step kTwice = [](GraphBuilder* g, int x) {
  return g->Call("Mul", {g->Call("Relu", {x}), x});
};
const Step kDoubled = [](GraphBuilder* g, int x) { return g->Call("Add", {x, x}); };
const Step kAddScalar = [](GraphBuilder* g, int x) { return g->Call("Add", {x, Scalar(g, 1)}); };

const Case kCases[] = {
    {"bias", "MatMul", {AddBias}, 1},
    {"bias and Relu", "MatMul", {AddBias, Call("Relu")}, 1},
    {"bias on the left and Sigmoid", "MatMul", {AddBiasSwapped, Call("Sigmoid")}, 1},
    {"Tanh", "MatMul", {Call("Tanh")}, 1},
    {"bias and Gelu", "MatMul", {AddBias, kGelu}, 1},
    {"Gelu, operands swapped", "MatMul", {kGeluSwapped}, 1},
    {"Erf", "Gemm", {Call("Erf")}, 1},
    {"Gemm, bias, Gelu", "Gemm", {AddBias, kGelu}, 1},
    {"Gemm with C, Relu", "GemmC", {Call("Relu")}, 1},
    {"Gemm with C and alpha, Tanh", "GemmAlpha", {Call("Tanh")}, 1},
    {"no bias after C", "GemmC", {AddBias, Call("Relu")}, 3},
    {"one activation", "GemmC", {Call("Relu"), Call("Tanh")}, 2},
    {"another function", "MatMul", {AddBias, Call("Exp")}, 2},
    {"almost Gelu", "MatMul", {kNotGelu}, 6},
    {"read twice", "MatMul", {kTwice}, 3},
    {"added to itself", "MatMul", {kDoubled}, 2},
    {"a scalar is no bias", "MatMul", {kAddScalar, Call("Relu")}, 3},
};

TEST(Fusion, SameBitsAsNodeByNode) {
  std::mt19937 rng(7);
  std::vector<float> x = RandomFloats(&rng, 20 * kK);
  // Row 0: the last product underflows to -0 where its weight is small, to which -0 is added.
  for (size_t i = 0; i < kK; ++i) x[i] = i + 1 < kK ? 0.0f : -1e-45f;
  for (size_t i = kK; i < 2 * kK; ++i) x[i] *= 40;
  x[2 * kK] = std::nanf("");
  x[3 * kK] = INFINITY;
  x[4 * kK] = -INFINITY;
  const Array all = Floats({20, kK}, x);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder fused, watched;
    Build(c, false, &fused);
    Build(c, true, &watched);
    const auto model = fused.Load(), plain = watched.Load();
    EXPECT_EQ(model->main().steps.size(), c.nodes);
    EXPECT_EQ(plain->main().steps.size(), watched.graph.nodes.size());
    const Array want = MustRun(watched, *plain, {all}, 20)[0];
    for (int max_blocks : {1, 1000}) {
      const Array got = MustRun(fused, *model, {all}, 20, max_blocks)[0];
      ASSERT_EQ(got.shape, want.shape);
      for (int64_t i = 0; i < 20 * kM; ++i) {
        const float a = got.data<float>()[i], b = want.data<float>()[i];
        ASSERT_TRUE(std::memcmp(&a, &b, 4) == 0 || (std::isnan(a) && std::isnan(b)))
            << "at " << i << ": " << a << ", not " << b;
      }
    }
    RunLog log;
    MustRun(fused, *model, {all}, 20, 1000, &log);  // still as one batch
    EXPECT_EQ(log.requests, 1);
  }
}

TEST(Fusion, VectorTimesMatrixAndBiasOfHigherRank) {
  for (const Shape& shape : {Shape{kM}, Shape{1, kM}}) {
    GraphBuilder g;
    std::mt19937 rng(5);
    const int x = g.Input("x", MOSAIC_FLOAT, {kK});
    const int w = g.Constant(g.store.AddStrip("w", kK, kM, RandomFloats(&rng, kK * kM)));
    const std::vector<float> bias = RandomFloats(&rng, kM);
    const int b = g.Constant(g.store.AddInline("b", shape, MOSAIC_FLOAT, bias.data()));
    g.Output(g.Call("Add", {g.Call("MatMul", {x, w}), b}));
    const auto model = g.Load();
    EXPECT_EQ(model->main().steps.size(), shape.size());  // [1, m] gives the result another rank
    EXPECT_EQ(MustRun(g, *model, {Floats({kK}, RandomFloats(&rng, kK))})[0].shape, shape);
  }
}

// The graph is described and stored as it was imported; only the plan is fused.
TEST(Fusion, GraphStaysAndNodesSayWhatTheyAre) {
  GraphBuilder g;
  Build(kCases[4], false, &g);
  const auto model = g.Load();
  EXPECT_EQ(model->graph.nodes.size(), 7u);
  EXPECT_EQ(model->main().steps[0].node.op_type, "MatMul + Add + Gelu");
}

// A constant that is used by a fused node and by a later one stays available.
TEST(Fusion, SharedBias) {
  GraphBuilder g;
  std::mt19937 rng(5);
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kK});
  const int w = g.Constant(g.store.AddStrip("w", kK, kM, RandomFloats(&rng, kK * kM)));
  const std::vector<float> bias = RandomFloats(&rng, kM);
  const int b = g.Constant(g.store.AddRow("b", {kM}, kM, MOSAIC_FLOAT, bias.data()));
  const int y = g.Call("Relu", {g.Call("Add", {g.Call("MatMul", {x, w}), b})});
  g.Output(g.Call("Sub", {y, b}));
  const auto model = g.Load();
  EXPECT_EQ(model->main().steps.size(), 2u);
  const Array zero = Floats({1, kK}, std::vector<float>(kK));
  const Array out = MustRun(g, *model, {zero})[0];
  for (size_t i = 0; i < bias.size(); ++i) {
    EXPECT_EQ(out.data<float>()[i], std::max(0.0f, bias[i]) - bias[i]);
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
