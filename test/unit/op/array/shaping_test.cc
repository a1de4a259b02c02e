// Operators that move elements or change shapes: Reshape, Flatten, Squeeze, Unsqueeze, Transpose,
// Slice, Expand, Tile, Concat, Split, Shape, Size, Range, ConstantOfShape, Identity, Dropout.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

TEST(ReshapeTest, ZeroAndMinusOne) {
  OpCall call("Reshape");
  ASSERT_OK(call.In({2, 3, 4}, {1}).In<int64_t>({3}, {0, -1, 2}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 6, 2}));
  EXPECT_TRUE(call.op().shape_input(1));
  OpCall zero("Reshape", 14);
  ASSERT_OK(zero.Int("allowzero", 1).In({0, 3}, {1}).In<int64_t>({2}, {7, 0}).Run());
  EXPECT_EQ(zero.shape(), (Shape{7, 0}));
}

TEST(ReshapeTest, RefusesHostileShapes) {
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{4},
                                         {-1, 4},
                                         {-1, -1},
                                         {-2, -3},
                                         {6, 1, 0},
                                         {kFar, kFar},
                                         {1LL << 32, 1LL << 32},
                                         {std::numeric_limits<int64_t>::min(), 6}}) {
    const int64_t n = static_cast<int64_t>(shape.size());
    EXPECT_REFUSED(OpCall("Reshape").In({2, 3}, {1}).In<int64_t>({n}, shape).Run(),
                   MOSAIC_E_BAD_MODEL, "shape [2, 3] cannot be reshaped to [");
  }
  EXPECT_REFUSED(OpCall("Reshape").In({1}, {1}).In<int64_t>({9}, {1}).Run(), MOSAIC_E_LIMIT,
                 "9 dimensions");
  EXPECT_REFUSED(
      OpCall("Reshape").Int("allowzero", 1).In({0, 3}, {1}).In<int64_t>({2}, {-1, 0}).Run(),
      MOSAIC_E_BAD_MODEL, "cannot be reshaped");
  EXPECT_REFUSED(OpCall("Reshape").In({1}, {1}).In({1}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "a shape of type float32");
}

TEST(FlattenTest, EveryAxis) {
  for (int64_t axis = -3; axis <= 3; ++axis) {
    OpCall call("Flatten");
    ASSERT_OK(call.Int("axis", axis).In({2, 3, 4}, {1}).Run());
    const int64_t lead[] = {1, 2, 6, 24};
    EXPECT_EQ(call.shape()[0], lead[axis < 0 ? axis + 3 : axis]);
    EXPECT_EQ(call.output().size(), 24);
  }
  EXPECT_REFUSED(OpCall("Flatten").Int("axis", 4).In({2, 3, 4}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 4 is out of range for rank 3");
}

TEST(SqueezeTest, AttributeAndInput) {
  OpCall attribute("Squeeze", 11), input("Squeeze", 13), all("Squeeze", 13);
  ASSERT_OK(attribute.Ints("axes", {-1}).In({1, 3, 1}, {1}).Run());
  EXPECT_EQ(attribute.shape(), (Shape{1, 3}));
  ASSERT_OK(input.In({1, 3, 1}, {1}).In<int64_t>({1}, {0}).Run());
  EXPECT_EQ(input.shape(), (Shape{3, 1}));
  ASSERT_OK(all.In({1, 3, 1}, {1}).Run());
  EXPECT_EQ(all.shape(), (Shape{3}));
  EXPECT_REFUSED(OpCall("Squeeze", 11).Ints("axes", {1}).In({1, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 1 of shape [1, 3] is not 1");
}

TEST(UnsqueezeTest, AttributeAndInput) {
  OpCall attribute("Unsqueeze", 9), input("Unsqueeze", 13);
  ASSERT_OK(attribute.Ints("axes", {3, 0}).In({2, 3}, {1}).Run());
  EXPECT_EQ(attribute.shape(), (Shape{1, 2, 3, 1}));
  ASSERT_OK(input.In({2, 3}, {1}).In<int64_t>({1}, {-1}).Run());
  EXPECT_EQ(input.shape(), (Shape{2, 3, 1}));
  EXPECT_REFUSED(OpCall("Unsqueeze", 13).In({2}, {1}).In<int64_t>({2}, {0, -3}).Run(),
                 MOSAIC_E_BAD_MODEL, "named twice");
  EXPECT_REFUSED(OpCall("Unsqueeze", 9).In({2}, {1}).Make(), MOSAIC_E_BAD_MODEL, "axes is missing");
}

TEST(TransposeTest, MovesElements) {
  OpCall call("Transpose"), reversed("Transpose");
  ASSERT_OK(call.Ints("perm", {1, 0, 2}).In({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
  EXPECT_EQ(call.Items({0}, 2), ItemRule::kMixes);
  ASSERT_OK(reversed.In<uint8_t>({2, 3}, {0, 1, 2, 3, 4, 5}).Run());
  EXPECT_EQ(reversed.shape(), (Shape{3, 2}));
  EXPECT_THAT(reversed.values<uint8_t>(), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_REFUSED(OpCall("Transpose").Ints("perm", {0, 0}).In({2, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "twice");
  EXPECT_REFUSED(OpCall("Transpose").Ints("perm", {0}).In({2, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "1 entries");
}

TEST(SliceTest, AttributesBeforeOpset10) {
  OpCall call("Slice", 9);
  ASSERT_OK(call.Ints("starts", {1, -2})
                .Ints("ends", {kFar, -1})
                .In({3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8})
                .Run());
  EXPECT_EQ(call.shape(), (Shape{2, 1}));
  EXPECT_THAT(call.values(), ElementsAre(4, 7));
  EXPECT_REFUSED(OpCall("Slice", 9).Ints("starts", {1}).In({3}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "missing");
}

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

TEST(SliceTest, ErrorsAndItems) {
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
  OpCall reversed("Slice"), columns("Slice");
  ASSERT_OK(reversed.In({5}, {1})
                .In<int64_t>({1}, one(-1))
                .In<int64_t>({1}, one(-9))
                .In<int64_t>({1}, one(0))
                .In<int64_t>({1}, one(-1))
                .Run());
  EXPECT_EQ(reversed.Items({0}, 5), ItemRule::kMixes);
  ASSERT_OK(columns.In({5, 4}, {1})
                .In<int64_t>({1}, one(1))
                .In<int64_t>({1}, one(3))
                .In<int64_t>({1}, one(-1))
                .Run());
  EXPECT_EQ(columns.shape(), (Shape{5, 2}));
  EXPECT_EQ(columns.Items({0}, 5), ItemRule::kIndependent);
}

TEST(ExpandTest, BroadcastsBothWays) {
  OpCall call("Expand");
  ASSERT_OK(call.In({2, 1}, {1, 2}).In<int64_t>({3}, {2, 1, 2}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(call.values(), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
  EXPECT_EQ(call.Items({0}, 2), ItemRule::kMixes);  // the items lie along dimension 1
  EXPECT_REFUSED(OpCall("Expand").In({1}, {1}).In<int64_t>({2}, {kFar, 2}).Run(), MOSAIC_E_LIMIT,
                 "bytes");
  EXPECT_REFUSED(OpCall("Expand").In({1}, {1}).In<int64_t>({1}, {-1}).Run(), MOSAIC_E_BAD_MODEL,
                 "negative");
}

TEST(TileTest, RepeatsEveryDimension) {
  OpCall call("Tile");
  ASSERT_OK(call.In({2, 2}, {1, 2, 3, 4}).In<int64_t>({2}, {2, 2}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4));
  EXPECT_REFUSED(OpCall("Tile").In({2}, {1}).In<int64_t>({1}, {kFar}).Run(), MOSAIC_E_LIMIT,
                 "large");
  EXPECT_REFUSED(OpCall("Tile").In({2}, {1}).In<int64_t>({1}, {-1}).Run(), MOSAIC_E_BAD_MODEL,
                 "negative");
}

TEST(ConcatTest, JoinsAndRefuses) {
  OpCall call("Concat");
  ASSERT_OK(call.Int("axis", -1).In({2, 1}, {1, 2}).In({2, 0}, {0}).In({2, 2}, {3, 4, 5, 6}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 3, 4, 2, 5, 6));
  EXPECT_EQ(call.Items({0, 1, 2}, 2), ItemRule::kIndependent);
  OpCall rows("Concat");
  ASSERT_OK(rows.Int("axis", 0).In<Float16>({1, 2}, {1, 2}).In<Float16>({1, 2}, {3, 4}).Run());
  EXPECT_THAT(rows.values<Float16>(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(rows.Items({0}, 1), ItemRule::kMixes);
  EXPECT_REFUSED(OpCall("Concat").Int("axis", 0).In({1, 2}, {1}).In({1, 3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "[1, 2] and [1, 3] cannot be joined along axis 0");
  EXPECT_REFUSED(OpCall("Concat").In({1}, {1}).Make(), MOSAIC_E_BAD_MODEL, "axis is missing");
}

TEST(SplitTest, AttributeAndInput) {
  OpCall attribute("Split", 11), input("Split", 13), equal("Split", 13);
  ASSERT_OK(attribute.Ints("split", {1, 2})
                .Int("axis", 1)
                .Outputs(2)
                .In({2, 3}, {0, 1, 2, 3, 4, 5})
                .Run());
  EXPECT_THAT(attribute.values(), ElementsAre(0, 3));
  EXPECT_THAT(attribute.values<float>(1), ElementsAre(1, 2, 4, 5));
  ASSERT_OK(input.Outputs(3).In({3}, {0, 1, 2}).In<int64_t>({3}, {2, 0, 1}).Run());
  EXPECT_THAT(input.values(), ElementsAre(0, 1));
  EXPECT_EQ(input.shape(1), Shape{0});
  EXPECT_THAT(input.values<float>(2), ElementsAre(2));
  ASSERT_OK(equal.Outputs(2).In({4}, {0, 1, 2, 3}).Run());
  EXPECT_THAT(equal.values<float>(1), ElementsAre(2, 3));
  EXPECT_REFUSED(OpCall("Split").Outputs(2).In({3}, {1}).Run(), MOSAIC_E_BAD_MODEL, "into 2");
  EXPECT_REFUSED(OpCall("Split").Outputs(2).In({3}, {1}).In<int64_t>({2}, {4, -1}).Run(),
                 MOSAIC_E_BAD_MODEL, "[4, ");
}

TEST(ShapeTest, RangesSinceOpset15) {
  OpCall all("Shape", 13), part("Shape", 15), size("Size");
  ASSERT_OK(all.Int("start", 1).In({2, 3, 4}, {1}).Run());
  EXPECT_THAT(all.values<int64_t>(), ElementsAre(2, 3, 4));
  EXPECT_EQ(all.Items({0}, 2), ItemRule::kShapeOnly);
  ASSERT_OK(part.Int("start", -2).Int("end", 99).In({2, 3, 4}, {1}).Run());
  EXPECT_THAT(part.values<int64_t>(), ElementsAre(3, 4));
  ASSERT_OK(size.In({2, 3}, {1}).Run());
  EXPECT_THAT(size.values<int64_t>(), ElementsAre(6));
}

TEST(RangeTest, CountsWithoutOverflow) {
  const auto range = [](int64_t start, int64_t limit, int64_t delta, OpCall* call) {
    return call->In<int64_t>({}, {start}).In<int64_t>({}, {limit}).In<int64_t>({}, {delta}).Run();
  };
  OpCall down("Range"), none("Range"), wide("Range"), huge("Range"), still("Range"), real("Range");
  ASSERT_OK(range(5, -2, -3, &down));
  EXPECT_THAT(down.values<int64_t>(), ElementsAre(5, 2, -1));
  ASSERT_OK(range(5, 9, -1, &none));
  EXPECT_EQ(none.shape(), Shape{0});
  ASSERT_OK(range(-kFar - 1, kFar, kFar, &wide));
  EXPECT_THAT(wide.values<int64_t>(), ElementsAre(-kFar - 1, -1, kFar - 1));
  EXPECT_REFUSED(range(-kFar, kFar, 1, &huge), MOSAIC_E_LIMIT, "exceed");
  EXPECT_REFUSED(range(0, 1, 0, &still), MOSAIC_E_INVALID, "delta is 0");
  ASSERT_OK(real.In({}, {1}).In({}, {2}).In({}, {0.5F}).Run());
  EXPECT_THAT(real.values(), ElementsAre(1, 1.5F));
}

TEST(ConstantOfShapeTest, ValueIsTheSecondInput) {
  OpCall zeros("ConstantOfShape"), ones("ConstantOfShape");
  ASSERT_OK(zeros.In<int64_t>({2}, {1, 2}).Run());
  EXPECT_THAT(zeros.values(), ElementsAre(0, 0));
  ASSERT_OK(ones.In<int64_t>({0}, {0}).In<int32_t>({1}, {7}).Run());
  EXPECT_EQ(ones.shape(), Shape{});
  EXPECT_THAT(ones.values<int32_t>(), ElementsAre(7));
  EXPECT_REFUSED(OpCall("ConstantOfShape").In<int64_t>({2}, {kFar, kFar}).Run(), MOSAIC_E_LIMIT,
                 "exceed");
  EXPECT_REFUSED(OpCall("ConstantOfShape").In<int64_t>({2}, {0, -1}).Run(), MOSAIC_E_BAD_MODEL,
                 "negative");
}

TEST(DropoutTest, KeepsEverything) {
  OpCall old_mask("Dropout", 9), mask("Dropout", 13);
  ASSERT_OK(old_mask.Outputs(2).In({2}, {1, 2}).Run());
  EXPECT_THAT(old_mask.values<float>(1), ElementsAre(1, 1));
  ASSERT_OK(mask.Outputs(2).In({2}, {1, 2}).In({}, {0.9F}).In<Bool>({}, {false}).Run());
  EXPECT_THAT(mask.values(), ElementsAre(1, 2));
  EXPECT_THAT(mask.values<Bool>(1), ElementsAre(true, true));
  EXPECT_REFUSED(OpCall("Dropout").In({2}, {1}).Omitted().In<Bool>({}, {true}).Run(),
                 MOSAIC_E_UNSUPPORTED, "training_mode");
}

}  // namespace
}  // namespace mosaic
