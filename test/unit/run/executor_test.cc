// The executor: batches against single items bit for bit, blocks, steps, restarts, errors.
#include <functional>

#include "core/run/batch.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

Attribute Axis(int64_t axis) { return {"axis", axis}; }

// A batch gives the bits of the items alone. at_once: it reads every block as often as one item
// does; else once per item.
void ExpectBatchEqualsItems(const GraphBuilder& g, const std::vector<Array>& inputs, int64_t items,
                            bool at_once) {
  const auto model = g.Load();
  const std::vector<Array> want = RunAlone(g, *model, inputs, items);
  for (int max_blocks : {1, 2, 7, 1000}) {
    const std::vector<Array> got = MustRun(g, *model, inputs, items, max_blocks);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].shape, want[i].shape);
      EXPECT_TRUE(got[i] == want[i])
          << "output " << i << ", items " << items << ", max_blocks " << max_blocks;
    }
  }
  RunLog one, batch;
  std::vector<Array> first;
  for (const Array& a : inputs) first.push_back(a.item(0));
  MustRun(g, *model, first, 1, 1000, &one);
  MustRun(g, *model, inputs, items, 1000, &batch);
  if (at_once) {
    EXPECT_EQ(batch.requests, one.requests);
  } else {
    EXPECT_GE(batch.requests, one.requests * items);
  }
}

int Linear(GraphBuilder* g, std::mt19937* rng, int x, int64_t k, int64_t m) {
  const int w = g->Constant(g->store.AddStrip("w", k, m, RandomFloats(rng, k * m), true));
  const std::vector<float> bias = RandomFloats(rng, m);
  const int b = g->Constant(g->store.AddRow("b", {m}, m, MOSAIC_FLOAT, bias.data()));
  return g->Call("Gemm", {x, w, b}, {{"transB", int64_t{1}}});
}

TEST(Executor, MlpBatchesAreBitIdentical) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  GraphBuilder g;
  int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 100});
  x = g.Call("Relu", {Linear(&g, &rng, x, 100, 37)});
  x = g.Call("Relu", {Linear(&g, &rng, x, 37, 64)});
  g.Output(g.Call("Softmax", {Linear(&g, &rng, x, 64, 10)}, {Axis(-1)}));
  const int64_t most = 33;
  const Array all = Floats({most, 100}, RandomFloats(&rng, most * 100));
  for (int64_t n : {1, 2, 3, 4, 5, 8, 15, 16, 17, 33}) {
    ExpectBatchEqualsItems(g, {Array(all.view().Slice(0, n))}, n, true);
  }
}

// Weights stored as bfloat16 are what float32 weights with the same values are: streamed, gathered,
// and read as a whole (the sum of two matrices). Of numbers so short that no product or sum is
// rounded, whatever its order.
TEST(Executor, BFloat16WeightsAreTheirValues) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const auto rounded = [&](int64_t n) {
    std::vector<float> v = RandomFloats(&rng, n);
    for (float& f : v) f = std::clamp(std::round(f * 8), -8.0f, 8.0f) / 8;
    return v;
  };
  for (const int64_t k : {99, 300}) {
    const int64_t m = 37, vocabulary = 41;
    const std::vector<float> w1 = rounded(k * m), w2 = rounded(k * m), e = rounded(vocabulary * k);
    std::vector<uint16_t> half(e.size());
    std::transform(e.begin(), e.end(), half.begin(), FloatToBFloat16);
    std::vector<Array> outputs;
    for (const int stored : {MOSAIC_FLOAT, MOSAIC_BFLOAT16}) {
      GraphBuilder g;
      const bool pairs = stored == MOSAIC_BFLOAT16;
      const void* elements = pairs ? static_cast<const void*>(half.data()) : e.data();
      const int table = g.Constant(
          g.store.AddRow("e", {vocabulary, k}, vocabulary, MOSAIC_FLOAT, elements, 31, stored));
      const auto strip = [&](const std::vector<float>& w, bool transposed) {
        return g.Constant(g.store.AddStrip("w", k, m, w, transposed, 31, MOSAIC_FLOAT, stored));
      };
      const int ids = g.Input("ids", MOSAIC_INT64, {kSymbolic});
      const int x = g.Call("Gather", {table, ids}, {Axis(0)});
      g.Output(g.Call("Gemm", {x, strip(w1, true)}, {{"transB", int64_t{1}}}));
      g.Output(g.Call("MatMul", {x, strip(w2, false)}));
      g.Output(g.Call("Add", {strip(w1, false), strip(w2, false)}));
      const Array id(MOSAIC_INT64, {5}, std::vector<int64_t>{3, 40, 0, 3, 17});
      for (int max_blocks : {1, 1000}) {
        const std::vector<Array> out = MustRun(g, *g.Load(), {id}, 1, max_blocks);
        if (outputs.empty()) outputs = out;
        EXPECT_TRUE(out == outputs) << "k " << k << ", stored as " << DTypeName(stored);
      }
    }
  }
}

// One layer of attention with the shapes PyTorch exports: [N, L, D] -> heads -> [N, L, D].
TEST(Executor, AttentionBatchesAreBitIdentical) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t length = 5, width = 24, heads = 3;
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic, width});
  const int shape = g.Call("Shape", {x});
  auto dim = [&](int64_t i) { return g.Call("Gather", {shape, g.Ints({i})}, {Axis(0)}); };
  auto project = [&](int from) {
    const int w =
        g.Constant(g.store.AddStrip("w", width, width, RandomFloats(&rng, width * width)));
    return g.Call("MatMul", {from, w});
  };
  auto split = [&](int from) {
    const int target = g.Call("Concat", {dim(0), dim(1), g.Ints({heads}), g.Ints({-1})}, {Axis(0)});
    return g.Call("Reshape", {from, target});
  };
  auto permute = [&](int from, std::vector<int64_t> perm) {
    return g.Call("Transpose", {from}, {{"perm", std::move(perm)}});
  };
  const int q = permute(split(project(x)), {0, 2, 1, 3});
  const int k = permute(split(project(x)), {0, 2, 3, 1});
  const int v = permute(split(project(x)), {0, 2, 1, 3});
  const int weights = g.Call("Softmax", {g.Call("MatMul", {q, k})}, {Axis(-1)});
  const int mixed = permute(g.Call("MatMul", {weights, v}), {0, 2, 1, 3});
  const int joined = g.Call("Concat", {dim(0), dim(1), g.Ints({width})}, {Axis(0)});
  g.Output(project(g.Call("Reshape", {mixed, joined})));
  for (int64_t n : {2, 3, 5, 24}) {
    const Array in = Floats({n, length, width}, RandomFloats(&rng, n * length * width));
    ExpectBatchEqualsItems(g, {in}, n, true);
  }
}

TEST(Executor, EmbeddingWithMeanPoolingIsBitIdentical) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t words = 1000, width = 20, length = 9;
  const std::vector<float> table = RandomFloats(&rng, words * width);
  GraphBuilder g;
  const int data =
      g.Constant(g.store.AddRow("e", {words, width}, words, MOSAIC_FLOAT, table.data()));
  const int ids = g.Input("ids", MOSAIC_INT64, {kSymbolic, kSymbolic});
  const int pooled = g.Call("ReduceMean", {g.Call("Gather", {data, ids})},
                            {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}});
  g.Output(Linear(&g, &rng, pooled, width, 3));
  for (int64_t n : {2, 9, 30}) {
    std::vector<int64_t> tokens;
    for (int64_t i = 0; i < n * length; ++i) tokens.push_back(static_cast<int64_t>(rng() % words));
    ExpectBatchEqualsItems(g, {Array(MOSAIC_INT64, {n, length}, tokens)}, n, true);
  }
}

// What looks across items is computed item by item, with the same result.
TEST(Executor, GraphsThatMixItemsAreComputedItemByItem) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  using Build = std::function<int(GraphBuilder*, int)>;  // from a batch [N, 4]
  auto count = [](GraphBuilder* g, int x) {              // [N], as float
    const int n = g->Call("Gather", {g->Call("Shape", {x}), g->Ints({0})}, {Axis(0)});
    return g->Call("Cast", {n}, {{"to", int64_t{MOSAIC_FLOAT}}});
  };
  const std::vector<std::pair<const char*, Build>> graphs = {
      {"softmax over items",
       [](GraphBuilder* g, int x) { return g->Call("Softmax", {x}, {Axis(0)}); }},
      {"fixed shape",
       [](GraphBuilder* g, int x) {
         return g->Call("Reshape", {x, g->Ints({1, 4})});
       }},
      // With 2 items, [2, -1] keeps dimension 0 by chance.
      {"two rows",
       [](GraphBuilder* g, int x) {
         return g->Call("Reshape", {x, g->Ints({2, -1})});
       }},
      {"mean over items",
       [](GraphBuilder* g, int x) {
         return g->Call("ReduceMean", {x},
                        {{"axes", std::vector<int64_t>{0}}, {"keepdims", int64_t{0}}});
       }},
      {"all to a scalar",
       [](GraphBuilder* g, int x) {
         return g->Call("ReduceSum", {x}, {{"keepdims", int64_t{0}}});
       }},
      {"divided by the number of items",
       [&](GraphBuilder* g, int x) {
         return g->Call("Div", {x, count(g, x)});
       }},
      {"the number of items", [&](GraphBuilder* g, int x) { return count(g, x); }},
      {"the shape", [](GraphBuilder* g, int x) { return g->Call("Shape", {x}); }},
      {"each with each",
       [](GraphBuilder* g, int x) {
         const int t = g->Call("Transpose", {x}, {{"perm", std::vector<int64_t>{1, 0}}});
         return g->Call("MatMul", {x, t});
       }},
      {"the first item",
       [](GraphBuilder* g, int x) {
         return g->Call("Gather", {x, g->Ints({0})}, {Axis(0)});
       }},
  };
  for (const auto& [name, build] : graphs) {
    for (int64_t n : {2, 3, 4}) {
      SCOPED_TRACE(name);
      GraphBuilder g;
      const int x = Linear(&g, &rng, g.Input("x", MOSAIC_FLOAT, {kSymbolic, 6}), 6, 4);
      g.Output(build(&g, x));
      g.Output(x);
      ExpectBatchEqualsItems(g, {Floats({n, 6}, RandomFloats(&rng, n * 6))}, n, false);
    }
  }
}

// Outputs in the layout of the model, and item after item.
TEST(Executor, ItemsOfOutputs) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const int64_t n = 3;
  const std::vector<float> in = RandomFloats(&rng, n * 4);
  using Build = std::function<int(GraphBuilder*, int)>;
  struct Wanted {
    const char* name;
    Build build;
    Shape whole, item;
  };
  for (const Wanted& w :
       std::vector<Wanted>{{"transposed",
                            [](GraphBuilder*g, int x) { return g->Call("Transpose", {x}); },
                            {4, n},
                            {4}},
                           {"flat",
                            [](GraphBuilder*g, int x) {
                              return g->Call("Reshape", {x, g->Ints({-1})});
                            },
                            {4 * n},
                            {4}},
                           {"a constant",
                            [](GraphBuilder*g, int) {
                              return g->Ints({7, 8});
                            },
                            {2},
                            {2}}}) {
    SCOPED_TRACE(w.name);
    GraphBuilder g;
    const int x = g.Call("Relu", {g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4})});
    g.Output(w.build(&g, x));
    const auto model = g.Load();
    ASSERT_TRUE(model->items.independent) << model->items.reason;
    BatchRun run(*model, 10);
    std::vector<Array> out;
    ASSERT_TRUE(Predict(&run, g.store, {Floats({n, 4}, in)}, n, 1, &out).ok());
    EXPECT_EQ(run.way(), BatchRun::Way::kAtOnce);
    EXPECT_EQ(out[0].shape, w.whole);
    Shape item;
    Tensor all;
    bool more;
    ASSERT_TRUE(run.ItemOutput(0, false, &item, &all, &more).ok());
    EXPECT_FALSE(more);
    EXPECT_EQ(item, w.item);
    for (int64_t i = 0; i < n; ++i) {
      const Array alone = MustRun(g, *model, {Floats({n, 4}, in).item(i)})[0];
      EXPECT_EQ(std::memcmp(all.data<char>() + i * static_cast<int64_t>(alone.bytes.size()),
                            alone.bytes.data(), alone.bytes.size()),
                0);
    }
  }
}

// Items behind another axis are put in their order piece by piece.
TEST(Executor, LargeOutputsAreOrderedInPieces) {
  constexpr int64_t kItems = 300, kWidth = 20000;
  GraphBuilder g;
  g.Output(g.Call("Transpose", {g.Call("Relu", {g.Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth})})}));
  const auto model = g.Load();
  BatchRun run(*model, 10);
  std::vector<float> in(kItems * kWidth);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i % 1000);
  std::vector<Array> out;
  ASSERT_TRUE(Predict(&run, g.store, {Floats({kItems, kWidth}, in)}, kItems, 1, &out).ok());
  Shape item;
  Tensor all;
  int pieces = 0;
  for (bool more = true; more; ++pieces) ASSERT_TRUE(run.ItemOutput(0, false, &item, &all, &more).ok());
  EXPECT_GE(pieces, 5);
  EXPECT_EQ(item, (Shape{kWidth}));
  EXPECT_EQ(std::memcmp(all.raw(), in.data(), in.size() * sizeof(float)), 0);
}

// So is the order of items, or an output that is the same for all, once for each.
TEST(Executor, OutputsItemAfterItemAreWithinTheLimit) {
  constexpr int64_t kItems = 50, kWidth = 30000;
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4});
  g.Output(g.Call("Relu", {x}));
  const std::vector<float> w(kWidth, 2);
  g.Output(g.Constant(g.store.AddInline("w", {kWidth}, MOSAIC_FLOAT, w.data())));
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  for (const int64_t limit : {int64_t{1} << 20, int64_t{64} << 20}) {
    BatchRun run(*model, 10);
    run.SetMemoryLimit(limit, limit);
    std::vector<Array> out;
    ASSERT_TRUE(Predict(&run, g.store, {Floats({kItems, 4}, std::vector<float>(kItems * 4))}, kItems, 2, &out).ok());
    Shape item;
    Tensor all;
    int pieces = 0;
    Status status;
    for (bool more = true; more && status.ok(); ++pieces) status = run.ItemOutput(1, false, &item, &all, &more);
    if (limit == 1 << 20) {
      EXPECT_EQ(status.code(), MOSAIC_E_NOMEM) << status.message();
      continue;
    }
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_GE(pieces, 2);
    EXPECT_EQ(item, (Shape{kWidth}));
    for (int64_t i = 0; i < kItems * kWidth; ++i) ASSERT_EQ(all.data<float>()[i], 2);
  }
}

// What depends on the number of items without mixing them stays one batch.
TEST(Executor, ShapesOfBatchesDoNotBreakBatching) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  using Build = std::function<int(GraphBuilder*, int)>;
  const std::vector<std::pair<const char*, Build>> graphs = {
      {"view(x.size(0), -1)",
       [](GraphBuilder* g, int x) {
         const int n = g->Call("Gather", {g->Call("Shape", {x}), g->Ints({0})}, {Axis(0)});
         return g->Call("Reshape", {x, g->Call("Concat", {n, g->Ints({2, 2})}, {Axis(0)})});
       }},
      {"zeros like x",
       [](GraphBuilder* g, int x) {
         return g->Call("Add", {x, g->Call("ConstantOfShape", {g->Call("Shape", {x})})});
       }},
      {"width of x",
       [](GraphBuilder* g, int x) {
         const int w = g->Call("Gather", {g->Call("Shape", {x}), g->Ints({1})}, {Axis(0)});
         return g->Call("Mul", {x, g->Call("Cast", {w}, {{"to", int64_t{MOSAIC_FLOAT}}})});
       }},
      {"expand",
       [](GraphBuilder* g, int x) {
         const float two = 2;
         const int c = g->Constant(g->store.AddInline("two", {1, 1}, MOSAIC_FLOAT, &two));
         return g->Call("Sub", {x, g->Call("Expand", {c, g->Call("Shape", {x})})});
       }},
      {"flatten", [](GraphBuilder* g, int x) { return g->Call("Flatten", {x}); }},
  };
  for (const auto& [name, build] : graphs) {
    for (int64_t n : {2, 4, 5}) {
      SCOPED_TRACE(name);
      GraphBuilder g;
      const int x = Linear(&g, &rng, g.Input("x", MOSAIC_FLOAT, {1, 6}), 6, 4);
      g.Output(build(&g, x));
      ExpectBatchEqualsItems(g, {Floats({n, 6}, RandomFloats(&rng, n * 6))}, n, true);
    }
  }
}

// Two inputs name a dimension alike, and are given different ones: what the plan made of the name
// would be wrong.
TEST(Executor, DimensionsOfOneNameThatDifferAreRefused) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
  const int y = g.Input("y", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
  for (int v : {x, y}) g.graph.values[static_cast<size_t>(v)].dim_names = {"batch", "n"};
  g.Output(g.Call("Sub", {g.Call("Shape", {x}), g.Call("Shape", {y})}));
  const auto model = g.Load();
  const auto run = [&](const Shape& a, const Shape& b, int64_t items) {
    BatchRun run(*model, 10);
    std::vector<Array> out;
    const auto ones = [](const Shape& s) {
      return Floats(s, std::vector<float>(static_cast<size_t>(NumElements(s)), 1));
    };
    return Predict(&run, g.store, {ones(a), ones(b)}, items, 1, &out);
  };
  EXPECT_TRUE(run({1, 4}, {1, 4}, 1).ok());
  for (const int64_t items : {1, 2}) {
    const Status s = run({items, 4}, {items, 2}, items);
    EXPECT_EQ(s.code(), MOSAIC_E_INVALID);
    EXPECT_EQ(s.message(), "model \"m\": dimension \"n\" is 4 in input \"x\" and 2 in input \"y\"");
  }
}

// 6 tokens into 4 positions.
TEST(Executor, LengthsThatDoNotFitAreNamedWithTheInputs) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kSymbolic});
  const std::vector<float> positions(4, 1);
  g.Output(g.Call("Add",
                  {x, g.Constant(g.store.AddInline("p", {1, 4}, MOSAIC_FLOAT, positions.data()))}));
  const auto model = g.Load();
  BatchRun run(*model, 1);
  std::vector<Array> out;
  const Status s = Predict(&run, g.store, {Floats({1, 6}, std::vector<float>(6, 1))}, 1, 1, &out);
  EXPECT_EQ(s.code(), MOSAIC_E_INVALID);
  EXPECT_NE(s.message().find("(Add): shapes [1, 6] and [1, 4] cannot be broadcast"),
            std::string::npos)
      << s.message();
  EXPECT_EQ(s.hint(), "The inputs were: \"x\" [1, 6].");
}

TEST(Executor, OutputsThatAreInputsOrConstantsAreCopied) {
  GraphBuilder g;
  const std::vector<float> w = {1, 2, 3, 4, 5, 6};
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
  g.Output(x);
  g.Output(g.Call("Identity", {x}));
  g.Output(g.Constant(g.store.AddStrip("w", 3, 2, w, true)));  // transposed back
  g.Output(g.Constant(g.store.AddInline("i", {3, 2}, MOSAIC_FLOAT, w.data())));
  // Predict overwrites the inputs before it looks at the outputs.
  const auto out = MustRun(g, *g.Load(), {Floats({1, 2}, {8, 9})});
  EXPECT_TRUE(out[0] == Floats({1, 2}, {8, 9}));
  EXPECT_TRUE(out[1] == Floats({1, 2}, {8, 9}));
  EXPECT_TRUE(out[2] == Floats({2, 3}, {1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(out[3] == Floats({3, 2}, w));
}

TEST(Executor, ItemsWithDifferentOutputShapesAreRefused) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_INT64, {kSymbolic, 1});
  const int n = g.Call("Squeeze", {x});
  const int64_t zero = 0, one = 1;
  const int from = g.Constant(g.store.AddInline("0", {}, MOSAIC_INT64, &zero));
  const int step = g.Constant(g.store.AddInline("1", {}, MOSAIC_INT64, &one));
  g.Output(g.Call("Range", {from, n, step}));
  const auto model = g.Load();
  BatchRun executor(*model, 1);
  std::vector<Array> out;
  auto predict = [&](std::vector<int64_t> v) {
    const int64_t items = static_cast<int64_t>(v.size());
    return Predict(&executor, g.store, {Array(MOSAIC_INT64, {items, 1}, v)}, items, 1, &out);
  };
  EXPECT_EQ(predict({2, 3}).code(), MOSAIC_E_UNSUPPORTED);
  ASSERT_TRUE(predict({2, 2}).ok());
  EXPECT_TRUE(out[0] == Array(MOSAIC_INT64, {4}, std::vector<int64_t>{0, 1, 0, 1}));
}

TEST(Executor, AnErrorOfOneItemIsReportedAndTheExecutorGoesOn) {
  GraphBuilder g;
  const std::vector<float> table(20, 1);
  const int data = g.Constant(g.store.AddRow("t", {10, 2}, 10, MOSAIC_FLOAT, table.data()));
  g.Output(g.Call("Gather", {data, g.Input("i", MOSAIC_INT64, {kSymbolic, 1})}));
  const auto model = g.Load();
  BatchRun executor(*model, 4);
  std::vector<Array> out;
  auto predict = [&](std::vector<int64_t> v, RunLog* log = nullptr) {
    const int64_t items = static_cast<int64_t>(v.size());
    return Predict(&executor, g.store, {Array(MOSAIC_INT64, {items, 1}, v)}, items, 1, &out, log);
  };
  EXPECT_EQ(predict({1, 2, 99}).code(), MOSAIC_E_INVALID);
  // Bad data does not mean that the model mixes items: the next batch is one again.
  RunLog log;
  ASSERT_TRUE(predict({1, 2, 3}, &log).ok());
  EXPECT_EQ(log.requests, 1);
}

TEST(Executor, InputsAreChecked) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 3});
  g.graph.values[static_cast<size_t>(x)].dim_names = {"batch", ""};
  g.Output(g.Call("Relu", {x}));
  const auto model = g.Load();
  BatchRun executor(*model, 1);
  auto message = [&](std::vector<Tensor> inputs, int64_t items) {
    const Status s = executor.Start(std::move(inputs), items);
    EXPECT_EQ(s.code(), MOSAIC_E_INVALID);
    BatchRun::Outcome outcome;
    EXPECT_EQ(executor.Step(&outcome).code(), MOSAIC_E_INTERNAL);  // nothing was started
    return s.message();
  };
  const Array ok = Floats({2, 3}, {1, 2, 3, 4, 5, 6}), wide = Floats({1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(message({wide.view()}, 1),
            "model \"m\": input \"x\" takes shape [batch, 3], shape [1, 4] was given");
  EXPECT_EQ(message({ok.view()}, 3),
            "model \"m\": input \"x\": shape [2, 3] is not a batch of 3 items");
  EXPECT_EQ(message({}, 1), "model \"m\" takes 1 inputs, 0 were given for 1 items");
  message({ok.view()}, 0);
  message({Tensor()}, 1);
  message({Tensor::Borrow(MOSAIC_FLOAT, {2, 3}, nullptr)}, 1);
  EXPECT_EQ(message({Array(MOSAIC_INT32, {1, 3}, std::vector<int32_t>{1, 2, 3}).view()}, 1),
            "model \"m\": input \"x\" takes float32 elements, int32 were given");
}

TEST(Executor, StepsInTheWrongOrderAreErrorsNotCrashes) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  GraphBuilder g;
  g.Output(Linear(&g, &rng, g.Input("x", MOSAIC_FLOAT, {kSymbolic, 200}), 200, 40));
  const auto model = g.Load();
  const Array in = Floats({1, 200}, RandomFloats(&rng, 200));
  const Array want = MustRun(g, *model, {in})[0];
  // Abandoned after every number of steps, then started again, then freed in any state.
  for (int abandon = 0; abandon < 12; ++abandon) {
    BatchRun executor(*model, 1);
    BatchRun::Outcome outcome;
    EXPECT_EQ(executor.Step(&outcome).code(), MOSAIC_E_INTERNAL);
    ServedBlocks served;
    ASSERT_TRUE(executor.Start({in.view()}, 1).ok());
    for (int i = 0; i < abandon; ++i) {
      ASSERT_TRUE(executor.Step(&outcome).ok());
      if (outcome == BatchRun::Outcome::kDone) break;
      if (outcome == BatchRun::Outcome::kMore) continue;
      EXPECT_EQ(executor.Step(&outcome).code(), MOSAIC_E_INTERNAL);  // without Supply
      g.store.Serve(executor.request(), &served);
      executor.Supply(served.payloads());
    }
    std::vector<Array> out;
    ASSERT_TRUE(Predict(&executor, g.store, {in}, 1, 1, &out).ok());
    EXPECT_TRUE(out[0] == want);
    EXPECT_EQ(executor.Step(&outcome).code(), MOSAIC_E_INTERNAL);  // it is done
    ASSERT_TRUE(executor.Start({in.view()}, 1).ok());
    ASSERT_TRUE(executor.Step(&outcome).ok());
  }
}

// An operator that counts what it is asked to do.
class CountingOp : public Op {
 public:
  CountingOp(double unit_cost, int64_t units) : unit_cost_(unit_cost), units_(units) {}
  Status Infer(InferContext& c) const override { return c.Set(0, c.dtype(0), c.dims(0)); }
  Status Start(Call& c) const override {
    c.OnePhase(units_, unit_cost_, 4);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    c.outputs[0].mutable_data<float>()[0] = 1;
    EXPECT_EQ(begin, next);
    ranges.push_back(end - begin);
    next = end;
    return Status();
  }
  mutable int64_t next = 0;
  mutable std::vector<int64_t> ranges;

 private:
  double unit_cost_;
  int64_t units_;
};

TEST(Executor, StepsAreShortAndUnitsRunOnceInOrder) {
  GraphBuilder g;
  g.Output(g.Call("Identity", {g.Input("x", MOSAIC_FLOAT, {1})}));
  for (const auto& [cost, units] : {std::pair<double, int64_t>{1e6, 57}, {1e10, 5}, {0, 1000}}) {
    const auto model = g.Load();
    auto owned = std::make_unique<CountingOp>(cost, units);
    const CountingOp& op = *owned;
    model->bodies[0].steps[0].op = std::move(owned);
    MustRun(g, *model, {Floats({1}, {1})});
    EXPECT_EQ(op.next, units);
    // Some milliseconds, by the cost alone.
    const int64_t most = cost == 0 ? units : std::max<int64_t>(1, static_cast<int64_t>(6e6 / cost));
    EXPECT_LE(op.ranges[0], most);
    if (most >= 4 && cost > 0) {
      EXPECT_EQ(op.ranges[0] % 4, 0);  // whole grains
    }
  }
}

TEST(Executor, ZeroUnitsAndNoNodes) {
  GraphBuilder empty;
  empty.Output(empty.Ints({1, 2}));
  EXPECT_EQ(MustRun(empty, *empty.Load(), {})[0].shape, (Shape{2}));
  GraphBuilder g;
  g.Output(g.Call("Relu", {g.Input("x", MOSAIC_FLOAT, {kSymbolic, 0})}));
  EXPECT_EQ(MustRun(g, *g.Load(), {Floats({1, 0}, {})})[0].shape, (Shape{1, 0}));
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
