#include "core/cache/reuse.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mosaic {
namespace {

TEST(ReuseTest, ProbabilityIsPoisson) {
  EXPECT_DOUBLE_EQ(ReuseProbability(0, 10), 0);
  EXPECT_DOUBLE_EQ(ReuseProbability(3, 0), 0);
  EXPECT_NEAR(ReuseProbability(std::log(2.0), 1), 0.5, 1e-15);
  EXPECT_NEAR(ReuseProbability(2, 3), 1 - std::exp(-6.0), 1e-15);
  EXPECT_NEAR(ReuseProbability(1e-12, 1), 1e-12, 1e-20);  // not rounded away
  EXPECT_DOUBLE_EQ(ReuseProbability(1e6, 1e6), 1);
}

TEST(ReuseTest, CostIsReadCostTimesProbability) {
  EXPECT_NEAR(LossCost(72, 2, 3), 72 * ReuseProbability(2, 3), 1e-12);
  // Two independent users: neither of them comes with the product of the chances.
  EXPECT_NEAR(1 - ReuseProbability(2 + 5, 0.1),
              (1 - ReuseProbability(2, 0.1)) * (1 - ReuseProbability(5, 0.1)), 1e-12);
}

TEST(ReuseTest, CountHalvesWithEachHalfLife) {
  DecayedCount count;
  count.Add(1000, 100);
  EXPECT_DOUBLE_EQ(count.At(1000, 100), 1);
  EXPECT_NEAR(count.At(1100, 100), 0.5, 1e-6);
  EXPECT_NEAR(count.At(1400, 100), 1.0 / 16, 1e-6);
  count.Add(1100, 100);
  EXPECT_NEAR(count.At(1200, 100), 0.75, 1e-6);
  // A clock that went back, or another process's that is a tick behind, changes nothing.
  EXPECT_NEAR(count.At(1050, 100), 1.5, 1e-6);
  count.Add(1050, 100);
  EXPECT_NEAR(count.At(1100, 100), 2.5, 1e-6);
}

TEST(ReuseTest, TicksMayWrapAround) {
  DecayedCount count;
  count.Add(UINT32_MAX - 49, 100);
  EXPECT_NEAR(count.At(50, 100), 0.5, 1e-6);
}

TEST(ReuseTest, RateOfRegularRequestsIsFound) {
  DecayedCount count;  // each 10 ticks, for 20 half-lives of 1000 ticks (10 s)
  for (uint32_t now = 0; now < 20000; now += 10) count.Add(now, 1000);
  EXPECT_NEAR(RatePerSecond(count.At(20000, 1000), 10), 10, 0.05);
}

}  // namespace
}  // namespace mosaic
