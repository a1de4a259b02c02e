// Gathers by the number of an item, as exporters write attention masks: batched where they take
// what is the item's own, and only there.
#include "core/op/item_index.h"

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kTokens = 5;

// What the masks below are made of, for mask [batch, tokens].
struct Mask {
  explicit Mask(GraphBuilder* builder)
      : g(builder), mask(g->Input("mask", MOSAIC_INT64, {kSymbolic, kSymbolic})) {
    shape = g->Call("Shape", {mask});
    batch = Size(0);
    tokens = Size(1);
  }
  int Size(int64_t axis) {
    const int one = g->Call("Gather", {shape, g->Ints({axis})}, {{"axis", int64_t{0}}});
    return g->Call("Squeeze", {one, g->Ints({0})});
  }
  int Number(int64_t v) { return g->Call("Squeeze", {g->Ints({v}), g->Ints({0})}); }
  // from, from + by, ... of "count", in shape [1, .., count, .., 1]: "axis" of rank dimensions.
  int Range(int count, int64_t axis, int64_t rank, int64_t from = 0) {
    const int r = g->Call("Range", {Number(from), count, Number(1)});
    std::vector<int64_t> ones;
    for (int64_t d = 0; d < rank; ++d) {
      if (d != axis) ones.push_back(d);
    }
    return g->Call("Unsqueeze", {r, g->Ints(ones)});
  }
  GraphBuilder* g;
  int mask, shape = -1, batch = -1, tokens = -1;
};

// mask[arange(batch)[:, None], arange(tokens)] by tuples.
int ByTuples(Mask* m, bool item_first) {
  GraphBuilder* g = m->g;
  const int item = m->Range(m->batch, 0, 2), token = m->Range(m->tokens, 1, 2);
  const int shape = g->Call("Shape", {g->Call("Max", {item, token})});
  int a = g->Call("Unsqueeze", {g->Call("Expand", {item, shape}), g->Ints({-1})});
  int b = g->Call("Unsqueeze", {g->Call("Expand", {token, shape}), g->Ints({-1})});
  if (!item_first) std::swap(a, b);
  return g->Call("GatherND", {m->mask, g->Call("Concat", {a, b}, {{"axis", int64_t{-1}}})});
}

// flatten(mask)[arange(batch)[:, None] * tokens + arange(tokens) + more].
int ByOffsets(Mask* m, int step, int64_t more) {
  GraphBuilder* g = m->g;
  const int flat = g->Call("Reshape", {m->mask, g->Ints({-1})});
  const int item = g->Call("Mul", {m->Range(m->batch, 0, 2), step});
  int at = g->Call("Add", {item, m->Range(m->tokens, 1, 2)});
  if (more != 0)
    at = g->Call("Mod", {g->Call("Add", {at, g->Ints({more})}), g->Call("Size", {flat})});
  return g->Call("Gather", {flat, at}, {{"axis", int64_t{0}}});
}

Array Masks(int64_t items) {
  std::vector<int64_t> v;
  for (int64_t i = 0; i < items * kTokens; ++i) v.push_back(100 + i);
  return Array(MOSAIC_INT64, {items, kTokens}, v);
}

void ExpectOneBatch(const GraphBuilder& g) {
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent) << model->items.reason;
  const std::vector<Array> want = RunAlone(g, *model, {Masks(4)}, 4);
  EXPECT_TRUE(MustRun(g, *model, {Masks(4)}, 4)[0] == want[0]);
  EXPECT_TRUE(want[0] == Masks(4));
}

TEST(ItemIndex, TuplesOfItemAndToken) {
  GraphBuilder g;
  Mask m(&g);
  g.Output(ByTuples(&m, true));
  ExpectOneBatch(g);
}

TEST(ItemIndex, OffsetsOfItemAndToken) {
  GraphBuilder g;
  Mask m(&g);
  g.Output(ByOffsets(&m, m.tokens, 0));
  ExpectOneBatch(g);
}

TEST(ItemIndex, ThroughCasts) {
  GraphBuilder g;
  Mask m(&g);
  const int item = g.Call("Cast", {m.Range(m.batch, 0, 2)}, {{"to", int64_t{MOSAIC_INT32}}});
  const int back = g.Call("Cast", {item}, {{"to", int64_t{MOSAIC_INT64}}});
  const int offset = g.Call("Add", {g.Call("Mul", {m.tokens, back}), m.Range(m.tokens, 1, 2)});
  g.Output(g.Call("Gather", {g.Call("Reshape", {m.mask, g.Ints({-1})}), offset}));
  ExpectOneBatch(g);
}

// Whatever reaches into another item, or shows an item its number, is not batched.
TEST(ItemIndex, OthersAreMixed) {
  using Build = std::function<int(GraphBuilder*, Mask*)>;
  const std::vector<std::pair<const char*, Build>> graphs = {
      {"tokens first", [](GraphBuilder*, Mask* m) { return ByTuples(m, false); }},
      {"a step that is too short",
       [](GraphBuilder* g, Mask* m) {
         return ByOffsets(m, g->Call("Sub", {m->tokens, m->Number(1)}), 0);
       }},
      {"one further", [](GraphBuilder*, Mask* m) { return ByOffsets(m, m->tokens, 1); }},
      {"the number itself", [](GraphBuilder*, Mask* m) { return m->Range(m->batch, 0, 2); }},
      {"added to the mask",
       [](GraphBuilder* g, Mask* m) {
         return g->Call("Add", {m->mask, m->Range(m->batch, 0, 2)});
       }},
      {"from 1",
       [](GraphBuilder* g, Mask* m) {
         const int end = g->Call("Add", {m->batch, m->Number(1)});
         const int item = m->Range(end, 0, 1, 1);
         const int clipped = g->Call("Mod", {item, m->batch});
         return g->Call("Gather", {m->mask, clipped});
       }},
      {"of another's row",
       [](GraphBuilder* g, Mask* m) {
         const int twice = g->Call("Add", {m->Range(m->batch, 0, 1), m->Range(m->batch, 0, 1)});
         return g->Call("Gather", {m->mask, g->Call("Mod", {twice, m->batch})});
       }},
      // How many elements are not 0 depends on every item.
      {"a size that depends on elements",
       [](GraphBuilder* g, Mask* m) {
         const int found = g->Call("Shape", {g->Call("NonZero", {m->mask})});
         return g->Call("Add", {m->mask, g->Call("Gather", {found, g->Ints({1})})});
       }},
  };
  for (const auto& [name, build] : graphs) {
    SCOPED_TRACE(name);
    GraphBuilder g;
    Mask m(&g);
    g.Output(build(&g, &m));
    EXPECT_FALSE(g.Load()->items.independent);
  }
}

// A model may name a dimension as symbols of our own are written.
TEST(ItemIndex, NamesOfDimensionsAreNoSymbolsOfOurs) {
  for (const char* name : {"#n", "#items"}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
    g.graph.values[static_cast<size_t>(x)].dim_names = {std::string(name) == "#n" ? "n" : "", name};
    const int width = g.Call("Gather", {g.Call("Shape", {x}), g.Ints({1})}, {{"axis", int64_t{0}}});
    const int zero = g.Call("Squeeze", {g.Ints({0}), g.Ints({0})});
    const int one = g.Call("Squeeze", {g.Ints({1}), g.Ints({0})});
    const int numbers = g.Call("Range", {zero, g.Call("Squeeze", {width, g.Ints({0})}), one});
    g.Output(g.Call("Gather", {x, numbers}, {{"axis", int64_t{0}}}));  // of rows, by columns
    EXPECT_FALSE(g.Load()->items.independent) << name;
  }
}

// nn.MultiheadAttention: [tokens, batch, width] as rows, through a product, and back.
TEST(SpreadItems, RowsOfAnOuterAxis) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (const bool back : {true, false}) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 3, 4});
    const int outer = g.Call("Transpose", {x}, {{"perm", std::vector<int64_t>{1, 0, 2}}});
    const int rows = g.Call("Reshape", {outer, g.Ints({-1, 4})});
    const int w = g.Constant(g.store.AddStrip("w", 4, 6, RandomFloats(&rng, 24), true));
    const int y = g.Call("Gemm", {rows, w}, {{"transB", int64_t{1}}});
    // Without the way back, or to another number of tokens, an item's rows are not together.
    g.Output(back ? g.Call("Reshape", {y, g.Ints({3, -1, 6})})
                  : g.Call("Reshape", {y, g.Ints({2, -1, 6})}));
    const auto model = g.Load();
    ASSERT_EQ(model->items.independent, back) << model->items.reason;
    if (!back) continue;
    EXPECT_EQ(model->items.outputs[0], 1);
    const int64_t n = 5;
    const Array all = Floats({n, 3, 4}, RandomFloats(&rng, n * 12));
    const Array batch = MustRun(g, *model, {all}, n)[0];
    for (int64_t k = 0; k < n; ++k) {
      const Array alone = MustRun(g, *model, {all.item(k)})[0];
      for (int64_t t = 0; t < 3; ++t) {
        EXPECT_EQ(std::memcmp(batch.view().data<float>() + (t * n + k) * 6,
                              alone.view().data<float>() + t * 6, 6 * sizeof(float)),
                  0);
      }
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
