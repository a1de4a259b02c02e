// Attention that is spelled out, as exporters do: one step, near the nodes one by one.
#include "core/pass/fuse_attention.h"

#include <cmath>
#include <functional>
#include <limits>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kRows = 19, kHeads = 3, kDepth = 8;

int Scalar(GraphBuilder* g, float v) {
  return g->Constant(g->store.AddInline("scalar", {}, MOSAIC_FLOAT, &v));
}
int Transpose(GraphBuilder* g, int x, std::vector<int64_t> perm) {
  return g->Call("Transpose", {x}, {{"perm", std::move(perm)}});
}
// [items, rows, heads * depth] of the graph's input as heads.
int Split(GraphBuilder* g, int x, float factor) {
  const int scaled = g->Call("Mul", {x, Scalar(g, factor)});
  return g->Call("Reshape", {scaled, g->Ints({0, 0, kHeads, kDepth})});
}
int Heads(GraphBuilder* g, int x, float factor) {
  return Transpose(g, Split(g, x, factor), {0, 2, 1, 3});
}
int Merge(GraphBuilder* g, int y) {
  return g->Call("Reshape", {Transpose(g, y, {0, 2, 1, 3}), g->Ints({0, 0, kHeads * kDepth})});
}
int Softmax(GraphBuilder* g, int x) { return g->Call("Softmax", {x}, {{"axis", int64_t{-1}}}); }
int Mask(GraphBuilder* g) {
  std::vector<float> m(kRows * kRows, 0.0F);
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = i + 1; j < kRows; ++j) m[i * kRows + j] = j % 3 == 0 ? -INFINITY : 0.5F;
  }
  return g->Constant(g->store.AddRow("mask", {kRows, kRows}, kRows, MOSAIC_FLOAT, m.data()));
}

using Spelling = std::function<int(GraphBuilder*, int)>;

struct Case {
  const char* name;
  Spelling spelling;
  size_t steps;  // that are left; 0: as many as nodes
};

// Before 2.0: the keys are transposed at once, the scores divided, a mask added.
int Classic(GraphBuilder* g, int x) {
  const int kt = Transpose(g, Split(g, x, 0.9F), {0, 2, 3, 1});
  const int scores =
      g->Call("Div", {g->Call("MatMul", {Heads(g, x, 1.1F), kt}), Scalar(g, std::sqrt(8.0F))});
  return Merge(
      g, g->Call("MatMul", {Softmax(g, g->Call("Add", {scores, Mask(g)})), Heads(g, x, 0.7F)}));
}
// The same of an opset below 13, where Softmax is over all dimensions from an axis on.
int Flat(GraphBuilder* g, int x) {
  g->graph.opset = 11;
  const int kt = Transpose(g, Split(g, x, 0.9F), {0, 2, 3, 1});
  const int scores =
      g->Call("Div", {g->Call("MatMul", {Heads(g, x, 1.1F), kt}), Scalar(g, std::sqrt(8.0F))});
  const int softmax =
      g->Call("Softmax", {g->Call("Add", {scores, Mask(g)})}, {{"axis", int64_t{3}}});
  return Merge(g, g->Call("MatMul", {softmax, Heads(g, x, 0.7F)}));
}
// scaled_dot_product_attention: half of the scale on each side, keys in three dimensions for a
// while, NaN made 0.
int Dynamo(GraphBuilder* g, int x) {
  const int k = Heads(g, x, 0.9F), half = Scalar(g, 0.59460355F);
  const int merged = g->Call("Reshape", {k, g->Ints({-1, kRows, kDepth})});
  const int kt =
      g->Call("Reshape", {Transpose(g, merged, {0, 2, 1}), g->Ints({-1, kHeads, kDepth, kRows})});
  const int scores =
      g->Call("MatMul", {g->Call("Mul", {Heads(g, x, 1.1F), half}), g->Call("Mul", {kt, half})});
  const int p = Softmax(g, g->Call("Add", {Mask(g), scores}));
  const int safe = g->Call("Where", {g->Call("IsNaN", {p}), Scalar(g, 0), p});
  return Merge(g, g->Call("MatMul", {safe, Heads(g, x, 0.7F)}));
}
// A mask by Where, heads along the batch, no transposes to read through.
int Batched(GraphBuilder* g, int x) {
  std::vector<uint8_t> seen(kRows);
  for (size_t j = 0; j < kRows; ++j) seen[j] = j % 4 != 2;
  const int keep = g->Constant(g->store.AddInline("seen", {1, kRows}, MOSAIC_BOOL, seen.data()));
  const int kt = Transpose(g, g->Call("Mul", {x, Scalar(g, 0.9F)}), {0, 2, 1});
  const int scores = g->Call("MatMul", {x, kt});
  const int masked = g->Call("Where", {keep, scores, Scalar(g, -INFINITY)});
  return g->Call("MatMul", {Softmax(g, masked), x});
}
// Scaled behind the mask: the mask is scaled, too.
int ScaledMask(GraphBuilder* g, int x) {
  const int kt = Transpose(g, Split(g, x, 0.9F), {0, 2, 3, 1});
  const int scores = g->Call("Add", {g->Call("MatMul", {Heads(g, x, 1.1F), kt}), Mask(g)});
  const int p = Softmax(g, g->Call("Mul", {scores, Scalar(g, 0.5F)}));
  return Merge(g, g->Call("MatMul", {p, Heads(g, x, 0.7F)}));
}
// Two masks by Where, of which some keys are hidden by both and none by neither: all have one score
// then.
int TwiceHidden(GraphBuilder* g, int x) {
  std::vector<uint8_t> first(kRows), second(kRows);
  for (size_t j = 0; j < kRows; ++j) first[j] = j % 2 == 0, second[j] = j % 3 == 0 || j % 2 != 0;
  const auto mask = [&](const std::vector<uint8_t>& m) {
    return g->Constant(g->store.AddInline("mask", {1, kRows}, MOSAIC_BOOL, m.data()));
  };
  const int lowest = Scalar(g, -std::numeric_limits<float>::max());
  const int scores =
      g->Call("MatMul", {x, Transpose(g, g->Call("Mul", {x, Scalar(g, 0.9F)}), {0, 2, 1})});
  const int once = g->Call("Where", {mask(first), lowest, scores});
  return g->Call("MatMul", {Softmax(g, g->Call("Where", {mask(second), lowest, once})), x});
}
// What Where puts there counts.
int FiniteWhere(GraphBuilder* g, int x) {
  const uint8_t seen = 1;
  const int keep = g->Constant(g->store.AddInline("seen", {1}, MOSAIC_BOOL, &seen));
  const int scores =
      g->Call("MatMul", {x, Transpose(g, g->Call("Mul", {x, Scalar(g, 0.9F)}), {0, 2, 1})});
  return g->Call("MatMul", {Softmax(g, g->Call("Where", {keep, scores, Scalar(g, -10)})), x});
}
// Over queries, not keys.
int OtherAxis(GraphBuilder* g, int x) {
  const int scores =
      g->Call("MatMul", {x, Transpose(g, g->Call("Mul", {x, Scalar(g, 0.9F)}), {0, 2, 1})});
  return g->Call("MatMul", {g->Call("Softmax", {scores}, {{"axis", int64_t{1}}}), x});
}

const Case kCases[] = {
    {"classic", Classic, 8},  // three Mul and Reshape, attention, Reshape
    {"flat", Flat, 8},
    {"dynamo", Dynamo, 8},
    {"batched", Batched, 1},
    {"twice hidden", TwiceHidden, 1},
    {"scaled mask", ScaledMask, 0},
    {"finite where", FiniteWhere, 0},
    {"other axis", OtherAxis, 0},
};

void Build(const Case& c, GraphBuilder* g) {
  g->Output(c.spelling(g, g->Input("x", MOSAIC_FLOAT, {kSymbolic, kRows, kHeads * kDepth})));
}

TEST(FuseAttention, OneStepNearTheNodesOneByOne) {
  std::mt19937 rng(7);
  const Array x =
      Floats({3, kRows, kHeads * kDepth}, RandomFloats(&rng, 3 * kRows * kHeads * kDepth, 1.5));
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder fused, plain;
    Build(c, &fused);
    Build(c, &plain);
    for (const Node& n : plain.graph.nodes) {
      if (n.outputs[0] != plain.graph.outputs[0]) plain.Output(n.outputs[0]);
    }
    const auto model = fused.Load(), nodes = plain.Load();
    EXPECT_EQ(nodes->main().steps.size(), plain.graph.nodes.size());
    EXPECT_EQ(model->main().steps.size(), c.steps == 0 ? fused.graph.nodes.size() : c.steps);
    if (c.steps == 0) continue;
    const Array got = MustRun(fused, *model, {x}, 3)[0], want = MustRun(plain, *nodes, {x}, 3)[0];
    ASSERT_EQ(got.shape, want.shape);
    for (int64_t i = 0; i < NumElements(got.shape); ++i) {
      ASSERT_NEAR(got.data<float>()[i], want.data<float>()[i], 3e-6) << i;
    }
    EXPECT_TRUE(model->items.independent);
    EXPECT_TRUE(RunAlone(fused, *model, {x}, 3)[0] == got);
  }
}

TEST(FuseAttention, NotWhereSomethingElseReadsTheScores) {
  for (size_t i = 0; i < 3; ++i) {
    GraphBuilder alone;
    Build(kCases[i], &alone);
    for (size_t n = 0; n < alone.graph.nodes.size(); ++n) {
      const std::string op = alone.graph.nodes[n].op_type;
      const bool scores =
          op == "Softmax" || op == "Where" || op == "Add" || op == "IsNaN" ||
          (op == "MatMul" && alone.graph.nodes[n].outputs[0] != alone.graph.outputs[0] &&
           n + 3 < alone.graph.nodes.size());
      if (!scores) continue;
      SCOPED_TRACE(std::string(kCases[i].name) + ", " + op);
      GraphBuilder g;
      Build(kCases[i], &g);
      g.Output(g.graph.nodes[n].outputs[0]);
      EXPECT_EQ(g.Load()->main().steps.size(), g.graph.nodes.size());
    }
  }
}

// The memory that a run needs grows with the rows, not with their square.
TEST(FuseAttention, MemoryGrowsWithTheRows) {
  const auto peak = [](int64_t rows) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic, 16});
    const int scores =
        g.Call("MatMul", {x, Transpose(&g, g.Call("Mul", {x, Scalar(&g, 0.9F)}), {0, 2, 1})});
    g.Output(g.Call("MatMul", {Softmax(&g, scores), x}));
    const auto model = g.Load();
    EXPECT_EQ(model->main().steps.size(), 1u);
    std::unique_ptr<Sizing> sizing;
    const Status s =
        MakeSizing(*model, model->main(), {Tensor::Borrow(MOSAIC_FLOAT, {1, rows, 16}, nullptr)},
                   {}, 1000, &sizing);
    EXPECT_TRUE(s.ok()) << s.message();
    return sizing->peak;
  };
  EXPECT_LT(peak(20000), 11 * peak(2000));
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
