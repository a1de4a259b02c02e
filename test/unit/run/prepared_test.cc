// Constants that are prepared once: which runs read them, who shares them, and their bound.
#include <cmath>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

// y = the sum of trees of two leaves: tree t gives weight[t] where x[0] < t.
GraphBuilder Trees(int64_t trees, float weight) {
  GraphBuilder g;
  std::vector<int64_t> tree, id, feature, yes, no, leaf_tree, leaf_node, target;
  std::vector<float> value, weights;
  std::vector<uint8_t> mode;
  for (int64_t t = 0; t < trees; ++t) {
    for (int64_t i = 0; i < 3; ++i) {
      tree.push_back(t);
      id.push_back(i);
      feature.push_back(0);
      value.push_back(static_cast<float>(t));
      yes.push_back(1);
      no.push_back(2);
      mode.push_back(i == 0 ? 1 : 7);
      if (i == 0) continue;
      leaf_tree.push_back(t);
      leaf_node.push_back(i);
      target.push_back(0);
      weights.push_back(i == 1 ? weight : 0);
    }
  }
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, 1});
  std::vector<int> inputs = {x};
  Attribute targets{"n_targets", int64_t{1}};
  std::vector<std::string> names;
  const auto add = [&](const char* name, int dtype, int64_t n, const void* elements) {
    inputs.push_back(g.Constant(g.store.AddRow(name, {n}, n, dtype, elements, 31)));
    names.push_back(name);
  };
  const int64_t n = 3 * trees, l = 2 * trees;
  add("nodes_treeids", MOSAIC_INT64, n, tree.data());
  add("nodes_nodeids", MOSAIC_INT64, n, id.data());
  add("nodes_featureids", MOSAIC_INT64, n, feature.data());
  add("nodes_values", MOSAIC_FLOAT, n, value.data());
  add("nodes_modes", MOSAIC_UINT8, n, mode.data());
  add("nodes_truenodeids", MOSAIC_INT64, n, yes.data());
  add("nodes_falsenodeids", MOSAIC_INT64, n, no.data());
  add("target_treeids", MOSAIC_INT64, l, leaf_tree.data());
  add("target_nodeids", MOSAIC_INT64, l, leaf_node.data());
  add("target_ids", MOSAIC_INT64, l, target.data());
  add("target_weights", MOSAIC_FLOAT, l, weights.data());
  g.Output(g.Call("TreeEnsembleRegressor", inputs, {targets}));
  g.graph.nodes.back().domain = "ai.onnx.ml";
  g.graph.nodes.back().attribute_inputs = names;
  g.graph.domains = {{"ai.onnx.ml", 3}};
  return g;
}

float Value(const GraphBuilder& g, BatchRun* run, RunLog* log) {
  std::vector<Array> out;
  const Status status = Predict(run, g.store, {Floats({1, 1}, {-1})}, 1, 1, &out, log);
  EXPECT_TRUE(status.ok()) << status.message();
  return out.empty() ? NAN : out[0].data<float>()[0];
}

TEST(Prepared, ConstantsAreReadOnce) {
  const GraphBuilder g = Trees(200, 2);
  const auto model = g.Load();
  BatchRun run(*model, 7);
  RunLog first, second, batch;
  EXPECT_EQ(Value(g, &run, &first), 400);
  EXPECT_GT(first.requests, 10);
  EXPECT_EQ(Value(g, &run, &second), 400);
  EXPECT_EQ(second.requests, 0);
  std::vector<Array> out;
  ASSERT_TRUE(Predict(&run, g.store, {Floats({3, 1}, {-1, 99.5f, 300})}, 3, 1, &out, &batch).ok());
  EXPECT_EQ(batch.requests, 0);
  EXPECT_EQ(out[0].data<float>()[1], 200);
  EXPECT_EQ(out[0].data<float>()[2], 0);
  EXPECT_EQ(model->prepared.bytes(), 0);  // of this execution alone
}

TEST(Prepared, IsTheModelsWhereThatIsSaid) {
  const GraphBuilder g = Trees(200, 2);
  const auto model = g.Load();
  BatchRun one(*model, 7), two(*model, 7), other(*model, 7);
  RunLog first, second;
  one.executor().SharePrepared();
  two.executor().SharePrepared();
  EXPECT_EQ(Value(g, &one, &first), 400);
  EXPECT_GT(model->prepared.bytes(), 200 * 3 * 16);
  EXPECT_LT(model->prepared.bytes(), 200 * 3 * 16 * 10);
  EXPECT_EQ(Value(g, &two, &second), 400);
  EXPECT_EQ(second.requests, 0);
  // An execution with other weights (a candidate that is judged) neither uses nor changes it.
  GraphBuilder candidate = Trees(200, 3);
  EXPECT_EQ(Value(candidate, &other, &second), 600);
  EXPECT_EQ(Value(g, &two, &second), 400);
}

TEST(Prepared, StaysWithinTheLimit) {
  const GraphBuilder g = Trees(20000, 2);
  const auto model = g.Load();
  BatchRun run(*model, 100);
  run.SetMemoryLimit(6 << 20, 6 << 20);
  std::vector<Array> out;
  const Status status = Predict(&run, g.store, {Floats({1, 1}, {-1})}, 1, 1, &out);
  EXPECT_EQ(status.code(), MOSAIC_E_NOMEM) << status.message();
  run.SetMemoryLimit(64 << 20, 64 << 20);
  RunLog log;
  EXPECT_EQ(Value(g, &run, &log), 40000);
  EXPECT_GT(log.steps, 20);  // packing is cut into steps
}

// y = x + Transpose(w), n x n: too many elements to be folded when the model is loaded.
GraphBuilder Turned(int64_t n, float first) {
  GraphBuilder g;
  std::vector<float> w(static_cast<size_t>(n * n));
  for (size_t i = 0; i < w.size(); ++i) w[i] = first + static_cast<float>(i);
  const int x = g.Input("x", MOSAIC_FLOAT, {1, 1});
  const int c = g.Constant(g.store.AddRow("w", {n, n}, n * n, MOSAIC_FLOAT, w.data()));
  g.Output(g.Call("Add", {x, g.Call("Transpose", {c})}));
  return g;
}

TEST(Prepared, SmallResultsOfConstantsAreKept) {
  for (const int64_t n : {300, 600}) {  // 0.36 and 1.44 MB
    const GraphBuilder g = Turned(n, 0), candidate = Turned(n, 5);
    const auto model = g.Load();
    BatchRun one(*model, 100), two(*model, 100), other(*model, 100);
    one.executor().SharePrepared();
    two.executor().SharePrepared();
    RunLog log;
    std::vector<Array> out;
    const auto value = [&](const GraphBuilder& from, BatchRun* run) {
      log = RunLog();
      EXPECT_TRUE(Predict(run, from.store, {Floats({1, 1}, {1})}, 1, 1, &out, &log).ok());
      return out[0].data<float>()[1];
    };
    EXPECT_EQ(value(g, &one), static_cast<float>(n + 1));
    EXPECT_GT(log.requests, 0);
    EXPECT_EQ(value(g, &two), static_cast<float>(n + 1));
    EXPECT_EQ(log.requests == 0, n == 300);
    EXPECT_EQ(value(candidate, &other), static_cast<float>(n + 6));
    EXPECT_EQ(value(g, &two), static_cast<float>(n + 1));
    EXPECT_LE(model->prepared.bytes(), 1 << 20);
  }
}

// Weights of a recurrence are packed once, where they come from constants; else for each run.
TEST(Prepared, WeightsOfRecurrences) {
  constexpr int64_t kSteps = 3, kInputs = 20, kHidden = 40;
  for (const bool constant : {true, false}) {
    std::mt19937 rng(3);
    GraphBuilder g;
    const Shape shapes[] = {{1, 4 * kHidden, kInputs}, {1, 4 * kHidden, kHidden}};
    const int x = g.Input("x", MOSAIC_FLOAT, {kSteps, 1, kInputs});
    std::vector<int> inputs = {x};
    for (const Shape& shape : shapes) {
      const std::vector<float> w = RandomFloats(&rng, NumElements(shape), 0.3F);
      int v = g.Constant(g.store.AddRow("w", shape, NumElements(shape), MOSAIC_FLOAT, w.data()));
      if (!constant)
        v = g.Call("Add",
                   {v, g.Call("ReduceMin", {g.Call("Abs", {x})}, {{"keepdims", int64_t{0}}})});
      inputs.push_back(v);
    }
    g.Output(g.Call("LSTM", inputs, {{"hidden_size", kHidden}}));
    const auto model = g.Load();
    BatchRun run(*model, 100);
    run.executor().SharePrepared();
    const Array in = Floats({kSteps, 1, kInputs}, RandomFloats(&rng, kSteps * kInputs));
    std::vector<Array> first, second;
    RunLog log;
    ASSERT_TRUE(Predict(&run, g.store, {in}, 1, 1, &first).ok());
    ASSERT_TRUE(Predict(&run, g.store, {in}, 1, 1, &second, &log).ok());
    EXPECT_TRUE(first[0] == second[0]);
    EXPECT_EQ(log.requests == 0, constant);
    EXPECT_EQ(model->prepared.bytes() > 0, constant);
  }
}

// What is damaged in the model's own lists stays the model's fault.
TEST(Prepared, DamageIsOfTheModel) {
  GraphBuilder g = Trees(100, 2);
  std::swap(g.graph.nodes.back().inputs[1], g.graph.nodes.back().inputs[2]);  // ids for trees
  const auto model = g.Load();
  BatchRun run(*model, 100);
  std::vector<Array> out;
  const Status status = Predict(&run, g.store, {Floats({1, 1}, {-1})}, 1, 1, &out);
  EXPECT_EQ(status.code(), MOSAIC_E_BAD_MODEL) << status.message();
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
