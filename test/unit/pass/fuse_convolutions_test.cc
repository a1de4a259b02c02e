// Convolutions with what follows them: the same bits as the nodes one by one.
#include "core/pass/fuse_convolutions.h"

#include <cmath>
#include <functional>

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kChannels = 16, kFilters = 32, kHigh = 9, kWide = 21;

using Step = std::function<int(GraphBuilder*, int)>;

int Constant(GraphBuilder* g, const Shape& shape, float first, float step) {
  std::vector<float> v(static_cast<size_t>(NumElements(shape)));
  for (size_t i = 0; i < v.size(); ++i) v[i] = first + step * static_cast<float>(i);
  return g->Constant(g->store.AddInline("c", shape, MOSAIC_FLOAT, v.data()));
}
Step Unary(const std::string& op, std::vector<Attribute> attributes = {}) {
  return [=](GraphBuilder* g, int x) { return g->Call(op, {x}, attributes); };
}
Step With(const std::string& op, const Shape& shape, bool swapped = false) {
  return [=](GraphBuilder* g, int x) {
    const int c = Constant(g, shape, -0.7F, 0.11F);
    return swapped ? g->Call(op, {c, x}) : g->Call(op, {x, c});
  };
}
int Normalize(GraphBuilder* g, int x) {
  const Shape m = {kFilters};
  return g->Call("BatchNormalization", {x, Constant(g, m, 0.5F, 0.1F), Constant(g, m, -1, 0.2F),
                                        Constant(g, m, 0.3F, -0.04F), Constant(g, m, 0.2F, 0.3F)});
}
int Residual(GraphBuilder* g, int x) {
  const int other = g->Call("Exp", {g->graph.inputs[0]});  // of as many channels
  return g->Call("Add", {g->Call("Concat", {other, other}, {{"axis", int64_t{1}}}), x});
}
int Clip(GraphBuilder* g, int x) {
  return g->Call("Clip", {x, Constant(g, {}, -0.5F, 0), Constant(g, {}, 0.75F, 0)});
}
int Twice(GraphBuilder* g, int x) { return g->Call("Mul", {g->Call("Relu", {x}), x}); }

struct Case {
  const char* name;
  std::vector<Step> steps;
  size_t nodes;  // that are left
};
const Case kCases[] = {
    {"Relu", {Unary("Relu")}, 1},
    {"HardSwish", {Unary("HardSwish")}, 1},
    {"Relu first", {Unary("Relu"), Unary("HardSwish"), With("Mul", {1})}, 1},
    {"norm, LeakyRelu", {Normalize, Unary("LeakyRelu", {{"alpha", 0.3F}})}, 1},
    {"residual, Relu", {Normalize, Residual, Unary("Relu")}, 3},
    {"residual at once, Relu, factors", {Residual, Unary("Relu"), With("Mul", {1})}, 3},
    {"residual alone", {Residual}, 3},
    {"factors", {With("Mul", {1}), With("Add", {}, true), With("Mul", {kFilters, 1, 1})}, 1},
    {"of filters", {With("Add", {1, kFilters, 1, 1}), Clip, Unary("HardSigmoid")}, 1},
    {"a row is not of filters", {With("Add", {kWide}), Unary("Relu")}, 3},
    {"read twice", {Twice}, 3},
};

enum class Kernels { kStrips, kRows, kDepthwise };

void Build(const Case& c, Kernels kind, bool watched, GraphBuilder* g) {
  std::mt19937 rng(5);
  const int64_t group = kind == Kernels::kDepthwise ? kChannels : 1;
  const Shape dims = {kFilters, kChannels / group, 3, 3};
  const std::vector<float> w = RandomFloats(&rng, NumElements(dims), 0.2F);
  const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, kChannels, kHigh, kWide});
  const int kernels =
      g->Constant(kind == Kernels::kStrips
                      ? g->store.AddKernels("w", dims, w, 31)
                      : g->store.AddRow("w", dims, NumElements(dims), MOSAIC_FLOAT, w.data()));
  int v = g->Call("Conv", {x, kernels, Constant(g, {kFilters}, 0.1F, -0.02F)},
                  {{"group", group}, {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  for (const Step& step : c.steps) v = step(g, v);
  g->Output(v);
  if (!watched) return;
  for (const Node& n : g->graph.nodes) {
    if (n.outputs[0] != v) g->Output(n.outputs[0]);
  }
}

TEST(FuseConvolutions, SameBitsAsNodeByNode) {
  std::mt19937 rng(7);
  const int64_t items = 3;
  const Shape shape = {items, kChannels, kHigh, kWide};
  std::vector<float> x = RandomFloats(&rng, NumElements(shape));
  x[100] = std::nanf("");
  const Array all = Floats(shape, x);
  for (const Case& c : kCases) {
    for (const Kernels kind : {Kernels::kStrips, Kernels::kRows, Kernels::kDepthwise}) {
      SCOPED_TRACE(c.name + std::to_string(static_cast<int>(kind)));
      GraphBuilder fused, watched;
      Build(c, kind, false, &fused);
      Build(c, kind, true, &watched);
      const auto model = fused.Load(), plain = watched.Load();
      EXPECT_EQ(model->main().steps.size(), c.nodes);
      EXPECT_EQ(plain->main().steps.size(), watched.graph.nodes.size());
      for (const Isa isa : UsableIsas()) {
        const WithIsa with(isa);
        const Array want = MustRun(watched, *plain, {all}, items)[0];
        const Array got = MustRun(fused, *model, {all}, items, 3)[0];
        ASSERT_EQ(got.shape, want.shape);
        const size_t n = want.bytes.size() / 4;
        for (size_t i = 0; i < n; ++i) {
          const float a = got.data<float>()[i], b = want.data<float>()[i];
          ASSERT_TRUE(std::memcmp(&a, &b, 4) == 0 || (std::isnan(a) && std::isnan(b)))
              << IsaName(isa) << " at " << i << ": " << a << ", not " << b;
        }
      }
    }
  }
}

// x * gate as exporters write it is HardSwish and Swish, and then a convolution's.
TEST(FuseConvolutions, Swish) {
  const auto hard = [](GraphBuilder* g, int x, float three, bool early) {
    const int sum = g->Call("Add", {x, Constant(g, {}, three, 0)});
    const int cut = g->Call("Clip", {sum, Constant(g, {}, 0, 0), Constant(g, {}, 6, 0)});
    const int six = Constant(g, {1}, 6, 0);
    return early ? g->Call("Mul", {x, g->Call("Div", {cut, six})})
                 : g->Call("Div", {g->Call("Mul", {x, cut}), six});
  };
  const Case cases[] = {
      {"late", {[&](GraphBuilder* g, int x) { return hard(g, x, 3, false); }}, 1},
      {"early", {[&](GraphBuilder* g, int x) { return hard(g, x, 3, true); }}, 1},
      {"almost", {[&](GraphBuilder* g, int x) { return hard(g, x, 3.01F, false); }}, 5},
      {"gate",
       {[](GraphBuilder* g, int x) {
         return g->Call("Mul", {g->Call("HardSigmoid", {x}, {{"alpha", 1.0F / 6}}), x});
       }},
       1},
      {"soft",
       {[](GraphBuilder* g, int x) {
         return g->Call("Mul", {x, g->Call("Sigmoid", {x})});
       }},
       1},
  };
  std::mt19937 rng(7);
  const Shape shape = {1, kChannels, kHigh, kWide};
  const Array all = Floats(shape, RandomFloats(&rng, NumElements(shape), 4));
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    GraphBuilder fused, watched;
    Build(c, Kernels::kStrips, false, &fused);
    Build(c, Kernels::kStrips, true, &watched);
    const auto model = fused.Load(), plain = watched.Load();
    EXPECT_EQ(model->main().steps.size(), c.nodes);
    const Array want = MustRun(watched, *plain, {all}, 1)[0],
                got = MustRun(fused, *model, {all}, 1)[0];
    for (size_t i = 0; i < want.bytes.size() / 4; ++i) {
      ASSERT_NEAR(got.data<float>()[i], want.data<float>()[i], 2e-6) << i;
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
