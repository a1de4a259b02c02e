#include "core/cache/retention.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

namespace mosaic {
namespace {

bool Decide(std::vector<PageClass>* classes, uint64_t pool) {
  std::vector<uint32_t> order(classes->size());
  return DecideRetention(classes->data(), classes->size(), pool, order.data());
}

TEST(RetentionTest, BusiestClassesAreKeptAsFarAsTheyFit) {
  std::vector<PageClass> c = {{100, 1}, {50, 90}, {100, 40}, {0, 500}, {100, 2}};
  ASSERT_TRUE(Decide(&c, 300));  // room for 240
  EXPECT_EQ(c[1].keep, kKeepAll);
  EXPECT_EQ(c[2].keep, kKeepAll);
  EXPECT_EQ(c[4].keep, static_cast<uint32_t>(0.9 * kKeepAll));
  EXPECT_EQ(c[0].keep, 0u);
}

TEST(RetentionTest, WhatFitsIsLeftAlone) {
  std::vector<PageClass> c = {{100, 1}, {50, 90}};
  EXPECT_FALSE(Decide(&c, 1000));
  std::vector<PageClass> none;
  EXPECT_FALSE(Decide(&none, 10));
}

TEST(RetentionTest, ChanceIsNoReason) {
  std::vector<PageClass> c = {{100, 9}, {100, 5}, {100, 4}, {100, 6}};
  EXPECT_FALSE(Decide(&c, 200));
  c[0].weight = 40;
  EXPECT_TRUE(Decide(&c, 200));
}

TEST(RetentionTest, AModelLargerThanThePoolKeepsAPart) {
  std::vector<PageClass> c = {{1000, 1}};
  EXPECT_FALSE(Decide(&c, 500));  // nothing is known; but CacheTable::IsLarger()
  EXPECT_NEAR(c[0].keep, kKeepAll * kKeptPart / 2, 1);
}

TEST(RetentionTest, KeptPagesAreThePartAndStayTheSameAsItGrows) {
  uint32_t kept = 0;
  for (uint32_t page = 0; page < 100000; ++page) {
    kept += KeepsPage(page, kKeepAll / 4);
    ASSERT_TRUE(KeepsPage(page, kKeepAll));
    ASSERT_FALSE(KeepsPage(page, 0));
    ASSERT_TRUE(!KeepsPage(page, 1000) || KeepsPage(page, 2000));
  }
  EXPECT_NEAR(kept, 25000, 500);
}

// What the bound on harm to other tables rests on.
TEST(RetentionTest, NoMoreCountsAreGivenThanWereTaken) {
  constexpr uint64_t kSeed = 3;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937_64 random(kSeed);
  int64_t credit = 0, taken = 0, given = 0;
  for (int i = 0; i < 100000; ++i) {
    const auto usage = static_cast<uint32_t>(random() % (kMaxUsage + 1));
    const bool keep = random() % 3 == 0;
    const uint32_t set = SteerUsage(usage, keep, &credit);
    ASSERT_LE(set, kMaxUsage);
    if (keep) {
      ASSERT_GE(set, usage);
      given += set - usage;
    } else {
      ASSERT_EQ(set, 0u);
      taken += usage;
    }
    ASSERT_GE(credit, 0);
    ASSERT_EQ(credit, taken * kTaken - given * kGiven);
  }
  EXPECT_GT(given, 0);
}

}  // namespace
}  // namespace mosaic
