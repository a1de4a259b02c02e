// Activations within a limit: fewer items at a time, with the same bits, or a refusal that says how
// much is needed.
#include "core/run/batch.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

Attribute Axis(int64_t axis) { return {"axis", axis}; }

// [items, kWidth] -> the same shape, by way of an array of four times the size. Items are of a size
// whose arrays the arena rounds up by as much as a third.
constexpr int64_t kWidth = 1100;
GraphBuilder Widening() {
  GraphBuilder g;
  const int x = g.Call("Exp", {g.Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth})});
  const int wide = g.Call("Tanh", {g.Call("Concat", {x, x, x, x}, {Axis(1)})});
  g.Output(g.Call("Slice", {wide, g.Ints({7}), g.Ints({7 + kWidth}), g.Ints({1})}));
  return g;
}

// The graph on a batch; the run is left for what it knows.
Status RunWithin(const GraphBuilder& g, const Model& model, const Array& x, int64_t limit,
                 BatchRun* run, std::vector<Array>* out) {
  run->SetMemoryLimit(limit, limit);
  return Predict(run, g.store, {x}, model.items.independent ? x.view().dim(0) : 1, 1, out);
}

TEST(MemoryLimit, FewerItemsAtATimeWithTheSameBits) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const GraphBuilder g = Widening();
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  constexpr int64_t kItems = 64;
  const Array x = Floats({kItems, kWidth}, RandomFloats(&rng, kItems * kWidth));
  std::vector<Array> want;
  {
    BatchRun run(*model, 10);
    ASSERT_TRUE(RunWithin(g, *model, x, INT64_MAX, &run, &want).ok());
    EXPECT_EQ(run.way(), BatchRun::Way::kAtOnce);
  }
  // What is held beside a group, the outputs of all items, is most of the smaller limits.
  const int64_t outputs = kItems * kWidth * 4;
  for (const int64_t limit : {outputs + 100000, outputs * 3 / 2, outputs * 2, outputs * 4}) {
    BatchRun run(*model, 10);
    std::vector<Array> got;
    const Status status = RunWithin(g, *model, x, limit, &run, &got);
    ASSERT_TRUE(status.ok()) << limit << ": " << status.message();
    EXPECT_EQ(run.way(), BatchRun::Way::kGroups);
    EXPECT_LE(run.memory(), limit);
    EXPECT_TRUE(got[0] == want[0]) << "limit " << limit << ", groups of " << run.group();
  }
}

// What is planned is no less than what a run takes, whatever its sizes.
TEST(MemoryLimit, PlannedIsEnough) {
  const GraphBuilder g = Widening();
  const auto model = g.Load();
  for (const int64_t items : {1, 2, 3, 5, 8, 13, 29, 64}) {
    const Array x =
        Floats({items, kWidth}, std::vector<float>(static_cast<size_t>(items * kWidth), 0.5f));
    BatchRun run(*model, 10);
    int64_t planned = 0;
    ASSERT_TRUE(run.executor().Size({x.view()}, &planned).ok());
    std::vector<Array> out;
    ASSERT_TRUE(RunWithin(g, *model, x, planned, &run, &out).ok()) << items;
    EXPECT_EQ(run.way(), BatchRun::Way::kAtOnce);
    EXPECT_LE(run.memory(), planned) << items;
  }
}

TEST(MemoryLimit, OneItemThatNeedsMoreIsRefusedBeforeItIsAllocated) {
  const GraphBuilder g = Widening();
  const auto model = g.Load();
  for (const int64_t items : {1, 9}) {
    const Array x =
        Floats({items, kWidth}, std::vector<float>(static_cast<size_t>(items * kWidth)));
    BatchRun run(*model, 10);
    std::vector<Array> out;
    const Status status = RunWithin(g, *model, x, 20000, &run, &out);
    EXPECT_EQ(status.code(), MOSAIC_E_NOMEM);
    EXPECT_NE(status.message().find("activations would take "), std::string::npos)
        << status.message();
    EXPECT_NE(status.message().find(" bytes, the limit is 20000"), std::string::npos)
        << status.message();
    EXPECT_NE(status.hint().find("pg_mosaic.predict_memory"), std::string::npos) << status.hint();
    EXPECT_EQ(run.memory(), 0) << "nothing was computed";
  }
}

// A result whose size depends on elements is found too large when it is reached.
TEST(MemoryLimit, SizesThatDependOnElements) {
  GraphBuilder g;
  const int shape = g.Input("shape", MOSAIC_INT64, {1});
  g.Output(g.Call("Relu", {g.Call("ConstantOfShape", {shape})}));
  const auto model = g.Load();
  for (const int64_t n : {1000, 1000000}) {
    BatchRun run(*model, 10);
    run.SetMemoryLimit(1 << 20, 1 << 20);
    std::vector<Array> out;
    const Status status =
        Predict(&run, g.store, {Array{MOSAIC_INT64, {1}, std::vector<int64_t>{n}}}, 1, 1, &out);
    EXPECT_EQ(status.code(), n == 1000 ? MOSAIC_OK : MOSAIC_E_NOMEM) << status.message();
    EXPECT_LE(run.memory(), 1 << 20);
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
