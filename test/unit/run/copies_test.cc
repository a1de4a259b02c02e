// Copies between the runs of a batch and behind loops: right, in pieces; and memory that is given up as soon as nothing reads it.
#include "core/run/copies.h"

#include "run/fake_store.h"

namespace mosaic {
namespace {

using namespace mosaic::testing;  // NOLINT

Tensor Counting(Arena* arena, const Shape& shape) {
  Tensor t = arena->New(MOSAIC_INT32, shape);
  for (int64_t i = 0; i < t.size(); ++i) t.mutable_data<int32_t>()[i] = static_cast<int32_t>(i);
  return t;
}
int64_t Finish(Copies* copies) {
  int64_t pieces = 0;
  for (; !copies->done(); ++pieces) EXPECT_LE(copies->Advance(), 3e6);
  return pieces;
}

TEST(Copies, PartsOfAnAxis) {
  for (const Shape& shape : {Shape{3, 7, 5}, Shape{40, 700, 60}}) {
    Arena arena;
    Copies copies;
    const Tensor whole = Counting(&arena, shape);
    Tensor again = arena.New(MOSAIC_INT32, shape), stacked = arena.New(MOSAIC_INT32, {shape[1], shape[0], shape[2]});
    std::vector<Tensor> parts;
    for (int64_t at = 0; at < shape[1]; at += 3) {
      parts.push_back(arena.New(MOSAIC_INT32, {shape[0], std::min<int64_t>(3, shape[1] - at), shape[2]}));
      copies.Add(Copy::Take(whole, 1, at, parts.back()));
    }
    Finish(&copies);
    EXPECT_EQ(parts[1].data<int32_t>()[0], 3 * shape[2]);
    for (size_t i = 0; i < parts.size(); ++i) copies.Add(Copy::Put(parts[i], 1, 3 * static_cast<int64_t>(i), again));
    Finish(&copies);
    EXPECT_EQ(std::memcmp(again.raw(), whole.raw(), static_cast<size_t>(whole.bytes())), 0);
    for (int64_t k = 0; k < shape[1]; ++k) copies.Add(Copy::Take(whole, 1, k, stacked.Slice(k, 1).Reshaped({shape[0], shape[2]})));
    Finish(&copies);
    std::memset(again.mutable_raw(), 0, static_cast<size_t>(again.bytes()));
    copies.Add(Copy::Unstack(stacked, 1, again));
    Finish(&copies);
    EXPECT_EQ(std::memcmp(again.raw(), whole.raw(), static_cast<size_t>(whole.bytes())), 0);
    Tensor anew = arena.New(MOSAIC_INT32, stacked.shape()), twice = arena.New(MOSAIC_INT32, {2, whole.size()});
    copies.Add(Copy::Stack(whole, 1, anew));
    Finish(&copies);
    EXPECT_EQ(std::memcmp(anew.raw(), stacked.raw(), static_cast<size_t>(whole.bytes())), 0);
    copies.Add(Copy::Repeat(whole, twice));
    Finish(&copies);
    for (int64_t k = 0; k < 2; ++k) EXPECT_EQ(std::memcmp(twice.Slice(k, 1).raw(), whole.raw(), static_cast<size_t>(whole.bytes())), 0);
  }
}

TEST(Copies, AreDoneInPieces) {
  Arena arena;
  Copies copies;
  const Tensor large = Counting(&arena, {10000000});
  Tensor to = arena.New(MOSAIC_INT32, {10000000});
  copies.Add(Copy::Put(large, 0, 0, to));
  EXPECT_FALSE(copies.done());
  EXPECT_GE(Finish(&copies), 9);
  EXPECT_EQ(to.data<int32_t>()[9999999], 9999999);
  copies.Add(Copy::Put(large.Slice(0, 10), 0, 5, to));  // a small one is done at once
  EXPECT_TRUE(copies.done());
  EXPECT_EQ(to.data<int32_t>()[14], 9);
}

// A run that is cancelled within a copy, and used again
TEST(Copies, BeginAnewWhenTheyAreCleared) {
  Arena arena;
  Copies copies;
  const Tensor large = Counting(&arena, {10000000});
  Tensor to = arena.New(MOSAIC_INT32, {10000000});
  copies.Add(Copy::Put(large, 0, 0, to));
  copies.Advance();
  copies.Clear();
  ASSERT_TRUE(copies.done());
  std::memset(to.mutable_raw(), 0, static_cast<size_t>(to.bytes()));
  copies.Add(Copy::Put(large, 0, 0, to));
  Finish(&copies);
  EXPECT_EQ(std::memcmp(to.raw(), large.raw(), static_cast<size_t>(large.bytes())), 0);
}

// What is no array of the run is copied into one, for the caller: piece by piece.
TEST(Copies, OfOutputsAreSteps) {
  GraphBuilder g;
  g.Output(g.Input("x", MOSAIC_FLOAT, {kSymbolic, 4}));
  const std::unique_ptr<Model> model = g.Load();
  const Array x = Floats({2000000, 4}, std::vector<float>(8000000, 2.5F));
  RunLog log;
  const std::vector<Array> out = MustRun(g, *model, {x}, 1, 1000, &log);
  EXPECT_EQ(out[0], x);
  EXPECT_GE(log.steps, 8);
}

TEST(Executor, MemoryIsGivenUpAfterTheLastUse) {
  constexpr int64_t kSide = 256, kBytes = kSide * kSide * 4;
  GraphBuilder g;
  int v = g.Input("x", MOSAIC_FLOAT, {kSide, kSide});
  for (int i = 0; i < 20; ++i) v = g.Call("Transpose", {v});  // never in place
  g.Output(v);
  const std::unique_ptr<Model> model = g.Load();
  BatchRun run(*model, 10);
  std::vector<Array> out;
  ASSERT_TRUE(Predict(&run, g.store, {Floats({kSide, kSide}, std::vector<float>(kSide * kSide, 1))}, 1, 1, &out).ok());
  EXPECT_GE(run.memory(), 2 * kBytes);
  EXPECT_LE(run.memory(), 3 * kBytes) << "arrays that nothing reads any more are held";
}

}  // namespace
}  // namespace mosaic
