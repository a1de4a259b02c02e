// Batches that are computed in groups and one by one: what is held between the parts, and what a
// part leaves behind that found no memory.
#include "core/run/batch.h"

#include <algorithm>
#include <string>
#include <vector>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

class Texts {
 public:
  Texts(Shape shape, std::vector<std::string> texts)
      : shape_(std::move(shape)), texts_(std::move(texts)) {
    for (const std::string& t : texts_) {
      elements_.push_back({t.data(), static_cast<int64_t>(t.size())});
    }
  }
  Tensor view() const { return Tensor::Borrow(MOSAIC_STRING, shape_, elements_.data()); }

 private:
  Shape shape_;
  std::vector<std::string> texts_;
  std::vector<StringElement> elements_;
};

Status RunToEnd(BatchRun* run, const std::vector<Tensor>& inputs, int64_t items) {
  MOSAIC_RETURN_IF_ERROR(run->Start(inputs, items));
  for (;;) {
    BatchRun::Outcome outcome{};
    MOSAIC_RETURN_IF_ERROR(run->Step(&outcome));
    if (outcome == BatchRun::Outcome::kDone) return Status();
  }
}

std::vector<std::string> Strings(const Tensor& t) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < t.size(); ++i) all.emplace_back(t.data<StringElement>()[i].view());
  return all;
}

// Of some hundred characters, all different.
std::vector<std::string> Numbered(int64_t n, size_t length) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < n; ++i) {
    texts.push_back(std::to_string(i) + std::string(length, static_cast<char>('a' + i % 26)));
  }
  return texts;
}

// The batch runs again with fewer items, and the array that all items share is copied again.
TEST(Batch, SharedOutputsOfAPartThatIsRunAgain) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  constexpr int64_t kItems = 64, kWidth = 1000, kShared = 30000;  // beyond what is copied at once
  GraphBuilder g;
  const std::vector<float> sevens(kShared, 7);
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth});
  g.Output(g.Constant(g.store.AddInline("c", {kShared}, MOSAIC_FLOAT, sevens.data())));
  g.Output(g.Call("Exp", {x}));
  const int wide = g.Call("Tanh", {g.Call("Concat", {x, x, x, x}, {{"axis", int64_t{1}}})});
  g.Output(g.Call("Slice", {wide, g.Ints({7}), g.Ints({7 + kWidth}), g.Ints({1})}));
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  const Array in = Floats({kItems, kWidth}, RandomFloats(&rng, kItems * kWidth));
  std::vector<Array> want, got;
  BatchRun at_once(*model, 10);
  ASSERT_TRUE(Predict(&at_once, g.store, {in}, kItems, 3, &want).ok());
  int done = 0;
  for (int64_t limit = 600000; limit < 2000000; limit += 20000) {
    BatchRun run(*model, 10);
    run.SetMemoryLimit(limit, limit);
    if (!Predict(&run, g.store, {in}, kItems, 3, &got).ok()) continue;
    ++done;
    EXPECT_TRUE(got == want) << "limit " << limit << ", groups of " << run.group();
  }
  EXPECT_GT(done, 40);
}

TEST(Batch, TextsOfGroups) {
  GraphBuilder g;
  g.graph.opset = 20;
  const int x = g.Input("x", MOSAIC_STRING, {kSymbolic, 1});
  g.Output(g.Call("StringConcat", {x, x}));
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  constexpr int64_t kItems = 30;
  const std::vector<std::string> texts = Numbered(kItems, 9000);
  std::vector<std::string> want;
  for (const std::string& t : texts) want.push_back(t + t);
  const Texts in({kItems, 1}, texts);
  BatchRun run(*model, 10);
  run.SetMemoryLimit(INT64_MAX, 400);
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(RunToEnd(&run, {in.view()}, kItems).ok());
    EXPECT_EQ(run.way(), BatchRun::Way::kGroups);
    EXPECT_GT(run.group(), 1);
    EXPECT_EQ(Strings(run.output(0)), want);
  }
  // Those of all items are held and count.
  EXPECT_GE(run.memory(), kItems * 18000);
  BatchRun small(*model, 10);
  small.SetMemoryLimit(kItems * 18000 / 2, 400);
  EXPECT_EQ(RunToEnd(&small, {in.view()}, kItems).code(), MOSAIC_E_NOMEM);
  // Between runs that are done, none are.
  run.Renew();
  EXPECT_EQ(run.executor().arena()->used(), 0);
}

TEST(Batch, TextsOneByOne) {
  GraphBuilder g;
  g.graph.opset = 20;
  g.graph.domains = {{"com.microsoft", 1}};
  const int x = g.Input("x", MOSAIC_STRING, {kSymbolic, 2});
  const int y = g.Call("Tokenizer", {x},
                       {{"mark", int64_t{0}},
                        {"mincharnum", int64_t{1}},
                        {"pad_value", std::string("padding")},
                        {"tokenexp", std::string("[a-z]+")}});
  g.graph.nodes.back().domain = "com.microsoft";
  g.Output(g.Call("StringConcat", {y, y}));
  const auto model = g.Load();
  ASSERT_FALSE(model->items.independent);
  const Texts in({3, 2}, {"ab cd", "ef", "gh", "x y", "z", "k l"});
  BatchRun run(*model, 10);
  ASSERT_TRUE(RunToEnd(&run, {in.view()}, 3).ok());
  EXPECT_EQ(run.way(), BatchRun::Way::kEach);
  const std::string pad = "paddingpadding";
  EXPECT_EQ(Strings(run.output(0)),
            (std::vector<std::string>{"abab", "cdcd", "efef", pad, "ghgh", pad, "xx", "yy", "zz",
                                      pad, "kk", "ll"}));
}

// What no output refers to goes with its part, also with one that found no memory.
TEST(Batch, TextsThatNoOutputHolds) {
  GraphBuilder g;
  g.graph.opset = 20;
  const int x = g.Input("x", MOSAIC_STRING, {kSymbolic, 1});
  g.Output(g.Call("Equal", {g.Call("StringConcat", {x, x}), x}));
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  constexpr int64_t kItems = 64;
  const Texts in({kItems, 1}, Numbered(kItems, 40000));
  BatchRun run(*model, 10);
  run.SetMemoryLimit(1000000, 1000000);  // 5 MB of characters
  ASSERT_TRUE(RunToEnd(&run, {in.view()}, kItems).ok());
  EXPECT_EQ(run.way(), BatchRun::Way::kGroups);
  EXPECT_GT(run.group(), 1);
  EXPECT_EQ(std::count(run.output(0).data<bool>(), run.output(0).data<bool>() + kItems, false),
            kItems);
}

// The last part is the smallest.
TEST(Batch, MemoryIsThatOfAllParts) {
  constexpr int64_t kWidth = 50000;
  GraphBuilder g;
  const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, kWidth});
  const int wide = g.Call("Concat", {x, x, x, x, x, x, x, x}, {{"axis", int64_t{1}}});
  g.Output(g.Call("Slice", {wide, g.Ints({7}), g.Ints({7 + kWidth}), g.Ints({1})}));
  const auto model = g.Load();
  const Array in = Floats({3, kWidth}, std::vector<float>(3 * kWidth, 1));
  const Array two(in.view().Slice(0, 2));
  std::vector<Array> out;
  BatchRun of_two(*model, 10), of_three(*model, 10);
  ASSERT_TRUE(Predict(&of_two, g.store, {two}, 2, 1, &out).ok());
  of_three.SetMemoryLimit(INT64_MAX, of_two.memory());
  ASSERT_TRUE(Predict(&of_three, g.store, {in}, 3, 1, &out).ok());
  EXPECT_EQ(of_three.group(), 2);
  EXPECT_GE(of_three.memory(), of_two.memory());
}

// What runs one item at a time runs where more are tried at first.
TEST(Batch, TriesThatFailLeaveNothing) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  constexpr int64_t kItems = 64, kWidth = 700;
  GraphBuilder g;
  g.graph.batch_axis = "N";
  const int x = g.Input("x", MOSAIC_FLOAT, {3, kSymbolic, kWidth});
  const int z = g.Input("z", MOSAIC_FLOAT, {3, kSymbolic, kWidth});
  for (const int v : {x, z}) g.graph.values[static_cast<size_t>(v)].dim_names[1] = "N";
  const int wide = g.Call("Tanh", {g.Call("Concat", {x, z, x, z}, {{"axis", int64_t{2}}})});
  g.Output(g.Call("Slice", {wide, g.Ints({7}), g.Ints({7 + kWidth}), g.Ints({2})}));
  const auto model = g.Load();
  ASSERT_TRUE(model->items.independent);
  const Shape shape = {3, kItems, kWidth};
  const Array a = Floats(shape, RandomFloats(&rng, NumElements(shape)));
  const Array b = Floats(shape, RandomFloats(&rng, NumElements(shape)));
  std::vector<Array> want, got;
  BatchRun at_once(*model, 10);
  ASSERT_TRUE(Predict(&at_once, g.store, {a, b}, kItems, 1, &want).ok());
  BatchRun each(*model, 10);
  each.SetMemoryLimit(INT64_MAX, 1);
  ASSERT_TRUE(Predict(&each, g.store, {a, b}, kItems, 1, &got).ok());
  for (int64_t limit = each.memory(); limit < 8000000; limit = limit * 103 / 100) {
    BatchRun run(*model, 10);
    run.SetMemoryLimit(limit, limit);
    const Status status = Predict(&run, g.store, {a, b}, kItems, 1, &got);
    ASSERT_TRUE(status.ok()) << "limit " << limit << ": " << status.message();
    EXPECT_TRUE(got == want) << "limit " << limit << ", groups of " << run.group();
    EXPECT_LE(run.memory(), limit);
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
