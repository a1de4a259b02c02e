// From the vectors of tokens to that of a text.
#include "core/text/pooling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace mosaic::text {
namespace {

using testing::ElementsAre;

const float kRows[] = {1, -2, 3, 5, -4, 3, 0, 6, 3};  // 3 x 3

std::vector<float> Pooled(Pooling pooling, const float* rows, int64_t count, int64_t width) {
  std::vector<float> out(static_cast<size_t>(width), 99.0f);
  Pool(pooling, rows, count, width, out.data());
  return out;
}

TEST(PoolingTest, EachKind) {
  EXPECT_THAT(Pooled(Pooling::kMean, kRows, 3, 3), ElementsAre(2, 0, 3));
  EXPECT_THAT(Pooled(Pooling::kMean, kRows, 1, 3), ElementsAre(1, -2, 3));
  EXPECT_THAT(Pooled(Pooling::kCls, kRows, 3, 3), ElementsAre(1, -2, 3));
  EXPECT_THAT(Pooled(Pooling::kMax, kRows, 3, 3), ElementsAre(5, 6, 3));
  EXPECT_THAT(Pooled(Pooling::kLast, kRows, 2, 3), ElementsAre(5, -4, 3));
  EXPECT_THAT(Pooled(Pooling::kMax, kRows, 0, 2), ElementsAre(0, 0));
}

TEST(PoolingTest, SumsAreExactEnoughAndOfEveryColumn) {
  // 1e8 + 1 is no float: a sum in float would lose the ones.
  const int64_t width = 150;
  std::vector<float> rows(static_cast<size_t>(4 * width));
  for (int64_t i = 0; i < width; ++i) {
    rows[static_cast<size_t>(i)] = 1e8f;
    rows[static_cast<size_t>(width + i)] = static_cast<float>(i);
    rows[static_cast<size_t>(2 * width + i)] = -1e8f;
    rows[static_cast<size_t>(3 * width + i)] = 1;
  }
  const std::vector<float> mean = Pooled(Pooling::kMean, rows.data(), 4, width);
  for (int64_t i = 0; i < width; ++i) EXPECT_EQ(mean[static_cast<size_t>(i)], static_cast<float>(i + 1) / 4) << i;
}

TEST(PoolingTest, NanStaysNan) {
  const float rows[] = {1, std::numeric_limits<float>::quiet_NaN(), 2};
  EXPECT_TRUE(std::isnan(Pooled(Pooling::kMax, rows, 3, 1)[0]));
  EXPECT_TRUE(std::isnan(Pooled(Pooling::kMean, rows, 3, 1)[0]));
}

TEST(PoolingTest, Normalized) {
  std::vector<float> v{3, -4};
  Normalize(v.data(), 2);
  EXPECT_THAT(v, ElementsAre(0.6f, -0.8f));
  std::vector<float> zero{0, 0};
  Normalize(zero.data(), 2);
  EXPECT_THAT(zero, ElementsAre(0, 0));
  std::vector<float> large{3e38f, 3e38f};  // whose squares no float holds
  Normalize(large.data(), 2);
  EXPECT_FLOAT_EQ(large[0], std::sqrt(0.5f));
}

}  // namespace
}  // namespace mosaic::text
