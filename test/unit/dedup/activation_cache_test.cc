// Runs that go on from what other runs computed: the same bits, less work, bounded memory.
#include "core/dedup/activation_cache.h"

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

constexpr int64_t kLength = 4, kWidth = 24;

// Attention with a residual, and a head: a shape that depends on the batch, constants that are
// streamed, loaded and inline, values with several readers. Tensors 0, 1, ... come in the order of
// the nodes that read them.
void Build(GraphBuilder* g, std::mt19937* rng) {
  const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, kLength, kWidth});
  const auto weight = [&](int64_t k, int64_t m) {
    return g->Constant(g->store.AddStrip("w", k, m, RandomFloats(rng, k * m, 0.3f)));
  };
  const int q = g->Call("MatMul", {x, weight(kWidth, kWidth)});
  const int v = g->Call("MatMul", {x, weight(kWidth, kWidth)});
  const int turned = g->Call("Transpose", {q}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  const int scores = g->Call("Softmax", {g->Call("MatMul", {q, turned})}, {{"axis", int64_t{-1}}});
  const std::vector<float> rows = RandomFloats(rng, kLength * kWidth);
  const int positions =
      g->Constant(g->store.AddRow("p", {kLength, kWidth}, kLength, MOSAIC_FLOAT, rows.data()));
  int y = g->Call("Add", {g->Call("MatMul", {scores, v}), positions});
  y = g->Call("Add", {g->Call("MatMul", {y, weight(kWidth, kWidth)}), x});
  const int shape = g->Call("Shape", {x});
  const int count = g->Call("Gather", {shape, g->Ints({0})}, {{"axis", int64_t{0}}});
  const int flat = g->Call("Concat", {count, g->Ints({-1})}, {{"axis", int64_t{0}}});
  y = g->Call("Relu", {g->Call("Reshape", {y, flat})});
  y = g->Call("MatMul", {y, weight(kLength * kWidth, 50)});
  g->Output(g->Call("MatMul", {y, weight(50, 3)}));
}

Array RandomItems(std::mt19937* rng, int64_t n) {
  return Floats({n, kLength, kWidth}, RandomFloats(rng, n * kLength * kWidth));
}

// Characters of strings are the run's: nothing goes on from them.
TEST(Checkpoint, KeepsNoStrings) {
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 2});
  const int text = g.Call("Cast", {x}, {{"to", int64_t{MOSAIC_STRING}}});
  g.Output(g.Call("Cast", {text}, {{"to", int64_t{MOSAIC_FLOAT}}}));
  const auto model = g.Load();
  const Array in = Floats({1, 2}, {1.5f, -2});
  Arena arena;
  Checkpoint kept;
  std::vector<Array> out;
  const auto keep = [&](BatchRun* run, std::vector<Tensor> inputs, int64_t items) {
    const Status status = run->Start(std::move(inputs), items);
    run->KeepAt(1, &arena, &kept);
    return status;
  };
  BatchRun run(*model, 10);
  ASSERT_TRUE(Predict(&run, g.store, {in}, 1, 1, &out, nullptr, keep).ok());
  EXPECT_TRUE(out[0] == in);
  EXPECT_EQ(kept.step, 0u);
  EXPECT_TRUE(kept.values.empty());
}

TEST(Checkpoint, GoesOnFromEveryNode) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  GraphBuilder g;
  Build(&g, &rng);
  const auto model = g.Load();
  for (int64_t items : {1, 2, 7}) {
    const Array x = RandomItems(&rng, items);
    RunLog full;
    const auto want = MustRun(g, *model, {x}, items, 1000, &full);
    for (size_t node = 1; node <= model->main().steps.size(); ++node) {
      Arena arena;
      Checkpoint kept;
      std::vector<Array> got;
      RunLog log;
      {
        BatchRun first(*model, 1000);
        const auto keep = [&](BatchRun* e, std::vector<Tensor> in, int64_t n) {
          const Status status = e->Start(std::move(in), n, true);
          e->KeepAt(node, &arena, &kept);
          return status;
        };
        ASSERT_TRUE(Predict(&first, g.store, {x}, items, 1, &got, &log, keep).ok());
        EXPECT_TRUE(got == want);
      }
      ASSERT_EQ(kept.step, node);
      BatchRun second(*model, 1000);
      log = RunLog();
      const auto resume = [&](BatchRun* e, std::vector<Tensor> in, int64_t n) {
        const Status status = e->Start(std::move(in), n, true);
        e->Resume(kept);
        return status;
      };
      ASSERT_TRUE(Predict(&second, g.store, {x}, items, 1, &got, &log, resume).ok());
      EXPECT_TRUE(got == want) << "items " << items << ", node " << node;
      EXPECT_LT(log.requests, full.requests);
    }
  }
}

// Items that cannot be computed at once: nothing is kept, and what is kept is not used.
TEST(Checkpoint, NothingIsKeptOfItemsComputedOneByOne) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  GraphBuilder g;
  int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 8});
  const int relu = g.Call("Relu", {x});
  g.Output(g.Call("Softmax", {relu}, {{"axis", int64_t{0}}}));  // over the batch
  const auto model = g.Load();
  const Array items = Floats({5, 8}, RandomFloats(&rng, 40));
  const auto want = RunAlone(g, *model, {items}, 5);
  Arena arena;
  Checkpoint kept;
  const auto both = [&](BatchRun* e, std::vector<Tensor> in, int64_t n) {
    const Status status = e->Start(std::move(in), n, true);
    e->Resume(kept);
    e->KeepAt(1, &arena, &kept);
    return status;
  };
  BatchRun executor(*model, 10);
  std::vector<Array> got;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Predict(&executor, g.store, {items}, 5, 1, &got, nullptr, both).ok());
    EXPECT_TRUE(got == want);
    EXPECT_EQ(kept.step, 0u);
  }
}

// Tensors change at random, announced or not; every evaluation gives the bits of a whole run.
TEST(ActivationCacheTest, EvaluationsAreBitIdenticalToWholeRuns) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  std::vector<std::unique_ptr<GraphBuilder>> versions;
  for (int i = 0; i < 4; ++i) {
    versions.push_back(std::make_unique<GraphBuilder>());
    Build(versions.back().get(), &rng);
  }
  GraphBuilder& g = *versions[0];
  const auto model = g.Load();
  std::vector<int> all;
  for (int t = 0; t < static_cast<int>(model->tensors.size()); ++t) {
    if (model->tensors[static_cast<size_t>(t)].layout != MOSAIC_LAYOUT_INLINE) all.push_back(t);
  }
  std::vector<Array> batches;
  for (int64_t items : {6, 6, 1, 5, 2}) batches.push_back(RandomItems(&rng, items));

  for (int64_t max_bytes : {int64_t{0}, int64_t{9000}, int64_t{20000}, int64_t{1} << 30}) {
    ActivationCache cache(*model, max_bytes);
    for (int evaluation = 0; evaluation < 60; ++evaluation) {
      std::vector<int> changed, next;
      for (int t : all) {
        if (evaluation > 0 && rng() % 4 == 0) changed.push_back(t);
        if (rng() % 3 == 0) next.push_back(t);
      }
      for (int t : changed) g.store.CopyTensor(versions[1 + rng() % 3]->store, t);
      cache.Begin(changed, next);
      EXPECT_LE(cache.bytes(), max_bytes);
      BatchRun executor(*model, 1 + static_cast<int>(rng() % 100));
      const size_t stop = rng() % 10 == 0 ? 2 : batches.size();  // an evaluation that ends early
      for (size_t b = 0; b < stop; ++b) {
        const int64_t items = batches[b].shape[0];
        std::vector<Array> got;
        const auto start = [&](BatchRun* e, std::vector<Tensor> in, int64_t n) {
          return cache.Start(e, b, std::move(in), n);
        };
        ASSERT_TRUE(Predict(&executor, g.store, {batches[b]}, items, 1, &got, nullptr, start).ok());
        ASSERT_TRUE(got == MustRun(g, *model, {batches[b]}, items))
            << "evaluation " << evaluation << ", batch " << b << ", bytes " << max_bytes;
      }
    }
    EXPECT_EQ(cache.nodes_skipped() > 0, max_bytes > 0) << max_bytes;
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
