// Resize: values of the definition, every refusal, what is inferred.
#include <cmath>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const Dim N = Dim::Symbol("N"), H = Dim::Symbol("H");

// x, no roi, scales.
#define RESIZE(call, shape, values, ...)                                  \
  (call)                                                                  \
      .In(shape, values)                                                  \
      .Omitted()                                                          \
      .In({static_cast<int64_t>(std::vector<float>(__VA_ARGS__).size())}, \
          std::vector<float>(__VA_ARGS__))

TEST(Resize, NearestRoundsAsTold) {
  // Coordinates of 4 from 8, half_pixel: 0.5, 2.5, 4.5, 6.5.
  const std::vector<float> x = {0, 1, 2, 3, 4, 5, 6, 7};
  const std::pair<const char*, std::vector<float>> cases[] = {
      {"round_prefer_floor", {0, 2, 4, 6}},
      {"round_prefer_ceil", {1, 3, 5, 7}},
      {"floor", {0, 2, 4, 6}},
      {"ceil", {1, 3, 5, 7}},
  };
  for (const auto& [mode, expected] : cases) {
    OpCall call("Resize");
    ASSERT_OK(RESIZE(call.String("nearest_mode", mode), Shape({1, 8}), x, {1, 0.5F}).Run());
    EXPECT_EQ(call.values(), expected) << mode;
  }
}

TEST(Resize, EveryTransformationOfOneAxis) {
  // 2 elements 0 and 6 become 4: the coordinate is value / 6, clamped to 0..1.
  const std::pair<const char*, std::vector<float>> cases[] = {
      {"half_pixel", {0, 1.5F, 4.5F, 6}},
      {"pytorch_half_pixel", {0, 1.5F, 4.5F, 6}},
      {"half_pixel_symmetric", {0, 1.5F, 4.5F, 6}},
      {"align_corners", {0, 2, 4, 6}},
      {"asymmetric", {0, 3, 6, 6}},
      {"tf_half_pixel_for_nn", {1.5F, 4.5F, 6, 6}},
  };
  for (const auto& [transformation, expected] : cases) {
    OpCall call("Resize");
    call.String("mode", "linear").String("coordinate_transformation_mode", transformation);
    ASSERT_OK(RESIZE(call, Shape({2}), (std::vector<float>{0, 6}), {2}).Run());
    EXPECT_THAT(call.values(), Pointwise(FloatNear(1e-5F), expected)) << transformation;
  }
}

TEST(Resize, CropsAndExtrapolates) {
  OpCall call("Resize"), nearest("Resize");
  for (OpCall* c : {&call, &nearest}) {
    c->String("coordinate_transformation_mode", "tf_crop_and_resize")
        .Float("extrapolation_value", -9);
  }
  // From -1/3 to 2/3 of 0..3: coordinates -1, 0.5, 2.
  ASSERT_OK(call.String("mode", "linear")
                .In({4}, {0, 10, 20, 30})
                .In({2}, {-1.0F / 3, 2.0F / 3})
                .Omitted()
                .In<int64_t>({1}, {3})
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(-9, FloatNear(5, 1e-4F), FloatNear(20, 1e-4F)));
  ASSERT_OK(nearest.In<int8_t>({4}, {0, 10, 20, 30})
                .In({2}, {-1, 1})
                .Omitted()
                .In<int64_t>({1}, {3})
                .Run());
  EXPECT_THAT(nearest.values<int8_t>(), ElementsAre(-9, 0, 30));
}

// Separable: the same as one axis after the other, whatever comes first, and batches alone.
TEST(Resize, CubicOfTwoAxesIsOneAfterTheOther) {
  std::vector<float> x;
  for (int i = 0; i < 2 * 5 * 7; ++i) x.push_back(std::sin(static_cast<float>(i) * 1.7F));
  for (const std::vector<float>& s :
       {std::vector<float>{1, 2.4F, 0.6F}, {1, 0.4F, 0.3F}, {1, 3, 1.5F}}) {
    for (int64_t antialias : {0, 1}) {
      OpCall both("Resize"), first("Resize"), second("Resize");
      for (OpCall* c : {&both, &first, &second}) {
        c->String("mode", "cubic").Int("antialias", antialias).Int("exclude_outside", 1);
      }
      ASSERT_OK(RESIZE(both, Shape({2, 5, 7}), x, s).Run());
      ASSERT_OK(RESIZE(first, Shape({2, 5, 7}), x, {1, s[1], 1}).Run());
      ASSERT_OK(RESIZE(second, first.shape(), first.values(), {1, 1, s[2]}).Run());
      EXPECT_EQ(both.shape(), second.shape());
      EXPECT_THAT(both.values(), Pointwise(FloatNear(1e-5F), second.values()));
      OpCall alone("Resize");
      alone.String("mode", "cubic").Int("antialias", antialias).Int("exclude_outside", 1);
      ASSERT_OK(
          RESIZE(alone, Shape({1, 5, 7}), std::vector<float>(x.begin() + 35, x.end()), s).Run());
      const std::vector<float> all = both.values();
      EXPECT_EQ(alone.values(),
                std::vector<float>(all.begin() + static_cast<int64_t>(all.size()) / 2, all.end()));
    }
  }
}

TEST(Resize, AntialiasAverages) {
  OpCall call("Resize"), plain("Resize");
  const std::vector<float> x = {0, 0, 0, 100, 0, 0, 0, 0};
  ASSERT_OK(
      RESIZE(call.String("mode", "linear").Int("antialias", 1), Shape({8}), x, {0.25F}).Run());
  ASSERT_OK(RESIZE(plain.String("mode", "linear"), Shape({8}), x, {0.25F}).Run());
  // Coordinate 1.5, a triangle of width 4 on both sides: weights (7 5 3 1)/32 to the right.
  EXPECT_THAT(call.values(),
              ElementsAre(FloatNear(100 * 5.0F / 32, 1e-3F), FloatNear(100 * 3.0F / 32, 1e-3F)));
  EXPECT_THAT(plain.values(), ElementsAre(0, 0));
}

// Items behind the axis that is resized: their number must not choose how sums are rounded.
TEST(Resize, HasTheSameBitsForAnyNumberOfItemsBehind) {
  constexpr int64_t kItems = 3, kLength = 7;
  std::vector<float> all;
  for (int64_t i = 0; i < kLength * kItems; ++i) all.push_back(1.0F / static_cast<float>(3 + i));
  for (const char* mode : {"linear", "cubic"}) {
    const auto resize = [&](OpCall& call, int64_t items, const std::vector<float>& x) {
      call.String("mode", mode).In({kLength, items}, x).Omitted().In({2}, {2.3F, 1});
      return call.Run();
    };
    OpCall together("Resize");
    ASSERT_OK(resize(together, kItems, all));
    for (int64_t item = 0; item < kItems; ++item) {
      std::vector<float> x, want;
      for (int64_t i = 0; i < kLength; ++i) x.push_back(all[static_cast<size_t>(i * kItems + item)]);
      OpCall alone("Resize");
      ASSERT_OK(resize(alone, 1, x));
      for (size_t i = static_cast<size_t>(item); i < together.values().size(); i += kItems) want.push_back(together.values()[i]);
      EXPECT_EQ(alone.values(), want) << mode << ", item " << item;
    }
  }
}

// The axis that grows less is first; the table of the other takes several units.
TEST(Resize, TablesAreFilledWhicheverAxisIsFirst) {
  const std::vector<float> x = {1, 5, 2, 7, 3, 4};
  for (const char* mode : {"linear", "cubic"}) {
    OpCall both("Resize"), first("Resize"), second("Resize");
    ASSERT_OK(both.String("mode", mode).In({2, 3}, x).Omitted().In({2}, {3000, 2}).Run());
    ASSERT_OK(first.String("mode", mode).In({2, 3}, x).Omitted().In({2}, {1, 2}).Run());
    ASSERT_OK(second.String("mode", mode).In({2, 6}, first.values()).Omitted().In({2}, {3000, 1}).Run());
    EXPECT_EQ(both.shape(), (Shape{6000, 6}));
    EXPECT_EQ(both.values(), second.values()) << mode;
  }
}

TEST(Resize, SizesAxesAndPolicies) {
  const auto shape = [](const char* policy) {
    OpCall call("Resize");
    call.Ints("axes", {-1, 1}).String("keep_aspect_ratio_policy", policy);
    EXPECT_TRUE(call.In({2, 4, 10}, {1}).Omitted().Omitted().In<int64_t>({2}, {25, 6}).Run().ok());
    return call.shape();
  };
  EXPECT_EQ(shape("stretch"), Shape({2, 6, 25}));
  EXPECT_EQ(shape("not_larger"), Shape({2, 6, 15}));
  EXPECT_EQ(shape("not_smaller"), Shape({2, 10, 25}));
}

TEST(Resize, TypesAreKept) {
  OpCall half("Resize"), bytes("Resize"), wide("Resize"), flags("Resize"), same("Resize");
  ASSERT_OK(RESIZE(half.String("mode", "linear"), Shape({1}), (std::vector<float>{1}), {1}).Run());
  ASSERT_OK(bytes.String("mode", "linear").In<uint8_t>({2}, {0, 255}).Omitted().In({1}, {2}).Run());
  EXPECT_THAT(bytes.values<uint8_t>(), ElementsAre(0, 63, 191, 255));
  ASSERT_OK(wide.String("mode", "linear")
                .In<int32_t>({2}, {16777217, 16777217})
                .Omitted()
                .In({1}, {2})
                .Run());
  EXPECT_THAT(wide.values<int32_t>(), ElementsAre(16777217, 16777217, 16777217, 16777217));
  ASSERT_OK(flags.In<Bool>({2}, {true, false}).Omitted().In({1}, {2}).Run());
  EXPECT_THAT(flags.values<Bool>(), ElementsAre(true, true, false, false));
  const int64_t large = (int64_t{1} << 60) + 1;
  ASSERT_OK(same.String("mode", "cubic").In<int64_t>({1}, {large}).Omitted().In({1}, {1}).Run());
  EXPECT_THAT(same.values<int64_t>(), ElementsAre(large));
}

TEST(Resize, Refusals) {
  const auto made = [](const char* name, const char* value) {
    OpCall call("Resize");
    return RESIZE(call.String(name, value), Shape({2}), (std::vector<float>{1, 2}), {2}).Run();
  };
  EXPECT_REFUSED(made("mode", "lanczos"), MOSAIC_E_BAD_MODEL, "mode \"lanczos\"");
  EXPECT_REFUSED(made("nearest_mode", "up"), MOSAIC_E_BAD_MODEL, "nearest_mode \"up\"");
  EXPECT_REFUSED(made("coordinate_transformation_mode", "x"), MOSAIC_E_BAD_MODEL, "is unknown");
  EXPECT_REFUSED(made("keep_aspect_ratio_policy", "x"), MOSAIC_E_BAD_MODEL, "is unknown");
  EXPECT_REFUSED(made("coordinate_transformation_mode", "tf_crop_and_resize"), MOSAIC_E_BAD_MODEL,
                 "roi is missing");
  EXPECT_REFUSED(OpCall("Resize").Int("antialias", 1).In({2}, {1}).Omitted().In({1}, {2}).Run(),
                 MOSAIC_E_BAD_MODEL, "no antialias");
  EXPECT_REFUSED(OpCall("Resize").In({2}, {1}).Run(), MOSAIC_E_BAD_MODEL, "neither scales");
  EXPECT_REFUSED(OpCall("Resize").In({2}, {1}).Omitted().In({2}, {2, 2}).Run(), MOSAIC_E_BAD_MODEL,
                 "scales has 2 elements instead of 1");
  EXPECT_REFUSED(OpCall("Resize").In({2}, {1}).Omitted().In({1}, {-1}).Run(), MOSAIC_E_BAD_MODEL,
                 "not above 0");
  EXPECT_REFUSED(OpCall("Resize").In({2}, {1}).Omitted().In({1}, {1e30F}).Run(), MOSAIC_E_LIMIT,
                 "would exceed");
  EXPECT_REFUSED(OpCall("Resize").In({2}, {1}).Omitted().Omitted().In<int64_t>({1}, {-2}).Run(),
                 MOSAIC_E_BAD_MODEL, "size -2 is negative");
  EXPECT_REFUSED(OpCall("Resize").Ints("axes", {1}).In({2}, {1}).Omitted().In({1}, {2}).Run(),
                 MOSAIC_E_BAD_MODEL, "out of range");
  EXPECT_REFUSED(OpCall("Resize").In({0}, {1}).Omitted().Omitted().In<int64_t>({1}, {2}).Run(),
                 MOSAIC_E_INVALID, "no elements to resize");
  EXPECT_REFUSED(
      OpCall("Resize").String("mode", "linear").In<Bool>({2}, {true}).Omitted().In({1}, {2}).Run(),
      MOSAIC_E_UNSUPPORTED, "of type bool");
}

TEST(Resize, ItemsStayApartWhereTheirAxisKeepsItsSize) {
  Arena arena;
  const auto scales = [&](const std::vector<float>& v) {
    Tensor t = arena.New(MOSAIC_FLOAT, {static_cast<int64_t>(v.size())});
    std::copy(v.begin(), v.end(), t.mutable_data<float>());
    return Fact::OfTensor(t);
  };
  OpCall apart("Resize"), across("Resize"), sized("Resize");
  EXPECT_INFERRED(apart, "[N, 2*H]", 0, ItemsFact({N, H}, 0), Fact(), scales({1, 2}));
  EXPECT_INFERRED(across, "[2*N, H]", kMixed, ItemsFact({N, H}, 0), Fact(), scales({2, 1}));
  EXPECT_INFERRED(sized, "[N, 7]", 0, ItemsFact({N, H}, 0), Fact(), Fact(), SizesFact({N, 7}));
}

TEST(Resize, EmptyListsAndSizes) {
  OpCall same("Resize"), none("Resize"), negative("Resize"), empty("Resize");
  ASSERT_OK(same.Ints("axes", {}).In({2, 3}, {1}).Omitted().In({0}, {1}).Run());
  EXPECT_EQ(same.shape(), Shape({2, 3}));
  EXPECT_REFUSED(none.In({2, 3}, {1}).Omitted().In({0}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "0 elements instead of 2");
  const char* policy = "keep_aspect_ratio_policy";
  negative.String(policy, "not_larger").In({2, 3}, {1}).Omitted().Omitted();
  EXPECT_REFUSED(negative.In<int64_t>({2}, {-4, -6}).Run(), MOSAIC_E_BAD_MODEL, "-4 is negative");
  empty.String(policy, "not_larger").In({0, 3}, {1}).Omitted().Omitted();
  ASSERT_OK(empty.In<int64_t>({2}, {4, 6}).Run());
  EXPECT_EQ(empty.shape()[0], 0);
}

// What Resize of opset 10 is lowered to.
TEST(ResizeTest, CeilWhereSmaller) {
  OpCall call("Resize");
  call.String("coordinate_transformation_mode", "asymmetric")
      .String("nearest_mode", "floor")
      .Int("ceil_where_smaller", 1);
  ASSERT_OK(call.In({2, 6}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
                .Omitted()
                .In({2}, {1.5F, 0.6F})
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 2, 4, 0, 2, 4, 6, 8, 10));
}

}  // namespace
}  // namespace mosaic
