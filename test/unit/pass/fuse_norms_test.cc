// Normalisations and Gelu that are spelled out: one step where nobody can tell, and near the nodes
// one by one.
#include "core/pass/fuse_norms.h"

#include <cmath>
#include <functional>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kWidth = 70;

int Scalar(GraphBuilder* g, float v) {
  return g->Constant(g->store.AddInline("scalar", {}, MOSAIC_FLOAT, &v));
}
int Row(GraphBuilder* g, uint32_t seed, int64_t n = kWidth) {
  std::mt19937 rng(seed);
  const std::vector<float> v = RandomFloats(&rng, n);
  return g->Constant(g->store.AddRow("row", {n}, n, MOSAIC_FLOAT, v.data()));
}
int Mean(GraphBuilder* g, int x, int64_t axis = -1) {
  return g->Call("ReduceMean", {x}, {{"axes", std::vector<int64_t>{axis}}});
}
int Root(GraphBuilder* g, int squares, int64_t axis = -1) {
  return g->Call("Sqrt", {g->Call("Add", {Mean(g, squares, axis), Scalar(g, 1e-5F)})});
}

// How a graph goes on from x; returns its last value.
using Spelling = std::function<int(GraphBuilder*, int)>;

int Layer(GraphBuilder* g, int x, bool twice, bool pow, int64_t axis = -1) {
  const int d = g->Call("Sub", {x, Mean(g, x, axis)});
  const int e = twice ? g->Call("Sub", {x, Mean(g, x, axis)}) : d;
  const int squares = pow ? g->Call("Pow", {e, Scalar(g, 2)}) : g->Call("Mul", {e, e});
  const int n = g->Call("Div", {d, Root(g, squares, axis)});
  return g->Call("Add", {g->Call("Mul", {n, Row(g, 3)}), Row(g, 4)});
}
int Rms(GraphBuilder* g, int x, int form) {
  const int root = Root(g, g->Call("Pow", {x, Scalar(g, 2)}));
  int n;
  if (form == 0) {
    n = g->Call("Div", {x, root});
  } else if (form == 1) {
    n = g->Call("Mul", {x, g->Call("Reciprocal", {root})});
  } else {
    n = g->Call("Mul", {g->Call("Div", {Scalar(g, 1), root}), x});
  }
  return g->Call("Mul", {Row(g, 3), n});
}
int Erf(GraphBuilder* g, int x, int form) {
  const int inner = form == 0 ? g->Call("Div", {x, Scalar(g, 1.41421356F)})
                              : g->Call("Mul", {Scalar(g, 0.70710678F), x});
  const int one = g->Call("Add", {g->Call("Erf", {inner}), Scalar(g, 1)});
  if (form == 0) return g->Call("Mul", {g->Call("Mul", {x, one}), Scalar(g, 0.5F)});
  return g->Call("Mul", {g->Call("Mul", {x, Scalar(g, 0.5F)}), one});
}
int Tanh(GraphBuilder* g, int x, int form, float cubic = 0.044715F) {
  const int cube =
      form == 0 ? g->Call("Pow", {x, Scalar(g, 3)}) : g->Call("Mul", {g->Call("Mul", {x, x}), x});
  const int sum = g->Call("Add", {x, g->Call("Mul", {cube, Scalar(g, cubic)})});
  const int inner = g->Call("Mul", {sum, Scalar(g, 0.7978845608F)});
  const int one = g->Call("Add", {Scalar(g, 1), g->Call("Tanh", {inner})});
  return g->Call("Mul", {g->Call("Mul", {Scalar(g, 0.5F), x}), one});
}

struct Case {
  const char* name;
  Spelling spelling;
  const char* fused;  // the one step; null: none
};

const Case kCases[] = {
    {"layer, PyTorch", [](auto* g, int x) { return Layer(g, x, false, true); },
     "LayerNormalization"},
    {"layer, difference twice", [](auto* g, int x) { return Layer(g, x, true, true); },
     "LayerNormalization"},
    {"layer, product", [](auto* g, int x) { return Layer(g, x, false, false); },
     "LayerNormalization"},
    {"layer, last axis by number", [](auto* g, int x) { return Layer(g, x, false, true, 2); },
     "LayerNormalization"},
    {"rms, quotient", [](auto* g, int x) { return Rms(g, x, 0); }, "RMSNormalization"},
    {"rms, reciprocal", [](auto* g, int x) { return Rms(g, x, 1); }, "RMSNormalization"},
    {"rms, one by", [](auto* g, int x) { return Rms(g, x, 2); }, "RMSNormalization"},
    {"Gelu", [](auto* g, int x) { return Erf(g, x, 0); }, "Gelu"},
    {"Gelu, other order", [](auto* g, int x) { return Erf(g, x, 1); }, "Gelu"},
    {"Gelu by Tanh", [](auto* g, int x) { return Tanh(g, x, 0); }, "Gelu"},
    {"Gelu by Tanh, products", [](auto* g, int x) { return Tanh(g, x, 1); }, "Gelu"},
    {"layer, another axis", [](auto* g, int x) { return Layer(g, x, false, true, 1); }, nullptr},
    {"another function", [](auto* g, int x) { return Tanh(g, x, 0, 0.05F); }, nullptr},
};

// x [items, 3, 70] is first doubled, so that the pattern begins behind a step. watched: the value
// that is an output as well, counted from the end.
void Build(const Case& c, int watched, GraphBuilder* g) {
  const int x =
      g->Call("Add", {g->Input("x", MOSAIC_FLOAT, {kSymbolic, 3, kWidth}), Scalar(g, 0.25F)});
  const int y = c.spelling(g, x);
  g->Output(y);
  if (watched > 0) {
    const size_t nodes = g->graph.nodes.size();
    g->Output(g->graph.nodes[nodes - 1 - static_cast<size_t>(watched)].outputs[0]);
  }
}

TEST(FuseNorms, OneStepNearTheNodesOneByOne) {
  std::mt19937 rng(7);
  const Array x = Floats({4, 3, kWidth}, RandomFloats(&rng, 4 * 3 * kWidth, 4));
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder fused, plain;
    Build(c, 0, &fused);
    Build(c, 0, &plain);
    for (const Node& n : plain.graph.nodes) {  // all are watched: nothing is fused
      if (n.outputs[0] != plain.graph.outputs[0]) plain.Output(n.outputs[0]);
    }
    const auto model = fused.Load(), nodes = plain.Load();
    EXPECT_EQ(nodes->main().steps.size(), plain.graph.nodes.size());
    if (c.fused == nullptr) {
      EXPECT_EQ(model->main().steps.size(), fused.graph.nodes.size());
      continue;
    }
    ASSERT_EQ(model->main().steps.size(), 2u);
    EXPECT_EQ(model->main().steps[1].node.op_type, c.fused);
    EXPECT_TRUE(model->items.independent);
    const Array got = MustRun(fused, *model, {x}, 4)[0], want = MustRun(plain, *nodes, {x}, 4)[0];
    ASSERT_EQ(got.shape, want.shape);
    for (int64_t i = 0; i < 4 * 3 * kWidth; ++i) {
      EXPECT_NEAR(got.data<float>()[i], want.data<float>()[i], 2e-6) << i;
    }
    EXPECT_TRUE(RunAlone(fused, *model, {x}, 4)[0] == got);
  }
}

// Whatever else reads something from between, the nodes stay.
TEST(FuseNorms, NotWhereSomethingElseReadsAnIntermediate) {
  for (const Case& c : kCases) {
    if (c.fused == nullptr) continue;
    GraphBuilder alone;
    Build(c, 0, &alone);
    const int nodes = static_cast<int>(alone.graph.nodes.size());
    for (int watched = 1; watched + 1 < nodes; ++watched) {
      SCOPED_TRACE(std::string(c.name) + ", node " + std::to_string(nodes - 1 - watched));
      GraphBuilder g;
      Build(c, watched, &g);
      const auto model = g.Load();
      for (const Step& s : model->main().steps) {
        // An RMSNormalization of what LayerNormalization begins with is right as well.
        if (s.node.op_type != "RMSNormalization") {
          EXPECT_NE(s.node.op_type, c.fused);
        }
      }
      EXPECT_GE(model->main().steps.size(), 3u);
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
