// Slice, Split, Squeeze, Unsqueeze, Expand, ConstantOfShape, Range, Tile, Flatten, Identity in
// symbols: shapes, sizes that are followed, and where the items go.
#include "op/array/infer_items.h"

namespace mosaic {
namespace {

const Dim N = Dim::Symbol("N"), S = Dim::Symbol("S");

Fact Items(Dims dims, int axis) { return ItemsFact(std::move(dims), axis); }
Fact Shared(Dims dims) { return SharedFact(std::move(dims)); }
Fact Int64s(Dims values) { return SizesFact(std::move(values)); }
Fact Unknown(Dims dims) { return SharedFact(std::move(dims), MOSAIC_INT64); }
Inferred Of(OpCall call, const std::vector<Fact>& facts) { return InferredOf(call, facts); }
#define EXPECT_IS(expr, expected_shape, expected_axis) \
  do {                                                 \
    const Inferred got = (expr);                       \
    EXPECT_EQ(got.shape, expected_shape);              \
    EXPECT_EQ(got.axis, expected_axis);                \
  } while (0)

Fact One(int64_t v) { return Int64s({v}); }
Fact Omitted() { return Fact(); }

TEST(SliceInSymbols, KeepsItemsWhereTheyAreWhole) {
  const Fact x = Items({N, S, 8}, 0);
  EXPECT_IS(Of(OpCall("Slice"), {x, One(0), One(3), One(2)}), "[N, S, 3]", 0);
  EXPECT_IS(Of(OpCall("Slice"), {x, One(0), One(INT64_MAX), One(0)}), "[N, S, 8]", 0);
  EXPECT_IS(Of(OpCall("Slice"), {x, One(0), Int64s({N}), One(0)}), "[N, S, 8]", 0);
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(1), One(INT64_MAX), One(0)}).axis, kMixed);
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(-1), One(INT64_MIN), One(0), One(-1)}).axis, kMixed);
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(0), One(INT64_MAX), One(0), One(2)}).axis, kMixed);
  // Bounds that are not known: the shape is not, nor where items are.
  EXPECT_EQ(Of(OpCall("Slice"), {x, Unknown({1}), One(1), One(2)}).axis, kMixed);
}

TEST(SliceInSymbols, Counts) {
  const Fact x = Shared({S});
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(0), One(-1)}).shape, "[max(S + -1, 0)]");
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(-1), One(INT64_MAX)}).shape, "[min(S, 1)]");
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(0), One(5)}).shape, "[min(5, S)]");
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(0), One(2147483647), Omitted(), One(2)}).shape,
            "[ceildiv(S, 2)]");
  EXPECT_EQ(Of(OpCall("Slice"), {x, One(-1), One(INT64_MIN), Omitted(), One(-1)}).shape, "[S]");
  EXPECT_EQ(Of(OpCall("Slice"), {Shared({512, 4}), One(0), Int64s({S})}).shape, "[min(S, 512), 4]");
}

TEST(SizesAreFollowed, ThroughSliceSplitSqueezeAndUnsqueeze) {
  const Fact sizes = Int64s({N, S, 8});
  EXPECT_EQ(Of(OpCall("Slice"), {sizes, One(0), One(2)}).ints, "[N, S]");
  EXPECT_EQ(Of(OpCall("Slice"), {sizes, One(-1), One(INT64_MIN), One(0), One(-2)}).ints, "[8, N]");
  EXPECT_EQ(Of(OpCall("Slice"), {sizes, One(1), One(2)}).axis, kShared);
  OpCall split("Split");
  split.Outputs(2);
  ASSERT_OK(split.Infer({sizes, Int64s({1, 2})}, "N"));
  EXPECT_EQ(ShapeString(*split.fact(1).ints), "[S, 8]");
  Fact one = Int64s({S * 2});
  EXPECT_EQ(Of(OpCall("Squeeze"), {one, One(0)}).ints, "[2*S]");
  EXPECT_EQ(Of(OpCall("Squeeze"), {one, One(0)}).shape, "[]");
  one.dims.clear();
  EXPECT_EQ(Of(OpCall("Unsqueeze"), {one, One(0)}).ints, "[2*S]");
  EXPECT_EQ(Of(OpCall("Identity"), {sizes}).ints, "[N, S, 8]");
}

TEST(SplitInSymbols, Parts) {
  const Fact x = Items({N, S, 9}, 0);
  OpCall call("Split");
  call.Int("axis", 2).Outputs(3);
  ASSERT_OK(call.Infer({x}, "N"));
  EXPECT_EQ(ShapeString(call.fact(2).dims), "[N, S, 3]");
  EXPECT_EQ(call.fact(2).item_axis, 0);
  OpCall items("Split");
  items.Int("axis", 0).Int("num_outputs", 2).Outputs(2);
  ASSERT_OK(items.Infer({x}, "N"));
  EXPECT_EQ(items.fact(1).item_axis, kMixed);
}

TEST(SqueezeInSymbols, ItemsStay) {
  EXPECT_IS(Of(OpCall("Squeeze"), {Items({1, N, 1, 4}, 1), Int64s({0, 2})}), "[N, 4]", 0);
  EXPECT_IS(Of(OpCall("Unsqueeze"), {Items({N, 4}, 0), Int64s({0, 2})}), "[1, N, 1, 4]", 1);
  // Without axes a single item would lose its dimension.
  EXPECT_IS(Of(OpCall("Squeeze"), {Items({N, 1, 4}, 0)}), "?", kMixed);
  EXPECT_EQ(Of(OpCall("Squeeze"), {Items({N, 4}, 0), One(0)}).axis, kMixed);
  EXPECT_IS(Of(OpCall("Flatten"), {Items({N, S, 4}, 0)}), "[N, 4*S]", 0);
}

TEST(RepeatedInSymbols, TheDimensionThatCountsItemsHoldsThem) {
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({S, N, 4})}), "[S, N, 4]", 1);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({S, 4})}), "[S, 4]", kShared);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({N, N})}), "[N, N]", kMixed);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({N * N})}), "[N*N]", kMixed);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({N + 1})}), "[N + 1]", kMixed);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Int64s({N * 12})}), "[12*N]", 0);
  EXPECT_EQ(Of(OpCall("ConstantOfShape"), {Unknown({3})}).axis, kShared);
  EXPECT_IS(Of(OpCall("ConstantOfShape"), {Unknown({S})}), "?", kShared);

  const Fact row = Shared({1, 4});
  EXPECT_IS(Of(OpCall("Expand"), {row, Int64s({N, 4})}), "[N, 4]", 0);
  EXPECT_IS(Of(OpCall("Expand"), {row, Int64s({N, 1, 1})}), "[N, 1, 4]", 0);
  EXPECT_IS(Of(OpCall("Expand"), {Items({N, 1, 4}, 0), Int64s({1, S, 1})}), "[N, S, 4]", 0);
  EXPECT_IS(Of(OpCall("Expand"), {Items({N, 4}, 0), Int64s({7, 1, 1})}), "[7, N, 4]", 1);
  EXPECT_EQ(Of(OpCall("Expand"), {Items({N, 1}, 0), Int64s({N, N})}).axis, kMixed);
  EXPECT_EQ(Of(OpCall("Expand"), {Items({N, 4}, 0), Int64s({5, 4})}).axis, kMixed);
  EXPECT_EQ(Of(OpCall("Expand"), {Items({N, 4}, 0), Unknown({2})}).axis, kMixed);

  EXPECT_IS(Of(OpCall("Tile"), {row, Int64s({N, 1})}), "[N, 4]", 0);
  EXPECT_IS(Of(OpCall("Tile"), {Items({N, 4}, 0), Int64s({1, 3})}), "[N, 12]", 0);
  EXPECT_EQ(Of(OpCall("Tile"), {Items({N, 4}, 0), Int64s({2, 1})}).axis, kMixed);
}

TEST(RangeInSymbols, CountsButIsNotItemised) {
  EXPECT_IS(Of(OpCall("Range"), {One(0), Int64s({S}), One(1)}), "[S]", kShared);
  EXPECT_IS(Of(OpCall("Range"), {Int64s({S}), Int64s({S + Dim(3)}), One(1)}), "[3]", kShared);
  EXPECT_IS(Of(OpCall("Range"), {One(0), Int64s({S * 2 + N}), One(1)}), "[2*S + N]", kMixed);
  EXPECT_EQ(Of(OpCall("Range"), {Int64s({S}), One(0), One(-2)}).shape, "[ceildiv(S, 2)]");
  EXPECT_EQ(Of(OpCall("Range"), {One(0), Int64s({N}), One(1)}).axis, kMixed);
}

}  // namespace
}  // namespace mosaic
