// Sequences and optional values.
#include "core/op/array/sequence.h"

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

// A sequence of float32 lists.
Tensor Lists(OpCall& owner, const std::vector<std::vector<float>>& lists) {
  std::vector<Tensor> items;
  for (const auto& list : lists) {
    Tensor t = owner.arena()->New(MOSAIC_FLOAT, {static_cast<int64_t>(list.size())});
    std::copy(list.begin(), list.end(), t.mutable_data<float>());
    items.push_back(t);
  }
  return Tensor::Sequence(items);
}
std::vector<std::vector<float>> Values(const Tensor& sequence) {
  std::vector<std::vector<float>> lists;
  if (sequence.dtype() != MOSAIC_SEQUENCE) return lists;
  for (const Tensor& t : sequence.items()) {
    lists.emplace_back(t.data<float>(), t.data<float>() + t.size());
  }
  return lists;
}
using Floats = std::vector<std::vector<float>>;

TEST(Sequence, ConstructInsertEraseAtLength) {
  OpCall made("SequenceConstruct"), front("SequenceInsert"), back("SequenceInsert");
  OpCall erased("SequenceErase"), last("SequenceErase"), at("SequenceAt"), length("SequenceLength");
  OpCall empty("SequenceEmpty");
  ASSERT_OK(made.In({2}, {1, 2}).In({1}, {3}).Run());
  EXPECT_EQ(Values(made.output()), (Floats{{1, 2}, {3}}));
  ASSERT_OK(front.In(made.output()).In({1}, {9}).In<int64_t>({}, {-2}).Run());
  EXPECT_EQ(Values(front.output()), (Floats{{9}, {1, 2}, {3}}));
  ASSERT_OK(back.In(made.output()).In({1}, {9}).Run());
  EXPECT_EQ(Values(back.output()), (Floats{{1, 2}, {3}, {9}}));
  EXPECT_EQ(Values(made.output()), (Floats{{1, 2}, {3}}));  // unchanged
  ASSERT_OK(erased.In(back.output()).In<int32_t>({}, {0}).Run());
  EXPECT_EQ(Values(erased.output()), (Floats{{3}, {9}}));
  ASSERT_OK(last.In(back.output()).Run());
  EXPECT_EQ(Values(last.output()), (Floats{{1, 2}, {3}}));
  ASSERT_OK(at.In(back.output()).In<int64_t>({}, {-1}).Run());
  EXPECT_THAT(at.values(), ElementsAre(9));
  EXPECT_EQ(at.output().raw(), back.output().items()[2].raw());  // shared
  ASSERT_OK(length.In(back.output()).Run());
  EXPECT_THAT(length.values<int64_t>(), ElementsAre(3));
  ASSERT_OK(empty.Run());
  EXPECT_EQ(Values(empty.output()), Floats{});
}

TEST(Sequence, Refusals) {
  OpCall owner("SequenceAt");
  const Tensor two = Lists(owner, {{1}, {2}});
  for (int64_t position : {int64_t{2}, int64_t{-3}, INT64_MIN, INT64_MAX}) {
    EXPECT_REFUSED(OpCall("SequenceAt").In(two).In<int64_t>({}, {position}).Run(), MOSAIC_E_INVALID,
                   "position " + std::to_string(position) + " is out of range for 2");
  }
  EXPECT_REFUSED(OpCall("SequenceInsert").In(two).In({1}, {1}).In<int64_t>({}, {3}).Run(),
                 MOSAIC_E_INVALID, "position 3 is out of range");
  EXPECT_REFUSED(OpCall("SequenceErase").In(Tensor::Sequence({})).Run(), MOSAIC_E_INVALID,
                 "out of range for 0");
  EXPECT_REFUSED(OpCall("SequenceAt").In({1}, {1}).In<int64_t>({}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "is no sequence");
  EXPECT_REFUSED(OpCall("SequenceAt").In(two).In({}, {0}).Run(), MOSAIC_E_UNSUPPORTED,
                 "a position of type float32");
  EXPECT_REFUSED(OpCall("SequenceInsert").In(two).In<int64_t>({1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "an array of int64 does not fit a sequence of float32");
  for (const char* op : {"SequenceLength", "SequenceErase"}) {
    EXPECT_REFUSED(OpCall(op).In(EmptyOptional()).Run(), MOSAIC_E_INVALID, "is empty");
  }
  EXPECT_REFUSED(OpCall("ConcatFromSequence").Int("axis", 0).In(EmptyOptional()).Run(),
                 MOSAIC_E_INVALID, "the optional value is empty");
  EXPECT_REFUSED(OpCall("SequenceConstruct").In({1}, {1}).In<int64_t>({1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "different types");
}

TEST(Sequence, TypesAreFollowed) {
  OpCall split("SplitToSequence"), at("SequenceAt"), joined("ConcatFromSequence");
  ASSERT_OK(split.Infer({ItemsFact({Dim::Symbol("N"), 4}, 0, MOSAIC_INT32)}, "N"));
  EXPECT_EQ(split.fact().dtype, MOSAIC_SEQUENCE);
  EXPECT_EQ(split.fact().item_axis, kMixed);
  ASSERT_OK(at.Infer({split.fact(), SizesFact({0})}, "N"));
  EXPECT_EQ(at.fact().dtype, MOSAIC_INT32);
  joined.Int("axis", 0);
  ASSERT_OK(joined.Infer({split.fact()}, "N"));
  EXPECT_EQ(joined.fact().dtype, MOSAIC_INT32);
  EXPECT_FALSE(joined.fact().ranked);
}

TEST(SplitToSequence, PartsAndViews) {
  OpCall ones("SplitToSequence"), rows("SplitToSequence"), columns("SplitToSequence"),
      given("SplitToSequence");
  ASSERT_OK(ones.Int("keepdims", 0).In({2, 2}, {1, 2, 3, 4}).Run());
  EXPECT_EQ(Values(ones.output()), (Floats{{1, 2}, {3, 4}}));
  EXPECT_EQ(ones.output().items()[0].shape(), Shape{2});
  ASSERT_OK(rows.In({3, 1}, {1, 2, 3}).In<int64_t>({}, {2}).Run());
  EXPECT_EQ(Values(rows.output()), (Floats{{1, 2}, {3}}));
  EXPECT_EQ(rows.output().items()[1].shape(), (Shape{1, 1}));
  ASSERT_OK(columns.Int("axis", 1).In({2, 3}, {1, 2, 3, 4, 5, 6}).In<int64_t>({}, {2}).Run());
  EXPECT_EQ(Values(columns.output()), (Floats{{1, 2, 4, 5}, {3, 6}}));
  ASSERT_OK(given.Int("axis", -1).In({2, 3}, {1, 2, 3, 4, 5, 6}).In<int32_t>({3}, {1, 0, 2}).Run());
  EXPECT_EQ(Values(given.output()), (Floats{{1, 4}, {}, {2, 3, 5, 6}}));
  EXPECT_REFUSED(OpCall("SplitToSequence").In({3}, {1}).In<int64_t>({2}, {1, 1}).Run(),
                 MOSAIC_E_INVALID, "a dimension of 3 cannot be split");
  EXPECT_REFUSED(OpCall("SplitToSequence").In({3}, {1}).In<int64_t>({}, {0}).Run(),
                 MOSAIC_E_INVALID, "cannot be split");
  EXPECT_REFUSED(OpCall("SplitToSequence").In<int8_t>({70000}, {1}).Run(), MOSAIC_E_LIMIT,
                 "a sequence would have 70000 arrays; the limit is 65536");
}

TEST(ConcatFromSequence, JoinsAndStacks) {
  OpCall joined("ConcatFromSequence"), stacked("ConcatFromSequence");
  ASSERT_OK(joined.Int("axis", 0).In(Lists(joined, {{1, 2}, {}, {3}})).Run());
  EXPECT_THAT(joined.values(), ElementsAre(1, 2, 3));
  ASSERT_OK(stacked.Int("axis", -1).Int("new_axis", 1).In(Lists(stacked, {{1, 2}, {3, 4}})).Run());
  EXPECT_EQ(stacked.shape(), (Shape{2, 2}));
  EXPECT_THAT(stacked.values(), ElementsAre(1, 3, 2, 4));
  OpCall ragged("ConcatFromSequence");
  EXPECT_REFUSED(ragged.Int("axis", 0).Int("new_axis", 1).In(Lists(ragged, {{1}, {1, 2}})).Run(),
                 MOSAIC_E_INVALID, "cannot be joined along axis 0");
  EXPECT_REFUSED(OpCall("ConcatFromSequence").Int("axis", 0).In(Tensor::Sequence({})).Run(),
                 MOSAIC_E_INVALID, "the sequence is empty");
  EXPECT_REFUSED(OpCall("ConcatFromSequence").In(Tensor::Sequence({})).Make(), MOSAIC_E_BAD_MODEL,
                 "attribute axis is missing");
}

TEST(Optional, OfAnyTypeOrEmpty) {
  OpCall some("Optional"), none("Optional"), get("OptionalGetElement"), empty("OptionalGetElement");
  OpCall has("OptionalHasElement"), has_none("OptionalHasElement"), omitted("OptionalHasElement");
  OpCall has_sequence("OptionalHasElement");
  ASSERT_OK(some.In({2}, {1, 2}).Run());
  ASSERT_OK(none.Run());
  ASSERT_OK(get.In(some.output()).Run());
  EXPECT_THAT(get.values(), ElementsAre(1, 2));
  EXPECT_REFUSED(empty.In(none.output()).Run(), MOSAIC_E_INVALID, "the optional value is empty");
  ASSERT_OK(has.In(some.output()).Run());
  EXPECT_THAT(has.values<Bool>(), ElementsAre(true));
  ASSERT_OK(has_none.In(none.output()).Run());
  EXPECT_THAT(has_none.values<Bool>(), ElementsAre(false));
  ASSERT_OK(omitted.Run());
  EXPECT_THAT(omitted.values<Bool>(), ElementsAre(false));
  ASSERT_OK(has_sequence.In(Tensor::Sequence({})).Run());
  EXPECT_THAT(has_sequence.values<Bool>(), ElementsAre(true));  // an empty sequence is a value
}

}  // namespace
}  // namespace mosaic
