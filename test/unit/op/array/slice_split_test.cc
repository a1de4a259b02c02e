// Slice and Split: values and refusals.
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

TEST(SliceTest, AgreesWithPlainSlicing) {
  const int64_t low = std::numeric_limits<int64_t>::min();
  const std::vector<float> x = {0, 1, 2, 3, 4};
  for (int64_t start : {low, int64_t{-7}, int64_t{-2}, int64_t{0}, int64_t{3}, int64_t{9}, kFar}) {
    for (int64_t end : {low, int64_t{-6}, int64_t{-1}, int64_t{0}, int64_t{4}, int64_t{8}, kFar}) {
      for (int64_t step : {low, int64_t{-2}, int64_t{-1}, int64_t{1}, int64_t{3}, kFar}) {
        // Python's rule, with the bounds of the walk taken from numpy.
        int64_t from = start < 0 ? std::max<int64_t>(start + 5, step < 0 ? -1 : 0)
                                 : std::min<int64_t>(start, step < 0 ? 4 : 5);
        const int64_t to = end < 0 ? std::max<int64_t>(end + 5, step < 0 ? -1 : 0)
                                   : std::min<int64_t>(end, step < 0 ? 4 : 5);
        std::vector<float> expected;
        while (step > 0 ? from < to : from > to) {
          expected.push_back(x[static_cast<size_t>(from)]);
          if (step > 5 || step < -5) break;
          from += step;
        }
        OpCall call("Slice");
        ASSERT_OK(call.In({5}, x)
                      .In<int64_t>({1}, {start})
                      .In<int64_t>({1}, {end})
                      .Omitted()
                      .In<int64_t>({1}, {step})
                      .Run());
        EXPECT_EQ(call.values(), expected) << start << ":" << end << ":" << step;
      }
    }
  }
}

TEST(SliceTest, Refusals) {
  const auto one = [](int64_t v) { return std::vector<int64_t>{v}; };
  EXPECT_REFUSED(OpCall("Slice")
                     .In({5}, {1})
                     .In<int64_t>({1}, one(0))
                     .In<int64_t>({1}, one(5))
                     .In<int64_t>({1}, one(0))
                     .In<int64_t>({1}, one(0))
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "a step is 0");
  EXPECT_REFUSED(OpCall("Slice")
                     .In({5}, {1})
                     .In<int64_t>({1}, one(0))
                     .In<int64_t>({1}, one(5))
                     .In<int64_t>({1}, one(1))
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "axis 1 is out of range");
  EXPECT_REFUSED(
      OpCall("Slice").In({5}, {1}).In<int64_t>({2}, {0, 0}).In<int64_t>({2}, {5, 5}).Run(),
      MOSAIC_E_BAD_MODEL, "different lengths");
}

TEST(SliceTest, SeveralAxes) {
  OpCall call("Slice");
  ASSERT_OK(call.In({3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8})
                .In<int32_t>({2}, {-2, 1})
                .In<int32_t>({2}, {-1, 2147483647})
                .In<int32_t>({2}, {1, 0})
                .Run());
  EXPECT_EQ(call.shape(), (Shape{2, 1}));
  EXPECT_THAT(call.values(), ElementsAre(4, 7));
}

TEST(SplitTest, GivenLengths) {
  OpCall columns("Split"), empty("Split"), omitted("Split");
  ASSERT_OK(columns.Int("axis", 1)
                .Outputs(2)
                .In({2, 3}, {0, 1, 2, 3, 4, 5})
                .In<int64_t>({2}, {1, 2})
                .Run());
  EXPECT_THAT(columns.values(), ElementsAre(0, 3));
  EXPECT_THAT(columns.values<float>(1), ElementsAre(1, 2, 4, 5));
  ASSERT_OK(empty.Outputs(3).In({3}, {0, 1, 2}).In<int64_t>({3}, {2, 0, 1}).Run());
  EXPECT_THAT(empty.values(), ElementsAre(0, 1));
  EXPECT_EQ(empty.shape(1), Shape{0});
  EXPECT_THAT(empty.values<float>(2), ElementsAre(2));
  EXPECT_REFUSED(OpCall("Split").Outputs(2).In({3}, {1}).In<int64_t>({2}, {4, -1}).Run(),
                 MOSAIC_E_BAD_MODEL, "[4, ");
  EXPECT_REFUSED(OpCall("Split").Outputs(2).In({3}, {1}).In<int64_t>({3}, {1, 1, 1}).Run(),
                 MOSAIC_E_BAD_MODEL, "into 2");
}

TEST(SplitTest, EqualParts) {
  OpCall equal("Split"), uneven("Split");
  ASSERT_OK(equal.Outputs(2).In({4}, {0, 1, 2, 3}).Run());
  EXPECT_THAT(equal.values<float>(1), ElementsAre(2, 3));
  EXPECT_REFUSED(OpCall("Split").Outputs(2).In({3}, {1}).Run(), MOSAIC_E_BAD_MODEL, "into 2");
  ASSERT_OK(uneven.Int("num_outputs", 3).Outputs(3).In({7}, {0, 1, 2, 3, 4, 5, 6}).Run());
  EXPECT_EQ(uneven.shape(0), Shape{3});
  EXPECT_THAT(uneven.values<float>(2), ElementsAre(6));
  EXPECT_REFUSED(OpCall("Split").Int("num_outputs", 4).Outputs(4).In({5}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "a dimension of 5 cannot be split into 4 outputs");
  EXPECT_REFUSED(OpCall("Split").Int("num_outputs", 4).Outputs(2).In({4}, {1}).Make(),
                 MOSAIC_E_BAD_MODEL, "num_outputs is 4, 2 outputs are named");
}

}  // namespace
}  // namespace mosaic
