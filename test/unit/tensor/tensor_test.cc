#include <sys/resource.h>

#include <cstring>
#include <new>

#include "core/tensor/arena.h"
#include "gtest/gtest.h"

namespace mosaic {
namespace {

TEST(Arena, ReusesAlignsAndGivesBack) {
  Arena arena;
  const void* first;
  {
    Tensor t = arena.New(MOSAIC_FLOAT, {3, 5});
    first = t.raw();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
    std::memset(t.mutable_raw(), 0, static_cast<size_t>(t.bytes()) + 64);  // the slack is there
    Tensor other = arena.New(MOSAIC_FLOAT, {3, 5});
    EXPECT_NE(other.raw(), first);
    Tensor view = t.Reshaped({15});
    t = Tensor();
    EXPECT_NE(arena.New(MOSAIC_FLOAT, {3, 5}).raw(), first);  // the view keeps it
  }
  {
    bool seen = false;
    std::vector<Tensor> held;
    for (int i = 0; i < 3; ++i) {
      held.push_back(arena.New(MOSAIC_FLOAT, {15}));
      seen = seen || held.back().raw() == first;
    }
    EXPECT_TRUE(seen);
  }
  EXPECT_GT(arena.bytes(), 0);
  arena.Trim();
  EXPECT_EQ(arena.bytes(), 0);
}

TEST(Arena, KeepsNoMoreThanWasInUseAtATime) {
  Arena arena;
  { Tensor a = arena.New(MOSAIC_UINT8, {1 << 20}), b = arena.New(MOSAIC_UINT8, {1 << 20}); }
  const int64_t most = arena.peak();
  EXPECT_GE(most, 2 << 20);
  EXPECT_EQ(arena.bytes(), most);
  // Each size is another, and fits no chunk that is kept.
  for (int64_t size = 1000; size <= 1 << 20; size *= 2) {
    arena.StartPeak();
    EXPECT_EQ(arena.peak(), 0);
    Tensor t = arena.New(MOSAIC_UINT8, {size});
    EXPECT_GE(arena.peak(), size);
    EXPECT_LE(arena.peak(), 2 * size + 256);
    EXPECT_LE(arena.bytes(), most + 2 * (128 << 10));  // small arrays lie beside large ones
  }
  arena.Trim();
  const Tensor large = arena.New(MOSAIC_UINT8, {8 << 20});
  EXPECT_EQ(arena.bytes(), arena.peak());
}

int64_t PageFaults() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// Arrays of many sizes, freed in another order: what was touched once is not touched anew.
void Churn(Arena* arena) {
  std::vector<Tensor> held;
  for (int64_t i = 0; i < 40; ++i) {
    held.push_back(arena->New(MOSAIC_UINT8, {(300 + 977 * i % 3000) << 10}));
    std::memset(held.back().mutable_raw(), 1, static_cast<size_t>(held.back().bytes()));
    if (held.size() > 4) held.erase(held.begin() + i % 3);
  }
}

TEST(Arena, LargeArraysOfAnySizeReuseMemory) {
  Arena arena;
  Churn(&arena);
  const int64_t bytes = arena.bytes(), before = PageFaults();
  EXPECT_LE(bytes, 2 * arena.peak());
  for (int i = 0; i < 5; ++i) Churn(&arena);
  EXPECT_LE(arena.bytes(), bytes);
  EXPECT_LT(PageFaults() - before, 200);  // of 4 kB; each round touches some 15,000
}

TEST(Arena, GivesTheEndBack) {
  Arena arena;
  Tensor low = arena.New(MOSAIC_UINT8, {1 << 20});
  std::memset(low.mutable_raw(), 7, 1 << 20);
  { Tensor high = arena.New(MOSAIC_UINT8, {64 << 20}); }
  EXPECT_GE(arena.bytes(), 65 << 20);
  arena.Trim(4 << 20);
  EXPECT_LE(arena.bytes(), 4 << 20);
  EXPECT_EQ(low.data<uint8_t>()[(1 << 20) - 1], 7);
  Tensor again = arena.New(MOSAIC_UINT8, {16 << 20});
  std::memset(again.mutable_raw(), 1, 16 << 20);
  EXPECT_EQ(low.data<uint8_t>()[(1 << 20) - 1], 7);
  low = again = Tensor();
  arena.Trim();
  EXPECT_EQ(arena.bytes(), 0);
}

// Survivors between holes that fit nothing larger: what is held stays within the limit all the
// same.
TEST(Arena, HolesAreBounded) {
  constexpr int64_t kLimit = 64 << 20;
  Arena arena;
  arena.SetLimit(kLimit);
  std::vector<Tensor> live;
  const auto fill = [&](int64_t size) {
    try {
      for (;;) {
        Tensor t = arena.New(MOSAIC_UINT8, {size});
        std::memset(t.mutable_raw(), static_cast<int>(live.size() % 251),
                    static_cast<size_t>(size));
        live.push_back(t);
      }
    } catch (const MemoryLimitExceeded&) {
    }
  };
  fill(128 << 10);
  for (int64_t size = 256 << 10; size <= 16 << 20; size *= 2) {
    std::vector<Tensor> kept;
    for (size_t i = 0; i < live.size(); i += 2) kept.push_back(live[i]);
    std::vector<uint8_t> marks;
    for (const Tensor& t : kept) marks.push_back(t.data<uint8_t>()[0]);
    live = kept;
    kept.clear();
    fill(size);
    EXPECT_LE(arena.bytes(), kLimit) << size;
    for (size_t i = 0; i < marks.size(); ++i) {
      ASSERT_EQ(live[i].data<uint8_t>()[0], marks[i]);
      ASSERT_EQ(live[i].data<uint8_t>()[live[i].size() - 1], marks[i]);
    }
  }
  live.clear();
  fill(1 << 20);  // in blocks whose pages were given back
  EXPECT_GE(live.size(), 60u);
  live.clear();
  arena.Trim();
  EXPECT_EQ(arena.bytes(), 0);
}

TEST(Arena, TensorsMayOutliveIt) {
  Tensor t;
  {
    Arena arena;
    t = arena.New(MOSAIC_INT64, {4});
  }
  t.mutable_data<int64_t>()[3] = 7;
  EXPECT_EQ(t.data<int64_t>()[3], 7);
  EXPECT_TRUE(t.owned());
}

TEST(Arena, RefusesImpossibleSizes) {
  Arena arena;
  EXPECT_THROW(arena.New(MOSAIC_FLOAT, {int64_t{1} << 40, int64_t{1} << 40}), std::bad_alloc);
  EXPECT_THROW(arena.New(MOSAIC_FLOAT, {-1, -1}), std::bad_alloc);
  EXPECT_THROW(arena.New(MOSAIC_UNDEFINED, {1}), std::bad_alloc);
  EXPECT_FALSE(ShapeFits({kMaxTensorBytes / 4 + 1}, MOSAIC_FLOAT));
  EXPECT_TRUE(ShapeFits({kMaxTensorBytes / 4}, MOSAIC_FLOAT));
  EXPECT_TRUE(ShapeFits({int64_t{1} << 40, 0}, MOSAIC_FLOAT));
  EXPECT_TRUE(ShapeFits({}, MOSAIC_DOUBLE));
}

TEST(Tensor, SlicesAreItems) {
  const float x[] = {0, 1, 2, 3, 4, 5};
  const Tensor t = Tensor::Borrow(MOSAIC_FLOAT, {3, 2}, x);
  EXPECT_EQ(t.size(), 6);
  EXPECT_FALSE(t.owned());
  const Tensor s = t.Slice(1, 2);
  EXPECT_EQ(s.shape(), (Shape{2, 2}));
  EXPECT_EQ(s.size(), 4);
  EXPECT_EQ(s.data<float>()[0], 2);
}

}  // namespace
}  // namespace mosaic
