#include "core/cache/cache_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "core/cache/retention.h"

namespace mosaic {
namespace {

constexpr double kHalfLife = 1000;

class CacheTableTest : public testing::Test {
 protected:
  static constexpr uint32_t kPages = 5000;
  struct alignas(64) Line {
    char bytes[64];
  };
  std::vector<Line> memory_ = std::vector<Line>(CacheTable::Bytes(kPages) / sizeof(Line) + 2);
  CacheTable table_{(CacheTable::Initialize(memory_.data(), kPages), memory_.data())};

  int Add(int64_t id, const std::vector<uint32_t>& pages) {
    return table_.AddModel(id, pages.data(), pages.size());
  }
  std::set<int64_t> UsersOf(uint32_t page) const {
    std::vector<int64_t> ids(CacheTable::kModels);
    ids.resize(table_.ClassModels(table_.ClassOf(page), ids.data(), ids.size()));
    return {ids.begin(), ids.end()};
  }
};

TEST_F(CacheTableTest, ClassesAreTheSetsOfModels) {
  constexpr uint64_t kSeed = 5;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  std::map<uint32_t, std::set<int64_t>> users;
  for (int64_t id = 1; id <= 10; ++id) {
    std::vector<uint32_t> pages;
    for (uint32_t p = 0; p < kPages; ++p)
      if (random() % 3 == 0) pages.push_back(p), users[p].insert(id);
    pages.push_back(kPages + 7);  // beyond the table
    ASSERT_NE(Add(id, pages), CacheTable::kNone);
    ASSERT_NE(Add(id, pages), CacheTable::kNone);  // a second process
  }
  std::map<std::set<int64_t>, uint32_t> sets;
  for (uint32_t p = 0; p < kPages; ++p) {
    ASSERT_EQ(UsersOf(p), users[p]) << p;
    if (!users[p].empty()) ++sets[users[p]];
  }
  uint32_t with_pages = 0;
  for (uint32_t c = 1; c < table_.classes(); ++c) with_pages += table_.ClassPages(c) > 0;
  EXPECT_EQ(with_pages, sets.size());
  EXPECT_EQ(table_.ClassOf(kPages + 7), 0u);
}

TEST_F(CacheTableTest, RateOfAPageIsTheSumOverItsModels) {
  const int a = Add(11, {1, 2, 3}), b = Add(12, {3, 4});
  for (int i = 0; i < 5; ++i) table_.CountRequest(a, 100, kHalfLife);
  for (int i = 0; i < 2; ++i) table_.CountRequest(b, 100, kHalfLife);
  EXPECT_NEAR(table_.ClassWeight(table_.ClassOf(1), 100, kHalfLife), 5, 1e-5);
  EXPECT_NEAR(table_.ClassWeight(table_.ClassOf(3), 100, kHalfLife), 7, 1e-5);
  EXPECT_NEAR(table_.ClassWeight(table_.ClassOf(4), 100, kHalfLife), 2, 1e-5);
  EXPECT_NEAR(table_.ClassWeight(table_.ClassOf(3), 1100, kHalfLife), 3.5, 1e-5);
  EXPECT_EQ(table_.ClassWeight(0, 100, kHalfLife), 0);
  table_.RemoveModel(11);  // dropped: gone at once
  EXPECT_NEAR(table_.ClassWeight(table_.ClassOf(3), 100, kHalfLife), 2, 1e-5);
  EXPECT_EQ(UsersOf(3), std::set<int64_t>{12});
  EXPECT_EQ(table_.FindModel(11), CacheTable::kNone);
  EXPECT_EQ(table_.models(), 1u);
}

TEST_F(CacheTableTest, AnEpochKeepsCountsAndForgetsWhatIsIdle) {
  const int busy = Add(1, {1, 2}), idle = Add(2, {2, 3});
  Add(3, {4});
  table_.CountRequest(idle, 0, kHalfLife);
  table_.CountRequest(busy, 10000, kHalfLife);
  table_.CountPages(busy, 7, 8);
  table_.RemoveModel(3);
  const uint32_t epoch = table_.epoch();
  EXPECT_TRUE(table_.ShouldForget(10000, kHalfLife));
  table_.Forget(10000, kHalfLife);
  EXPECT_NE(table_.epoch(), epoch);
  EXPECT_EQ(table_.models(), 1u);
  EXPECT_EQ(table_.ClassOf(2), 0u);
  EXPECT_EQ(table_.FindModel(1), CacheTable::kNone);  // pages are asked for again
  const int slot = table_.KnownModel(1);
  ASSERT_NE(slot, CacheTable::kNone);
  EXPECT_NEAR(table_.Weight(slot, 10000, kHalfLife), 1, 1e-5);
  EXPECT_EQ(table_.ModelCounts(slot).hits, 7u);
  EXPECT_EQ(Add(1, {2, 9}), slot);
  EXPECT_EQ(UsersOf(9), std::set<int64_t>{1});
  EXPECT_EQ(UsersOf(1), std::set<int64_t>{});
}

TEST_F(CacheTableTest, ALargerTableTakesTheModels) {
  table_.CountRequest(Add(77, {1}), 5, kHalfLife);
  std::vector<Line> memory(CacheTable::Bytes(2 * kPages) / sizeof(Line) + 2);
  CacheTable::Initialize(memory.data(), 2 * kPages);
  CacheTable larger(memory.data());
  larger.TakeModels(table_);
  EXPECT_NE(larger.epoch(), table_.epoch());
  EXPECT_NEAR(larger.Weight(larger.KnownModel(77), 5, kHalfLife), 1, 1e-5);
  EXPECT_EQ(larger.capacity(), 2 * kPages);
}

// 10,000 models: the memory is what it was, nothing outside it is touched, and who is busy has a
// place.
TEST_F(CacheTableTest, IsBoundedWithTenThousandModels) {
  const Line guard = memory_.back();
  memory_.back().bytes[0] = 42;
  uint32_t now = 0, refused = 0;
  for (int64_t id = 1; id <= 10000; ++id, now += 10) {
    const uint32_t page = static_cast<uint32_t>(id % kPages);
    if (!table_.Accepts()) {
      ++refused;
      continue;
    }
    int slot = Add(id, {page, (page + 1) % kPages});
    if (slot == CacheTable::kNone && table_.ShouldForget(now, kHalfLife)) {
      table_.Forget(now, kHalfLife);
      slot = Add(id, {page, (page + 1) % kPages});
    }
    ASSERT_NE(slot, CacheTable::kNone) << id;  // idle ones make room
    table_.CountRequest(slot, now, kHalfLife);
    ASSERT_LE(table_.models(), CacheTable::kModels);
    ASSERT_LE(table_.classes(), CacheTable::kClasses);
  }
  EXPECT_EQ(refused, 0u);
  EXPECT_EQ(memory_.back().bytes[0], 42);
  memory_.back() = guard;
}

TEST_F(CacheTableTest, BusyModelsAreNotDrivenOut) {
  for (int64_t id = 1; id <= CacheTable::kModels; ++id)
    table_.CountRequest(Add(id, {static_cast<uint32_t>(id)}), 0, kHalfLife);
  EXPECT_EQ(Add(99999, {1}), CacheTable::kNone);
  EXPECT_FALSE(table_.ShouldForget(0, kHalfLife));
  int asked = 0;
  while (!table_.Accepts()) ++asked;
  EXPECT_EQ(asked, 63);
  EXPECT_EQ(table_.models(), CacheTable::kModels);
}

TEST_F(CacheTableTest, CountsSurviveConcurrentUpdates) {
  const int a = Add(1, {1}), b = Add(2, {1, 2});
  constexpr int kThreads = 4, kTimes = 50000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTimes; ++i) {
        table_.CountRequest(t % 2 ? a : b, 500, kHalfLife);  // one moment: nothing decays
        table_.CountPages(a, 1, 2);
        table_.credit()->fetch_add(1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table_.Weight(a, 500, kHalfLife), 2 * kTimes);
  EXPECT_EQ(table_.Weight(b, 500, kHalfLife), 2 * kTimes);
  EXPECT_EQ(table_.ModelCounts(a).hits, static_cast<uint64_t>(kThreads) * kTimes);
  EXPECT_EQ(table_.ModelCounts(a).reads, 2u * kThreads * kTimes);
  EXPECT_EQ(table_.credit()->load(), kThreads * kTimes);
}

// Readers run while models come, go and epochs change: no number leads out of the memory.
TEST_F(CacheTableTest, ReadersNeedNoLock) {
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    std::minstd_rand random(1);
    while (!stop) {
      const uint32_t page = static_cast<uint32_t>(random()) % (2 * kPages);
      const uint32_t c = table_.ClassOf(page);
      ASSERT_LT(c, CacheTable::kClasses);
      table_.Keeps(page, c);
      table_.CountClassPages(c, 1, 0);
      const int slot = table_.FindModel(static_cast<int64_t>(random() % 50 + 1));
      if (slot != CacheTable::kNone) table_.CountRequest(slot, 1, kHalfLife);
    }
  });
  std::minstd_rand random(2);
  for (uint32_t i = 0; i < 3000; ++i) {
    const auto id = static_cast<int64_t>(random() % 50 + 1);
    std::vector<uint32_t> pages;
    for (uint32_t p = random() % 100; p < kPages; p += 1 + random() % 100) pages.push_back(p);
    if (Add(id, pages) == CacheTable::kNone || i % 100 == 99) table_.Forget(i, kHalfLife);
    if (i % 7 == 0) table_.RemoveModel(id);
    table_.Decide(1000, i, kHalfLife, true);
  }
  stop = true;
  reader.join();
}

TEST_F(CacheTableTest, DecisionSteersTowardsSharedPages) {
  std::vector<uint32_t> first, second;
  for (uint32_t p = 0; p < 100; ++p) first.push_back(p), second.push_back(p);
  for (uint32_t p = 100; p < 1000; ++p) first.push_back(p);
  for (uint32_t p = 1000; p < 1900; ++p) second.push_back(p);
  const int a = Add(1, first), b = Add(2, second);
  for (int i = 0; i < 100; ++i) {
    table_.CountRequest(a, 10, kHalfLife);
    table_.CountRequest(b, 10, kHalfLife);
  }
  table_.Decide(500, 10, kHalfLife, true);
  ASSERT_TRUE(table_.steering());
  EXPECT_TRUE(table_.Keeps(50, table_.ClassOf(50)));
  uint32_t kept = 0;
  for (uint32_t p = 100; p < 1900; ++p) kept += table_.Keeps(p, table_.ClassOf(p));
  EXPECT_NEAR(kept, 300, 60);
  table_.Decide(5000, 10, kHalfLife, true);
  EXPECT_FALSE(table_.steering());  // all fit
}

TEST_F(CacheTableTest, DecisionsAreDueOnceATickAndAfterRequests) {
  const int slot = Add(1, {1, 2, 3});
  EXPECT_FALSE(table_.IsDue(10));  // nothing was requested
  table_.CountRequest(slot, 10, kHalfLife);
  ASSERT_TRUE(table_.IsDue(10));
  table_.Decide(500, 10, kHalfLife);
  for (int i = 0; i < 1000; ++i) table_.CountRequest(slot, 10, kHalfLife);
  EXPECT_FALSE(table_.IsDue(10));
  EXPECT_TRUE(table_.IsDue(11));
}

TEST_F(CacheTableTest, AModelLargerThanThePoolKeepsAPart) {
  std::vector<uint32_t> pages(1000);
  std::iota(pages.begin(), pages.end(), 0u);
  const int slot = Add(1, pages);
  EXPECT_TRUE(table_.IsLarger(slot, 999));
  EXPECT_FALSE(table_.IsLarger(slot, 1000));
  table_.CountRequest(slot, 10, kHalfLife);
  table_.Decide(500, 10, kHalfLife, true);
  uint32_t kept = 0;
  for (uint32_t p : pages) kept += table_.Keeps(p, table_.ClassOf(p));
  EXPECT_NEAR(kept, 400, 60);
}

}  // namespace
}  // namespace mosaic
