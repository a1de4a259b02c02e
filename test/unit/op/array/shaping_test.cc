// Operators that move elements or change shapes: Reshape, Flatten, Squeeze, Unsqueeze, Transpose,
// Expand, Tile, Concat, Shape, Size, Range, ConstantOfShape, Identity: values and refusals.
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

TEST(ReshapeTest, ZeroAndMinusOne) {
  OpCall call("Reshape");
  ASSERT_OK(call.In({2, 3, 4}, {1}).In<int64_t>({3}, {0, -1, 2}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 6, 2}));
  EXPECT_TRUE(call.op().shape_input(1));
  OpCall zero("Reshape");
  ASSERT_OK(zero.Int("allowzero", 1).In({0, 3}, {1}).In<int64_t>({2}, {7, 0}).Run());
  EXPECT_EQ(zero.shape(), (Shape{7, 0}));
}

TEST(ReshapeTest, RefusesHostileShapes) {
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {4}, {-1, 4}, {-1, -1}, {-2, -3}, {6, 1, 0}, {std::numeric_limits<int64_t>::min(), 6}}) {
    const int64_t n = static_cast<int64_t>(shape.size());
    EXPECT_REFUSED(OpCall("Reshape").In({2, 3}, {1}).In<int64_t>({n}, shape).Run(),
                   MOSAIC_E_BAD_MODEL, "shape [2, 3] cannot be reshaped to [");
  }
  EXPECT_REFUSED(OpCall("Reshape").In({2, 3}, {1}).In<int64_t>({2}, {kFar, kFar}).Run(),
                 MOSAIC_E_LIMIT, "would exceed");
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

TEST(SqueezeTest, NamedAxesOrAll) {
  OpCall last("Squeeze"), first("Squeeze"), all("Squeeze"), bad("Squeeze");
  ASSERT_OK(last.In({1, 3, 1}, {1}).In<int64_t>({1}, {-1}).Run());
  EXPECT_EQ(last.shape(), (Shape{1, 3}));
  ASSERT_OK(first.In({1, 3, 1}, {1}).In<int64_t>({1}, {0}).Run());
  EXPECT_EQ(first.shape(), (Shape{3, 1}));
  ASSERT_OK(all.In({1, 3, 1}, {1}).Run());
  EXPECT_EQ(all.shape(), (Shape{3}));
  EXPECT_REFUSED(bad.In({1, 3}, {1}).In<int64_t>({1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 1 of shape [1, 3] is not 1");
}

TEST(UnsqueezeTest, InAnyOrder) {
  OpCall two("Unsqueeze"), last("Unsqueeze");
  ASSERT_OK(two.In({2, 3}, {1}).In<int64_t>({2}, {3, 0}).Run());
  EXPECT_EQ(two.shape(), (Shape{1, 2, 3, 1}));
  ASSERT_OK(last.In({2, 3}, {1}).In<int64_t>({1}, {-1}).Run());
  EXPECT_EQ(last.shape(), (Shape{2, 3, 1}));
  EXPECT_REFUSED(OpCall("Unsqueeze").In({2}, {1}).In<int64_t>({2}, {0, -3}).Run(),
                 MOSAIC_E_BAD_MODEL, "named twice");
  EXPECT_REFUSED(OpCall("Unsqueeze").In({2}, {1}).Make(), MOSAIC_E_BAD_MODEL, "takes 2 inputs");
  EXPECT_REFUSED(OpCall("Unsqueeze").In({2}, {1}).In({1}, {0}).Run(), MOSAIC_E_UNSUPPORTED,
                 "axes of type float32");
  EXPECT_REFUSED(OpCall("Unsqueeze").In({2}, {1}).In<int64_t>({17}, {0}).Run(), MOSAIC_E_LIMIT,
                 "axes has 17 elements");
}

TEST(TransposeTest, MovesElements) {
  OpCall call("Transpose"), reversed("Transpose");
  ASSERT_OK(call.Ints("perm", {1, 0, 2}).In({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 1, 4, 5, 2, 3, 6, 7));
  ASSERT_OK(reversed.In<uint8_t>({2, 3}, {0, 1, 2, 3, 4, 5}).Run());
  EXPECT_EQ(reversed.shape(), (Shape{3, 2}));
  EXPECT_THAT(reversed.values<uint8_t>(), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_REFUSED(OpCall("Transpose").Ints("perm", {0, 0}).In({2, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "twice");
  EXPECT_REFUSED(OpCall("Transpose").Ints("perm", {0}).In({2, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "1 entries");
}

TEST(ExpandTest, BroadcastsBothWays) {
  OpCall call("Expand");
  ASSERT_OK(call.In({2, 1}, {1, 2}).In<int64_t>({3}, {2, 1, 2}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 2, 2}));
  EXPECT_THAT(call.values(), ElementsAre(1, 1, 2, 2, 1, 1, 2, 2));
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
  OpCall rows("Concat");
  ASSERT_OK(rows.Int("axis", 0).In<Float16>({1, 2}, {1, 2}).In<Float16>({1, 2}, {3, 4}).Run());
  EXPECT_THAT(rows.values<Float16>(), ElementsAre(1, 2, 3, 4));
  EXPECT_REFUSED(OpCall("Concat").Int("axis", 0).In({1, 2}, {1}).In({1, 3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "[1, 2] and [1, 3] cannot be joined along axis 0");
  EXPECT_REFUSED(OpCall("Concat").In({1}, {1}).Make(), MOSAIC_E_BAD_MODEL, "axis is missing");
}

TEST(ShapeTest, AllOrARange) {
  OpCall all("Shape"), part("Shape"), size("Size");
  ASSERT_OK(all.In({2, 3, 4}, {1}).Run());
  EXPECT_THAT(all.values<int64_t>(), ElementsAre(2, 3, 4));
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
  OpCall half("Range"), list("Range"), mixed("Range");
  ASSERT_OK(half.In<BFloat16>({}, {1}).In<BFloat16>({}, {4}).In<BFloat16>({}, {1.5F}).Run());
  EXPECT_THAT(half.values<BFloat16>(), ElementsAre(1, 2.5F));
  OpCall narrow("Range"), wider("Range");
  narrow.Int("stash_type", MOSAIC_BFLOAT16);
  EXPECT_REFUSED(narrow.In<BFloat16>({}, {1}).In<BFloat16>({}, {4}).In<BFloat16>({}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "stash_type 16");
  // It is of no consequence for other types.
  ASSERT_OK(wider.Int("stash_type", MOSAIC_BFLOAT16).In({}, {1}).In({}, {2}).In({}, {1}).Run());
  EXPECT_REFUSED(list.In({2}, {1}).In({}, {2}).In({}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "inputs must be scalars");
  EXPECT_REFUSED(mixed.In({}, {1}).In<int64_t>({}, {2}).In({}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "different types");
}

TEST(ConstantOfShapeTest, OfAnyType) {
  OpCall zeros("ConstantOfShape"), scalar("ConstantOfShape"), bits("ConstantOfShape");
  ASSERT_OK(zeros.In<int64_t>({2}, {1, 2}).Run());
  EXPECT_THAT(zeros.values(), ElementsAre(0, 0));
  ASSERT_OK(scalar.In<int64_t>({0}, {0}).In<int32_t>({1}, {7}).AttributeInput("value").Run());
  EXPECT_EQ(scalar.shape(), Shape{});
  EXPECT_THAT(scalar.values<int32_t>(), ElementsAre(7));
  ASSERT_OK(bits.In<int64_t>({1}, {20000}).In<Float16>({1}, {0.5F}).AttributeInput("value").Run());
  EXPECT_THAT(bits.values<Float16>(), Each(0.5F));
  OpCall strings("ConstantOfShape");
  ASSERT_OK(strings.In<int64_t>({1}, {2}).Strings({1}, {"ab"}).AttributeInput("value").Run());
  EXPECT_THAT(strings.strings(), ElementsAre("ab", "ab"));
  EXPECT_REFUSED(OpCall("ConstantOfShape").In<int64_t>({2}, {kFar, kFar}).Run(), MOSAIC_E_LIMIT,
                 "exceed");
  EXPECT_REFUSED(OpCall("ConstantOfShape").In<int64_t>({2}, {0, -1}).Run(), MOSAIC_E_BAD_MODEL,
                 "negative");
  OpCall two("ConstantOfShape");
  EXPECT_REFUSED(two.In<int64_t>({1}, {1}).In({2}, {1}).AttributeInput("value").Run(),
                 MOSAIC_E_BAD_MODEL, "must be one element");
}

TEST(IdentityTest, AlsoOfASequence) {
  OpCall call("Identity"), sequence("Identity");
  ASSERT_OK(call.In({2}, {1, 2}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 2));
  ASSERT_OK(sequence.In(Tensor::Sequence({call.output(), call.output()})).Run());
  EXPECT_EQ(sequence.output().dtype(), MOSAIC_SEQUENCE);
  ASSERT_EQ(sequence.output().items().size(), 2U);
  EXPECT_EQ(sequence.output().items()[1].raw(), call.output().raw());
}

}  // namespace
}  // namespace mosaic
