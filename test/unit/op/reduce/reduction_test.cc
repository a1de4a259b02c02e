// Softmax, LogSoftmax, reductions, ArgMax, ArgMin, and the normalisations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::IsNan;

TEST(SoftmaxTest, FlattensBeforeOpset13) {
  OpCall old_rule("Softmax", 11), new_rule("Softmax", 13), log("LogSoftmax", 12);
  ASSERT_OK(old_rule.In({1, 2, 2}, {0}).Run());
  EXPECT_THAT(old_rule.values(), ElementsAre(0.25F, 0.25F, 0.25F, 0.25F));
  ASSERT_OK(new_rule.In({1, 2, 2}, {0}).Run());
  EXPECT_THAT(new_rule.values(), ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
  ASSERT_OK(log.Int("axis", 2).In({1, 1, 2}, {1000, 1000}).Run());
  EXPECT_THAT(log.values(), ElementsAre(FloatEq(-std::log(2.0F)), FloatEq(-std::log(2.0F))));
}

TEST(SoftmaxTest, InnerAxisAndItems) {
  OpCall call("Softmax"), across("Softmax");
  ASSERT_OK(call.Int("axis", 1).In({1, 2, 2}, {0, 5, 0, 5}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
  EXPECT_EQ(call.Items({0}, 1), ItemRule::kIndependent);
  ASSERT_OK(across.Int("axis", -2).In({2, 2}, {0}).Run());
  EXPECT_EQ(across.Items({0}, 2), ItemRule::kMixes);
  EXPECT_REFUSED(OpCall("Softmax").Int("axis", 2).In({2, 2}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 2 is out of range");
}

TEST(ReduceTest, AxesAsAttributeAndInput) {
  OpCall attribute("ReduceSum", 11), input("ReduceSum", 13), all("ReduceMean"), noop("ReduceSum");
  ASSERT_OK(attribute.Ints("axes", {0, -1})
                .Int("keepdims", 0)
                .In({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7})
                .Run());
  EXPECT_EQ(attribute.shape(), Shape{2});
  EXPECT_THAT(attribute.values(), ElementsAre(10, 18));
  EXPECT_EQ(attribute.Items({0}, 2), ItemRule::kMixes);
  ASSERT_OK(input.In({2, 2}, {1, 2, 3, 4}).In<int64_t>({1}, {1}).Run());
  EXPECT_EQ(input.shape(), (Shape{2, 1}));
  EXPECT_THAT(input.values(), ElementsAre(3, 7));
  EXPECT_EQ(input.Items({0}, 2), ItemRule::kIndependent);
  ASSERT_OK(all.In({2, 2}, {1, 2, 3, 4}).Run());
  EXPECT_EQ(all.shape(), (Shape{1, 1}));
  EXPECT_THAT(all.values(), ElementsAre(2.5F));
  ASSERT_OK(noop.Int("noop_with_empty_axes", 1).In({2}, {1, 2}).In<int64_t>({0}, {0}).Run());
  EXPECT_THAT(noop.values(), ElementsAre(1, 2));
}

TEST(ReduceTest, SumsOfManyFloatsAreAccurate) {
  OpCall call("ReduceSum");
  ASSERT_OK(call.In({1000000}, {0.1F}).Run());
  EXPECT_THAT(call.values(), ElementsAre(FloatNear(1e5F, 0.01F)));
}

TEST(ReduceTest, TypesAndNothing) {
  OpCall max("ReduceMax"), wraps("ReduceProd"), nan("ReduceMin"), empty("ReduceSum");
  ASSERT_OK(max.In<uint8_t>({3}, {1, 200, 3}).Run());
  EXPECT_THAT(max.values<uint8_t>(), ElementsAre(200));
  ASSERT_OK(wraps.In<int32_t>({3}, {1 << 16, 1 << 16, 3}).Run());
  EXPECT_THAT(wraps.values<int32_t>(), ElementsAre(0));
  ASSERT_OK(nan.In({3}, {1, std::nanf(""), -3}).Run());
  EXPECT_THAT(nan.values(), ElementsAre(IsNan()));
  ASSERT_OK(empty.In({2, 0}, {0}).In<int64_t>({1}, {1}).Run());
  EXPECT_THAT(empty.values(), ElementsAre(0, 0));
  EXPECT_REFUSED(OpCall("ReduceMax").In({2, 0}, {0}).Run(), MOSAIC_E_INVALID, "no elements");
  EXPECT_REFUSED(OpCall("ReduceL2").In<int32_t>({2}, {0}).Run(), MOSAIC_E_UNSUPPORTED, "int32");
  EXPECT_REFUSED(OpCall("ReduceMax").Ints("axes", {0, -1}).In({2}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "twice");
}

TEST(ArgExtremumTest, TiesAndNaN) {
  OpCall first("ArgMax"), last("ArgMax"), nan("ArgMin"), inner("ArgMin");
  ASSERT_OK(first.Int("axis", 0).In({4}, {1, 7, 7, 0}).Run());
  EXPECT_THAT(first.values<int64_t>(), ElementsAre(1));
  EXPECT_EQ(first.Items({0}, 4), ItemRule::kMixes);
  ASSERT_OK(last.Int("select_last_index", 1).In({4}, {1, 7, 7, 0}).Run());
  EXPECT_THAT(last.values<int64_t>(), ElementsAre(2));
  ASSERT_OK(nan.In({3}, {1, std::nanf(""), 0}).Run());
  EXPECT_THAT(nan.values<int64_t>(), ElementsAre(1));
  ASSERT_OK(inner.Int("axis", 1).Int("keepdims", 0).In({1, 2, 2}, {5, 1, 2, 9}).Run());
  EXPECT_EQ(inner.shape(), (Shape{1, 2}));
  EXPECT_THAT(inner.values<int64_t>(), ElementsAre(1, 0));
  EXPECT_REFUSED(OpCall("ArgMax").In({0}, {0}).Run(), MOSAIC_E_INVALID, "length 0");
}

TEST(BatchNormalizationTest, InferenceOnly) {
  OpCall norm("BatchNormalization", 9);
  ASSERT_OK(norm.Float("epsilon", 0)
                .In({1, 2, 2}, {1, 2, 3, 4})
                .In({2}, {1, 2})
                .In({2}, {0, 1})
                .In({2}, {1, 3})
                .In({2}, {4, 1})
                .Run());
  EXPECT_THAT(norm.values(), ElementsAre(0, 0.5F, 1, 3));
  EXPECT_REFUSED(OpCall("BatchNormalization", 14)
                     .Int("training_mode", 1)
                     .In({1, 1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .Make(),
                 MOSAIC_E_UNSUPPORTED, "training_mode");
  EXPECT_REFUSED(OpCall("BatchNormalization", 9)
                     .Outputs(3)
                     .In({1, 1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .In({1}, {1})
                     .Make(),
                 MOSAIC_E_UNSUPPORTED, "more than one output");
  EXPECT_REFUSED(OpCall("BatchNormalization")
                     .In({1, 2}, {1})
                     .In({3}, {1})
                     .In({2}, {1})
                     .In({2}, {1})
                     .In({2}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "2 channels, a parameter has shape [3]");
}

TEST(LayerNormalizationTest, BroadcastsItsParameters) {
  OpCall norm("LayerNormalization");
  ASSERT_OK(norm.Int("axis", 1)
                .Float("epsilon", 0)
                .Outputs(3)
                .In({2, 2, 2}, {0, 2, 0, 2, 5, 7, 5, 7})
                .In({2, 1}, {1, 10})
                .In({2}, {0, 100})
                .Run());
  EXPECT_THAT(norm.values(), ElementsAre(-1, 101, -10, 110, -1, 101, -10, 110));
  EXPECT_EQ(norm.shape(1), (Shape{2, 1, 1}));
  EXPECT_THAT(norm.values<float>(1), ElementsAre(1, 6));
  EXPECT_THAT(norm.values<float>(2), ElementsAre(1, 1));
  EXPECT_EQ(norm.Items({0}, 2), ItemRule::kIndependent);
  EXPECT_REFUSED(OpCall("LayerNormalization").In({2, 2}, {1}).In({2, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "does not fit rows of shape [2]");
  EXPECT_EQ(FindOp("LayerNormalization", 16), nullptr);
}

TEST(GlobalAveragePoolTest, MeansOfChannels) {
  OpCall pool("GlobalAveragePool");
  ASSERT_OK(pool.In({1, 2, 1, 2}, {1, 3, 5, 9}).Run());
  EXPECT_EQ(pool.shape(), (Shape{1, 2, 1, 1}));
  EXPECT_THAT(pool.values(), ElementsAre(2, 7));
  EXPECT_REFUSED(OpCall("GlobalAveragePool").In({1, 2, 0}, {1}).Run(), MOSAIC_E_INVALID,
                 "no elements");
}

}  // namespace
}  // namespace mosaic
