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

}  // namespace
}  // namespace mosaic
