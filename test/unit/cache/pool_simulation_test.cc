#include "core/cache/pool_simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/cache/clock_sweep.h"

namespace mosaic {
namespace {

TEST(ClockSweepTest, DoesWhatBufmgrDoes) {
  ClockSweep pool(3, 10);
  for (uint32_t page : {0u, 1u, 2u}) {
    EXPECT_FALSE(pool.Pin(page));
    pool.UnpinAll();
    EXPECT_EQ(pool.usage(page), 1u);
  }
  EXPECT_TRUE(pool.Pin(0));
  EXPECT_TRUE(pool.Pin(0));  // a backend counts a page once while it has it pinned
  EXPECT_EQ(pool.usage(0), 2u);
  pool.UnpinAll();
  EXPECT_FALSE(pool.Pin(3));  // the hand takes 1 from all, then finds page 1 at 0
  EXPECT_FALSE(pool.Holds(1));
  EXPECT_EQ(pool.usage(0), 0u);
  EXPECT_EQ(pool.usage(2), 0u);
  EXPECT_FALSE(pool.Pin(4));  // page 2, where the hand is; page 3 is pinned
  EXPECT_FALSE(pool.Holds(2));
  pool.UnpinAll();
  for (int i = 0; i < 10; ++i) {
    pool.Pin(4);
    pool.UnpinAll();
  }
  EXPECT_EQ(pool.usage(4), 5u);
}

TEST(ClockSweepTest, AScanGoesThroughItsRing) {
  ClockSweep pool(100, 1000);
  for (uint32_t page = 0; page < 60; ++page) pool.Pin(page);
  pool.UnpinAll();
  for (uint32_t page = 100; page < 900; ++page) EXPECT_FALSE(pool.ScanPage(page));
  for (uint32_t page = 0; page < 60; ++page) EXPECT_TRUE(pool.Holds(page)) << page;
  uint32_t scanned = 0;
  for (uint32_t page = 100; page < 900; ++page) scanned += pool.Holds(page);
  EXPECT_EQ(scanned, 32u);
}

TEST(ClockSweepTest, PinnedBuffersOfARingAreNotTaken) {
  ClockSweep pool(10, 100);
  ClockSweep::Ring ring(2);
  for (uint32_t page : {0u, 1u, 2u}) pool.Pin(page, &ring);
  for (uint32_t page : {0u, 1u, 2u}) EXPECT_TRUE(pool.Holds(page)) << page;
  pool.UnpinAll();
  for (uint32_t page : {10u, 11u, 12u, 13u}) {
    pool.Pin(page, &ring);
    pool.UnpinAll();
  }
  EXPECT_TRUE(pool.Holds(0));  // left the ring when it was pinned
  for (uint32_t page : {1u, 2u, 10u, 11u}) EXPECT_FALSE(pool.Holds(page)) << page;
}

ReadTrace RandomTrace(unsigned seed, bool shared) {
  std::mt19937 random(seed);
  ReadTrace trace;
  uint32_t next = 0;
  const uint32_t common = shared ? 30 : 0;
  next = common;
  for (int m = 0; m < 6; ++m) {
    std::vector<uint32_t> pages;
    for (uint32_t p = 0; p < common; ++p) pages.push_back(p);
    while (pages.size() < 50) pages.push_back(next++);
    trace.model_pages.push_back(pages);
  }
  trace.store_pages = next;
  trace.pages = next + 40;
  for (int i = 0; i < 600; ++i) {
    const auto m = static_cast<int32_t>(random() % 6);
    bool first = true;
    for (uint32_t page : trace.model_pages[static_cast<size_t>(m)]) {
      trace.reads.push_back({page, m, first});
      first = false;
    }
    for (int k = 0; k < 5; ++k)
      trace.reads.push_back({next + static_cast<uint32_t>(random() % 40), PageRead::kOther});
  }
  return trace;
}

uint64_t Hits(const HitCount& c) { return c.model_hits + c.other_hits; }

TEST(PoolSimulationTest, NothingBeatsBelady) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const ReadTrace trace = RandomTrace(seed, seed % 2);
    for (uint32_t frames : {20u, 60u, 120u, 1000u}) {
      const uint64_t best = Hits(SimulateBelady(trace, frames, 0));
      EXPECT_LE(Hits(SimulateLru(trace, frames, 0)), best);
      EXPECT_LE(Hits(SimulateMru(trace, frames, 0)), best);
      EXPECT_LE(Hits(SimulateClockSweep(trace, frames, 0)), best);
      EXPECT_LE(Hits(SimulateSteered(trace, frames, 0, 50)), best);
      EXPECT_LE(Hits(SimulateLocalitySets(trace, frames, 0, 50)), best);
    }
    // All fit: everyone misses each page once.
    const uint64_t best = Hits(SimulateBelady(trace, 1000, 0));
    EXPECT_EQ(Hits(SimulateClockSweep(trace, 1000, 0)), best);
    EXPECT_EQ(Hits(SimulateSteered(trace, 1000, 0, 50)), best);
    EXPECT_EQ(Hits(SimulateLocalitySets(trace, 1000, 0, 50)), best);
  }
}

TEST(PoolSimulationTest, LruAndMruOnALoop) {
  ReadTrace trace;
  trace.pages = trace.store_pages = 10;
  trace.model_pages.push_back({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  for (int i = 0; i < 100; ++i)
    for (uint32_t page = 0; page < 10; ++page) trace.reads.push_back({page, 0, page == 0});
  EXPECT_EQ(SimulateLru(trace, 8, 0).model_hits, 0u);
  EXPECT_GT(SimulateMru(trace, 8, 0).model_ratio(), 0.7);
  EXPECT_EQ(SimulateClockSweep(trace, 8, 0).model_hits, 0u);
}

TEST(PoolSimulationTest, AModelLargerThanThePoolFindsWhatIsKept) {
  ReadTrace trace;
  trace.pages = trace.store_pages = 1000;
  trace.model_pages.emplace_back();
  for (uint32_t page = 0; page < 1000; ++page) trace.model_pages[0].push_back(page);
  for (int i = 0; i < 20; ++i)
    for (uint32_t page = 0; page < 1000; ++page) trace.reads.push_back({page, 0, page == 0});
  EXPECT_EQ(SimulateClockSweep(trace, 500, 5000).model_hits, 0u);
  EXPECT_GT(SimulateSteered(trace, 500, 5000, 50).model_ratio(), 0.35);
}

TEST(PoolSimulationTest, SteeringHelpsWhereModelsShare) {
  const ReadTrace trace = RandomTrace(1, true);
  const HitCount stock = SimulateClockSweep(trace, 48, 3000),
                 ours = SimulateSteered(trace, 48, 3000, 50);
  EXPECT_GT(ours.model_ratio(), stock.model_ratio() + 0.1);
  EXPECT_GT(ours.other_ratio(), stock.other_ratio() - 0.02);
}

}  // namespace
}  // namespace mosaic
