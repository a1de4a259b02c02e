// BatchNormalization and the normalisations over rows, channels and groups.
#include <cmath>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

const Dim N = Dim::Symbol("N");

Fact Shared(Dims dims) {
  Fact f = Fact::Of(MOSAIC_FLOAT, std::move(dims));
  f.item_axis = kShared;
  return f;
}
Fact Items(Dims dims, int axis) {
  Fact f = Fact::Of(MOSAIC_FLOAT, std::move(dims));
  f.item_axis = axis;
  return f;
}
int ItemAxis(OpCall& call, const std::vector<Fact>& facts) {
  const Status s = call.Infer(facts, "N");
  EXPECT_TRUE(s.ok()) << s.message();
  return call.fact().item_axis;
}

TEST(BatchNormalizationTest, InferenceOnly) {
  OpCall norm("BatchNormalization");
  ASSERT_OK(norm.Float("epsilon", 0)
                .In({1, 2, 2}, {1, 2, 3, 4})
                .In({2}, {1, 2})
                .In({2}, {0, 1})
                .In({2}, {1, 3})
                .In({2}, {4, 1})
                .Run());
  EXPECT_THAT(norm.values(), ElementsAre(0, 0.5F, 1, 3));
  const auto call = [](int64_t training, size_t outputs, int64_t scale) {
    OpCall c("BatchNormalization");
    c.Int("training_mode", training).Outputs(outputs).In({1, 2}, {1}).In({scale}, {1});
    return c.In({2}, {1}).In({2}, {1}).In({2}, {1}).Run();
  };
  EXPECT_REFUSED(call(1, 1, 2), MOSAIC_E_UNSUPPORTED, "training_mode");
  EXPECT_REFUSED(call(0, 3, 2), MOSAIC_E_UNSUPPORTED, "more than one output");
  EXPECT_REFUSED(call(0, 1, 3), MOSAIC_E_BAD_MODEL, "2 channels, a parameter has shape [3]");
}

TEST(BatchNormalizationTest, TypesAndItems) {
  OpCall half("BatchNormalization"), items("BatchNormalization"), channels("BatchNormalization");
  ASSERT_OK(half.Float("epsilon", 0)
                .In<Float16>({2, 1}, {3, 5})
                .In({1}, {2})
                .In({1}, {1})
                .In({1}, {4})
                .In({1}, {1})
                .Run());
  EXPECT_THAT(half.values<Float16>(), ElementsAre(-1, 3));
  const Fact p = Shared({4});
  EXPECT_EQ(ItemAxis(items, {Items({N, 4, 5}, 0), p, p, p, p}), 0);
  EXPECT_EQ(ItemAxis(channels, {Items({2, N}, 1), p, p, p, p}), kMixed);
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
}

TEST(LayerNormalizationTest, RefusesWhatDoesNotFit) {
  EXPECT_REFUSED(OpCall("LayerNormalization").In({2, 2}, {1}).In({2, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "does not fit rows of shape [2]");
  EXPECT_REFUSED(OpCall("LayerNormalization").In({2, 2}, {1}).In({3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "a parameter of shape [3] does not fit");
  EXPECT_REFUSED(OpCall("LayerNormalization").In({2, 0}, {1}).In({1}, {1}).Run(), MOSAIC_E_INVALID,
                 "no elements");
  EXPECT_REFUSED(OpCall("LayerNormalization").Int("axis", 2).In({2, 2}, {1}).In({1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "axis 2 is out of range");
  EXPECT_REFUSED(
      OpCall("LayerNormalization").Int("stash_type", 11).In({2}, {1}).In({2}, {1}).Make(),
      MOSAIC_E_UNSUPPORTED, "stash_type");
}

TEST(LayerNormalizationTest, Items) {
  OpCall apart("LayerNormalization"), within("LayerNormalization");
  EXPECT_EQ(ItemAxis(apart, {Items({4, N, 3}, 1), Shared({3})}), 1);
  within.Int("axis", 1);
  EXPECT_EQ(ItemAxis(within, {Items({4, N, 3}, 1), Shared({3})}), kMixed);
}

// Double sums: a row whose mean is far larger than its deviation.
TEST(LayerNormalizationTest, KeepsDigitsOfSmallDeviations) {
  OpCall norm("LayerNormalization");
  std::vector<float> x(512);
  for (size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 10000.0F : 10000.0078125F;
  ASSERT_OK(norm.Float("epsilon", 0).In({1, 512}, x).In({1}, {1}).Run());
  EXPECT_THAT(norm.values()[0], FloatNear(-1, 1e-5F));
  EXPECT_THAT(norm.values()[1], FloatNear(1, 1e-5F));
}

TEST(LayerNormalizationTest, LongRowsInParts) {
  const int64_t n = 100001;
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
  double mean = 0, variance = 0;
  for (float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
  for (float v : x) variance += std::pow(static_cast<double>(v) - mean, 2) / static_cast<double>(n);
  OpCall norm("LayerNormalization"), root("RMSNormalization");
  ASSERT_OK(norm.Outputs(3).In({2, n}, x).In({n}, {1, 2}).In({1}, {3}).Run());
  for (size_t i : {size_t{0}, size_t{5}, size_t{99999}, static_cast<size_t>(n) + 3}) {
    const double unit = (static_cast<double>(x[i % x.size()]) - mean) / std::sqrt(variance + 1e-5);
    const double scale = i % x.size() % 2 == 0 ? 1 : 2;
    EXPECT_THAT(norm.values()[i], FloatNear(static_cast<float>(unit * scale + 3), 1e-6F));
  }
  EXPECT_THAT(norm.values<float>(1)[1], FloatEq(static_cast<float>(mean)));
  EXPECT_THAT(norm.values<float>(2)[1],
              FloatEq(static_cast<float>(1 / std::sqrt(variance + 1e-5))));
  ASSERT_OK(root.In({n}, x).In({1}, {1}).Run());
  EXPECT_THAT(root.values()[6],
              FloatNear(static_cast<float>(6 / std::sqrt(variance + mean * mean + 1e-5)), 1e-6F));
}

TEST(RmsNormalizationTest, Values) {
  OpCall norm("RMSNormalization"), simplified("SimplifiedLayerNormalization"),
      typed("RMSNormalization");
  ASSERT_OK(norm.Float("epsilon", 0).In({1, 2}, {1, 7}).In({2}, {1, 2}).Run());
  EXPECT_THAT(norm.values(), ElementsAre(FloatEq(0.2F), FloatEq(2.8F)));
  ASSERT_OK(simplified.Float("epsilon", 0).Outputs(2).In({1, 2}, {1, 7}).In({2}, {1, 2}).Run());
  EXPECT_THAT(simplified.values(), ElementsAre(FloatEq(0.2F), FloatEq(2.8F)));
  EXPECT_THAT(simplified.values<float>(1), ElementsAre(FloatEq(0.2F)));
  ASSERT_OK(typed.Float("epsilon", 0).In<Float16>({1, 2}, {1, 7}).In({2}, {5, 5}).Run());
  EXPECT_THAT(typed.values<Float16>(), ElementsAre(1, 7));
}

TEST(InstanceNormalizationTest, ChannelsOfItems) {
  OpCall norm("InstanceNormalization"), items("InstanceNormalization");
  ASSERT_OK(norm.Float("epsilon", 0)
                .In({2, 2, 2}, {0, 2, 1, 5, 7, 9, -1, 1})
                .In({2}, {1, 10})
                .In({2}, {0, 100})
                .Run());
  EXPECT_THAT(norm.values(), ElementsAre(-1, 1, 90, 110, -1, 1, 90, 110));
  EXPECT_EQ(ItemAxis(items, {Items({N, 2, 2}, 0), Shared({2}), Shared({2})}), 0);
  OpCall image("InstanceNormalization");
  EXPECT_EQ(ItemAxis(image, {Items({4, 2, N}, 2), Shared({2}), Shared({2})}), kMixed);
  EXPECT_REFUSED(OpCall("InstanceNormalization").In({1, 2, 2}, {1}).In({3}, {1}).In({3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "2 channels, a parameter has shape [3]");
}

TEST(GroupNormalizationTest, GroupsOfChannels) {
  OpCall norm("GroupNormalization");
  ASSERT_OK(norm.Float("epsilon", 0)
                .Int("num_groups", 2)
                .In({1, 4, 1}, {0, 2, 5, 7})
                .In({4}, {1, 2, 3, 4})
                .In({4}, {0, 0, 0, 100})
                .Run());
  EXPECT_THAT(norm.values(), ElementsAre(-1, 2, -3, 104));
  const auto call = [](int64_t groups) {
    OpCall c("GroupNormalization");
    return c.Int("num_groups", groups).In({1, 4, 1}, {0}).In({4}, {1}).In({4}, {1}).Run();
  };
  EXPECT_REFUSED(call(3), MOSAIC_E_BAD_MODEL, "4 channels cannot be divided into 3 groups");
  EXPECT_REFUSED(call(0), MOSAIC_E_BAD_MODEL, "num_groups must be 1 or more");
}

TEST(LpNormalizationTest, BothNorms) {
  OpCall one("LpNormalization"), two("LpNormalization"), zero("LpNormalization"),
      items("LpNormalization");
  ASSERT_OK(one.Int("p", 1).In({1, 2}, {-1, 3}).Run());
  EXPECT_THAT(one.values(), ElementsAre(-0.25F, 0.75F));
  ASSERT_OK(two.Int("axis", 0).In({2, 1}, {-3, 4}).Run());
  EXPECT_THAT(two.values(), ElementsAre(FloatEq(-0.6F), FloatEq(0.8F)));
  ASSERT_OK(zero.In({2}, {0, 0}).Run());
  EXPECT_THAT(zero.values(), ElementsAre(0, 0));
  EXPECT_EQ(ItemAxis(items.Int("axis", 0), {Items({N, 2}, 0)}), kMixed);
  OpCall longer("LpNormalization");
  ASSERT_OK(longer.In({90000}, {2}).Run());
  EXPECT_THAT(longer.values()[80000], FloatEq(1 / 300.0F));
  EXPECT_REFUSED(OpCall("LpNormalization").Int("p", 3).In({1}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "p must be");
}

TEST(LrnTest, WindowOfChannels) {
  OpCall even("LRN"), items("LRN");
  ASSERT_OK(even.Int("size", 2)
                .Float("alpha", 2)
                .Float("beta", 1)
                .Float("bias", 1)
                .In({1, 3, 1}, {1, 2, 3})
                .Run());
  EXPECT_THAT(even.values(), ElementsAre(FloatEq(1.0F / 6), FloatEq(2.0F / 14), FloatEq(0.3F)));
  EXPECT_EQ(ItemAxis(items.Int("size", 3), {Items({N, 2}, 0)}), 0);
  OpCall across("LRN");
  EXPECT_EQ(ItemAxis(across.Int("size", 3), {Items({2, N}, 1)}), kMixed);
  EXPECT_REFUSED(OpCall("LRN").In({1, 1}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "size must be 1 or more");
}

TEST(MeanVarianceNormalizationTest, OverItsAxes) {
  OpCall channels("MeanVarianceNormalization"), rows("MeanVarianceNormalization"),
      items("MeanVarianceNormalization");
  ASSERT_OK(channels.In({2, 2, 1, 1}, {0, 5, 2, 9}).Run());
  EXPECT_THAT(channels.values(), ElementsAre(FloatEq(-1), FloatEq(-1), FloatEq(1), FloatEq(1)));
  ASSERT_OK(rows.Ints("axes", {1}).In({2, 2}, {0, 5, 2, 9}).Run());
  EXPECT_THAT(rows.values(), ElementsAre(FloatEq(-1), FloatEq(1), FloatEq(-1), FloatEq(1)));
  EXPECT_EQ(ItemAxis(items.Ints("axes", {1}), {Items({N, 2}, 0)}), 0);
  OpCall across("MeanVarianceNormalization");
  EXPECT_EQ(ItemAxis(across, {Items({N, 2, 2, 2}, 0)}), kMixed);
}

}  // namespace
}  // namespace mosaic
