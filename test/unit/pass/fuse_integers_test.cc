// Products of bytes with scale and bias: the same bits as the nodes one by one.
#include "core/pass/fuse_integers.h"

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kN = 21, kK = 70, kM = 75;

struct Case {
  const char* name;
  Shape scale;   // of a constant; {0}: of the product of two
  int bias;      // 0: none; 1: behind the product, 2: before it
  bool swapped;  // the scale before the sums
  Shape bias_shape;
  bool fused;
};

int Number(GraphBuilder* g, const Shape& shape) {
  std::vector<float> v(static_cast<size_t>(NumElements(shape)));
  for (size_t i = 0; i < v.size(); ++i) v[i] = 0.0137F * static_cast<float>(i % 9) - 0.021F;
  return g->Constant(g->store.AddInline("scale", shape, MOSAIC_FLOAT, v.data()));
}

void Build(const Case& c, bool streamed, bool watched, GraphBuilder* g) {
  std::mt19937 rng(5);
  std::vector<uint8_t> b(kK * kM), zeros(kM);
  for (uint8_t& x : b) x = static_cast<uint8_t>(rng());
  for (uint8_t& x : zeros) x = static_cast<uint8_t>(rng());
  const uint8_t zero = 131;
  const int x = g->Input("x", MOSAIC_UINT8, {kSymbolic, kK});
  const int w =
      g->Constant(streamed ? g->store.AddByteStrip("b", kK, kM, b, false, 31, MOSAIC_INT8)
                           : g->store.AddRow("b", {kK, kM}, kK * kM, MOSAIC_INT8, b.data()));
  const int az = g->Constant(g->store.AddInline("az", {}, MOSAIC_UINT8, &zero));
  const int bz = g->Constant(g->store.AddInline("bz", {kM}, MOSAIC_INT8, zeros.data()));
  const int sums = g->Call("MatMulInteger", {x, w, az, bz});
  const int real = g->Call("Cast", {sums}, {{"to", int64_t{MOSAIC_FLOAT}}});
  const int scale = Number(g, c.scale);
  int v = c.swapped ? g->Call("Mul", {scale, real}) : g->Call("Mul", {real, scale});
  if (c.bias == 1) v = g->Call("Add", {v, Number(g, c.bias_shape)});
  if (c.bias == 2) v = g->Call("Add", {Number(g, c.bias_shape), v});
  g->Output(v);
  if (!watched) return;
  for (const Node& n : g->graph.nodes) {
    if (n.outputs[0] != v) g->Output(n.outputs[0]);
  }
}

TEST(FuseIntegers, SameBitsAsNodeByNode) {
  const Case kCases[] = {
      {"one scale", {}, 0, false, {}, true},
      {"of one element, and bias", {1}, 1, true, {kM}, true},
      {"scales of columns, bias before", {kM}, 2, false, {kM}, true},
      {"scales of rows", {1, kM}, 0, false, {}, false},
      {"one addend", {kM}, 1, false, {1}, false},
  };
  std::mt19937 rng(7);
  std::vector<uint8_t> x(kN * kK);
  for (uint8_t& v : x) v = static_cast<uint8_t>(rng());
  const Array all(MOSAIC_UINT8, {kN, kK}, x);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    GraphBuilder plain;
    Build(c, false, true, &plain);
    const auto watched = plain.Load();
    const Array want = MustRun(plain, *watched, {all}, kN)[0];
    for (const bool streamed : {false, true}) {
      GraphBuilder g;
      Build(c, streamed, false, &g);
      const auto model = g.Load();
      const size_t left = c.fused ? 1 : c.bias > 0 ? 2 : 3;
      EXPECT_EQ(model->main().steps.size(), left);
      EXPECT_TRUE(model->items.independent);
      EXPECT_EQ(model->main().steps[0].streams[1] >= 0, streamed);
      for (const Isa isa : UsableIsas()) {
        const WithIsa with(isa);
        EXPECT_TRUE(MustRun(g, *model, {all}, kN, streamed ? 3 : 1000)[0] == want) << IsaName(isa);
      }
    }
  }
}

TEST(FuseIntegers, SumsThatAreReadStay) {
  GraphBuilder g;
  Build({"", {}, 1, false, {kM}, false}, false, true, &g);
  EXPECT_EQ(g.Load()->main().steps.size(), 4u);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
