// Convolutions between DequantizeLinear and QuantizeLinear: computed in integers, within one step
// of the nodes one by one and exactly what fuse_quantised.h's operator promises; what does not fit
// stays.
#include "core/pass/fuse_quantised.h"

#include <cmath>

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kChannels = 5, kFilters = 21, kHigh = 9, kWide = 11;

struct Case {
  const char* name;
  bool relu, each, bias, fused;
  int64_t groups;
  bool floats;  // the input is not quantised
  float step = 0.05F;
  bool zero = true;  // of the output: given
};

int Bytes(GraphBuilder* g, int dtype, const Shape& shape, std::mt19937* rng) {
  std::vector<uint8_t> v(static_cast<size_t>(NumElements(shape)));
  for (uint8_t& b : v) b = static_cast<uint8_t>((*rng)());
  return g->Constant(g->store.AddRow("w", shape, NumElements(shape), dtype, v.data()));
}
int Floats(GraphBuilder* g, const Shape& shape, float first, float step) {
  std::vector<float> v(static_cast<size_t>(NumElements(shape)));
  for (size_t i = 0; i < v.size(); ++i) v[i] = first + step * static_cast<float>(i);
  return g->Constant(g->store.AddInline("f", shape, MOSAIC_FLOAT, v.data()));
}
int Zero(GraphBuilder* g, int dtype, uint8_t value) {
  return g->Constant(g->store.AddInline("z", {}, dtype, &value));
}

// watched: every value is an output, so that nothing is fused.
void Build(const Case& c, bool watched, GraphBuilder* g) {
  std::mt19937 rng(11);
  const int64_t channels = c.groups * kChannels;
  int x =
      g->Input("x", c.floats ? MOSAIC_FLOAT : MOSAIC_UINT8, {kSymbolic, channels, kHigh, kWide});
  if (!c.floats) {
    x = g->Call("DequantizeLinear", {x, Floats(g, {}, 0.02F, 0), Zero(g, MOSAIC_UINT8, 117)});
  }
  const int kernels = Bytes(g, MOSAIC_INT8, {c.groups * kFilters, kChannels, 3, 3}, &rng);
  const int scale =
      c.each ? Floats(g, {c.groups * kFilters}, 0.001F, 0.0001F) : Floats(g, {}, 0.002F, 0);
  const int w = g->Call("DequantizeLinear", {kernels, scale}, {{"axis", int64_t{0}}});
  std::vector<int> inputs = {x, w};
  if (c.bias) inputs.push_back(Floats(g, {c.groups * kFilters}, -0.3F, 0.03F));
  int y =
      g->Call("Conv", inputs, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}, {"group", c.groups}});
  if (c.relu) y = g->Call("Relu", {y});
  g->Output(g->Call("QuantizeLinear",
                    {y, Floats(g, {}, c.step, 0), c.zero ? Zero(g, MOSAIC_UINT8, 99) : -1}));
  if (!watched) return;
  for (size_t i = 0; i + 1 < g->graph.nodes.size(); ++i) g->Output(g->graph.nodes[i].outputs[0]);
}

TEST(FuseQuantised, WithinAStepOfNodeByNode) {
  const Case kCases[] = {
      {"plain", false, false, false, true, 1, false},
      {"Relu, scales of filters, bias", true, true, true, true, 1, false},
      {"groups", false, true, true, true, 2, false},
      {"an input of floats", false, true, true, false, 1, true},
      {"a negative scale behind Relu", true, true, true, true, 1, false, -0.05F},
      {"a zero point that is left out", false, true, true, false, 1, false, 0.05F, false},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    std::mt19937 rng(3);
    const Shape shape = {2, c.groups * kChannels, kHigh, kWide};
    std::vector<uint8_t> x(static_cast<size_t>(NumElements(shape)));
    for (uint8_t& v : x) v = static_cast<uint8_t>(rng());
    std::vector<float> reals(x.begin(), x.end());
    const Array all = c.floats ? Array(MOSAIC_FLOAT, shape, reals) : Array(MOSAIC_UINT8, shape, x);
    GraphBuilder plain;
    Build(c, true, &plain);
    const auto watched = plain.Load();
    const Array want = MustRun(plain, *watched, {all}, 2)[0];
    GraphBuilder g;
    Build(c, false, &g);
    const auto model = g.Load();
    EXPECT_EQ(model->main().steps.size(), c.fused ? 1U : c.floats ? 3U : 4U);
    EXPECT_TRUE(model->items.independent);
    std::vector<Array> found;
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      found.push_back(MustRun(g, *model, {all}, 2)[0]);
      const std::vector<char>&a = found.back().bytes, &b = want.bytes;
      ASSERT_EQ(a.size(), b.size());
      size_t apart = 0;
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_LE(std::abs(static_cast<uint8_t>(a[i]) - static_cast<uint8_t>(b[i])), 1) << i;
        apart += a[i] != b[i];
      }
      EXPECT_LE(apart, a.size() / 1000);
      EXPECT_TRUE(found.back() == found.front()) << IsaName(isa);
    }
  }
}

struct Sum {
  const char* name;
  bool relu;
  int dtype;  // of b and of the sum
  float step;
  bool wide = true;  // b has a's shape
  bool fused = true;
};

void BuildSum(const Sum& c, bool watched, GraphBuilder* g) {
  const Shape shape = {kSymbolic, kChannels, kHigh, kWide};
  const int a = g->Call("DequantizeLinear", {g->Input("a", MOSAIC_UINT8, shape),
                                             Floats(g, {}, 0.02F, 0), Zero(g, MOSAIC_UINT8, 117)});
  const int b = g->Call("DequantizeLinear",
                        {g->Input("b", c.dtype, c.wide ? shape : Shape{kSymbolic, kChannels, 1, 1}),
                         Floats(g, {1}, 0.03F, 0)});
  int y = g->Call("Add", {a, b});
  if (c.relu) y = g->Call("Relu", {y});
  g->Output(g->Call("QuantizeLinear", {y, Floats(g, {}, c.step, 0), Zero(g, c.dtype, 9)}));
  if (!watched) return;
  for (size_t i = 0; i + 1 < g->graph.nodes.size(); ++i) g->Output(g->graph.nodes[i].outputs[0]);
}

TEST(FuseQuantised, SumsHaveTheBitsOfTheirNodes) {
  const Sum kCases[] = {
      {"plain", false, MOSAIC_UINT8, 0.04F},
      {"Relu", true, MOSAIC_INT8, 0.04F},
      {"that saturate", false, MOSAIC_INT8, 0.004F},
      {"of one element for each channel", false, MOSAIC_UINT8, 0.04F, false, false},
      {"a negative scale", true, MOSAIC_UINT8, -0.04F, true, false},
  };
  constexpr int64_t kItems = 7;
  std::mt19937 rng(5);
  for (const Sum& c : kCases) {
    SCOPED_TRACE(c.name);
    const auto draw = [&](int dtype, const Shape& shape) {
      std::vector<uint8_t> v(static_cast<size_t>(NumElements(shape)));
      for (uint8_t& b : v) b = static_cast<uint8_t>(rng());
      return Array(dtype, shape, v);
    };
    const Array a = draw(MOSAIC_UINT8, {kItems, kChannels, kHigh, kWide});
    const Array b = draw(c.dtype, {kItems, kChannels, c.wide ? kHigh : 1, c.wide ? kWide : 1});
    GraphBuilder plain, g;
    BuildSum(c, true, &plain);
    BuildSum(c, false, &g);
    const auto watched = plain.Load(), model = g.Load();
    EXPECT_EQ(model->main().steps.size(), c.fused ? 1U : c.relu ? 5U : 4U);
    for (const Isa isa : UsableIsas()) {
      const WithIsa with(isa);
      SCOPED_TRACE(IsaName(isa));
      const Array y = MustRun(g, *model, {a, b}, kItems)[0];
      EXPECT_TRUE(y == MustRun(plain, *watched, {a, b}, kItems)[0]);
      for (int64_t i = 0; i < kItems; ++i) {
        const Array alone = MustRun(g, *model, {a.item(i), b.item(i)}, 1)[0];
        EXPECT_TRUE(alone.bytes == y.item(i).bytes) << i;
      }
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
