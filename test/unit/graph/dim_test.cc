// Dimensions as polynomials: what is certain of them.
#include "core/graph/dim.h"

#include "gtest/gtest.h"

namespace mosaic {
namespace {

const Dim n = Dim::Symbol("n"), m = Dim::Symbol("m");

TEST(Dim, QuotientsAreReduced) {
  EXPECT_TRUE(Same(FloorDiv(n * 12, n * 4), 3));
  EXPECT_TRUE(
      Same(FloorDiv(n * m * 32, n * 8 * Dim::Symbol("t")), FloorDiv(m * 4, Dim::Symbol("t"))));
  EXPECT_FALSE(FloorDiv(n * m, n * Dim::Symbol("t")).DependsOn("n"));
  EXPECT_EQ(FloorDiv(n * 3 + 3, 6).ToString(), FloorDiv(n + 1, 2).ToString());
  EXPECT_TRUE(FloorDiv(n + 1, n * 2).DependsOn("n"));
}

TEST(Dim, AMinimumIsAtMostEither) {
  EXPECT_TRUE(AtMost(Min(n, 64), n));
  EXPECT_TRUE(AtMost(Min(64, n), n));
  EXPECT_TRUE(AtMost(n, n));
  EXPECT_FALSE(AtMost(n, Min(n, 64)));
  EXPECT_FALSE(AtMost(Min(m, 64), n));
  EXPECT_FALSE(AtMost(Max(n, 64), n));
  EXPECT_FALSE(AtMost(Dim::Symbol("min("), n));
}

// A model may compute with its sizes without end.
TEST(Dim, WhatGrowsBecomesUnknown) {
  Dim power = n, sum = n + m, name = n;
  for (int i = 0; i < 60; ++i) {
    power = power * power;
    sum = sum * (sum + Dim::Symbol("s" + std::to_string(i)));
    name = Min(name, FloorDiv(name, 3));
  }
  EXPECT_TRUE(power.is_unknown());
  EXPECT_TRUE(sum.is_unknown());
  EXPECT_TRUE(name.is_unknown());
  Dim wide = n;
  for (int i = 0; i < 100; ++i) wide = wide + Dim::Symbol("s" + std::to_string(i));
  EXPECT_TRUE(wide.is_unknown());
  // What models have is far below.
  EXPECT_FALSE((n * m * Dim::Symbol("h") * 64 + m * 3 + 1).is_unknown());
}

}  // namespace
}  // namespace mosaic
