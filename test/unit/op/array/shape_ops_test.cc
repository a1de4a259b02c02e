// Transpose, Concat, Reshape, Shape, Gather: values, inference in symbols, and where items go.
#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

Fact Items(Dims dims, int axis) {
  Fact f = Fact::Of(MOSAIC_FLOAT, std::move(dims));
  f.item_axis = axis;
  return f;
}
const Dim N = Dim::Symbol("N");

Fact Int64s(Dims values) {
  Fact f = Fact::Of(MOSAIC_INT64, {static_cast<int64_t>(values.size())});
  f.item_axis = kShared;
  f.ints = std::make_shared<Dims>(std::move(values));
  return f;
}

TEST(Reshape, FollowsTheItemAxis) {
  OpCall call("Reshape");
  // [N, 7, 4] -> [N * 7, 4] -> items still come one after another.
  ASSERT_OK(call.Infer({Items({N, 7, 4}, 0), Int64s({-1, 4})}, "N"));
  EXPECT_EQ(call.fact().item_axis, 0);
  EXPECT_EQ(call.fact().dims[0].ToString(), "7*N");
  // The heads of attention in an encoder whose items are the second axis.
  OpCall heads("Reshape");
  ASSERT_OK(heads.Infer({Items({5, N, 12}, 1), Int64s({5, N * 3, 4})}, "N"));
  EXPECT_EQ(heads.fact().item_axis, 1);
  // Items and steps are joined with the steps outermost: no axis has items one after another.
  OpCall mixed("Reshape");
  ASSERT_OK(mixed.Infer({Items({5, N, 12}, 1), Int64s({-1, 12})}, "N"));
  EXPECT_EQ(mixed.fact().item_axis, kMixed);
  // One row holds all items, still one after another.
  OpCall one("Reshape");
  ASSERT_OK(one.Infer({Items({N, 12}, 0), Int64s({1, -1})}, "N"));
  EXPECT_EQ(one.fact().item_axis, 1);
}

TEST(Transpose, MovesTheItemAxis) {
  OpCall call("Transpose");
  call.Ints("perm", {1, 0, 2});
  ASSERT_OK(call.Infer({Items({N, 5, 4}, 0)}, "N"));
  EXPECT_EQ(call.fact().item_axis, 1);
}

TEST(Shape, OfItemsIsFollowed) {
  OpCall call("Shape");
  ASSERT_OK(call.Infer({Items({N, 5}, 0)}, "N"));
  EXPECT_EQ(call.fact().item_axis, kShared);
  EXPECT_EQ((*call.fact().ints)[0].ToString(), "N");
}

TEST(Concat, AcrossItemsMixes) {
  OpCall call("Concat");
  call.Int("axis", 0);
  ASSERT_OK(call.Infer({Items({N, 5}, 0), Items({N, 5}, 0)}, "N"));
  EXPECT_EQ(call.fact().item_axis, kMixed);
  OpCall within("Concat");
  within.Int("axis", 1);
  ASSERT_OK(within.Infer({Items({N, 5}, 0), Items({N, 3}, 0)}, "N"));
  EXPECT_EQ(within.fact().item_axis, 0);
}

TEST(Concat, JoinsRows) {
  OpCall call("Concat");
  call.Int("axis", 1).In({2, 2}, {1, 2, 3, 4}).In({2, 1}, {5, 6});
  ASSERT_OK(call.Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 2, 5, 3, 4, 6));
}

TEST(Gather, TakesRowsAndRefusesBadIndexes) {
  OpCall call("Gather");
  call.In({3, 2}, {1, 2, 3, 4, 5, 6}).In<int64_t>({2}, {-1, 0});
  ASSERT_OK(call.Run());
  EXPECT_THAT(call.values(), ElementsAre(5, 6, 1, 2));
  OpCall bad("Gather");
  bad.In({3, 2}, {1, 2, 3, 4, 5, 6}).In<int64_t>({1}, {3});
  EXPECT_REFUSED(bad.Run(), MOSAIC_E_INVALID, "index 3 is out of range");
}

TEST(Transpose, Strings) {
  OpCall call("Transpose");
  call.Strings({2, 2}, {"a", "b", "c", "d"});
  ASSERT_OK(call.Run());
  EXPECT_THAT(call.strings(), ElementsAre("a", "c", "b", "d"));
}

}  // namespace
}  // namespace mosaic
