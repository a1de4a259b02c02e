// GridSample, AffineGrid, RoiAlign, MaxRoiPool, DeformConv: values, refusals, items.
#include <cmath>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const Dim N = Dim::Symbol("N");

// An image of 1 x 4 at these x, y = 0.
std::vector<float> Sampled(const char* mode, const char* padding, int64_t align,
                           const std::vector<float>& xs) {
  OpCall call("GridSample");
  std::vector<float> grid;
  for (float x : xs) grid.insert(grid.end(), {x, 0});
  call.String("mode", mode).String("padding_mode", padding).Int("align_corners", align);
  const Status s = call.In({1, 1, 1, 4}, {10, 20, 30, 40})
                       .In({1, 1, static_cast<int64_t>(xs.size()), 2}, grid)
                       .Run();
  EXPECT_TRUE(s.ok()) << s.message();
  return call.values();
}

TEST(GridSample, ModesAndPadding) {
  // Without align_corners x = -1.5, -1, -0.75, 0, 1.25, 3 lie at -1.5, -0.5, 0, 1.5, 4, 7.5.
  const std::vector<float> xs = {-1.5F, -1, -0.75F, 0, 1.25F, 3};
  EXPECT_THAT(Sampled("linear", "zeros", 0, xs), ElementsAre(0, 5, 10, 25, 0, 0));
  EXPECT_THAT(Sampled("linear", "border", 0, xs), ElementsAre(10, 10, 10, 25, 40, 40));
  // Reflected at -0.5 and 3.5: 0.5, -0.5, 0, 1.5, 3, -0.5.
  EXPECT_THAT(Sampled("linear", "reflection", 0, xs), ElementsAre(15, 10, 10, 25, 40, 10));
  EXPECT_THAT(Sampled("nearest", "zeros", 0, xs), ElementsAre(0, 10, 10, 30, 0, 0));
  // With it, the corners are -1 and 1: 0, 1, 2, 3 and (reflected) 4 -> 2.
  EXPECT_THAT(Sampled("linear", "reflection", 1, {-1, -1.0F / 3, 1, 5.0F / 3}),
              Pointwise(FloatNear(1e-4F), std::vector<float>{10, 20, 40, 30}));
  EXPECT_THAT(Sampled("cubic", "border", 1, {-1, -1.0F / 3, 1}),
              Pointwise(FloatNear(1e-3F), std::vector<float>{10, 20, 40}));
  // At -0.75: each of the four taps is moved inside, so the elements are 10, 10, 10 and 20.
  EXPECT_THAT(Sampled("cubic", "border", 1, {-1.5F}),
              Pointwise(FloatNear(1e-3F), std::vector<float>{9.6484F}));
  const float nan = std::nanf(""), huge = 1e30F;
  EXPECT_THAT(Sampled("linear", "zeros", 0, {nan, huge, -huge}), ElementsAre(0, 0, 0));
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const char* padding : {"border", "reflection"}) {
      for (float v : Sampled(mode, padding, 0, {nan, huge, -huge, INFINITY})) {
        EXPECT_TRUE(v > 5 && v < 45) << mode << padding << v;
      }
    }
  }
}

TEST(GridSample, RefusalsAndItems) {
  const auto run = [](const char* name, const char* value, const Shape& grid) {
    return OpCall("GridSample").String(name, value).In({2, 1, 2, 2}, {1}).In(grid, {0}).Run();
  };
  EXPECT_REFUSED(run("mode", "bilinear", {2, 1, 1, 2}), MOSAIC_E_BAD_MODEL, "mode \"bilinear\"");
  EXPECT_REFUSED(run("padding_mode", "x", {2, 1, 1, 2}), MOSAIC_E_BAD_MODEL, "padding_mode \"x\"");
  EXPECT_REFUSED(run("mode", "linear", {2, 1, 1, 3}), MOSAIC_E_BAD_MODEL, "does not fit an input");
  EXPECT_REFUSED(run("mode", "linear", {1, 1, 1, 2}), MOSAIC_E_BAD_MODEL, "as many images");
  EXPECT_REFUSED(OpCall("GridSample").In({1, 1, 0, 2}, {1}).In({1, 1, 1, 2}, {0}).Run(),
                 MOSAIC_E_INVALID, "no elements to sample");
  EXPECT_REFUSED(OpCall("GridSample").In<int8_t>({1, 1, 1, 2}, {1}).In({1, 1, 1, 2}, {0}).Run(),
                 MOSAIC_E_UNSUPPORTED, "of type int8");
  OpCall both("GridSample"), one("GridSample");
  EXPECT_INFERRED(both, "[N, 3, 5, 6]", 0, ItemsFact({N, 3, 4, 4}, 0), ItemsFact({N, 5, 6, 2}, 0));
  EXPECT_INFERRED(one, "[N, 3, 5, 6]", kMixed, ItemsFact({N, 3, 4, 4}, 0),
                  SharedFact({N, 5, 6, 2}));
}

TEST(AffineGrid, PointsAndRefusals) {
  OpCall corners("AffineGrid"), middles("AffineGrid"), items("AffineGrid");
  // x' = 2x + 1, y' = x - y.
  const std::vector<float> theta = {2, 0, 1, 1, -1, 0};
  ASSERT_OK(
      corners.Int("align_corners", 1).In({1, 2, 3}, theta).In<int64_t>({4}, {1, 8, 1, 3}).Run());
  EXPECT_EQ(corners.shape(), Shape({1, 1, 3, 2}));
  EXPECT_THAT(corners.values(), ElementsAre(-1, -1, 1, 0, 3, 1));
  ASSERT_OK(middles.In({1, 2, 3}, theta).In<int64_t>({4}, {1, 8, 2, 1}).Run());
  EXPECT_THAT(middles.values(), ElementsAre(1, 0.5F, 1, -0.5F));
  EXPECT_REFUSED(OpCall("AffineGrid").In({1, 2, 3}, {1}).In<int64_t>({3}, {1, 1, 1}).Run(),
                 MOSAIC_E_BAD_MODEL, "instead of 4 or 5");
  EXPECT_REFUSED(OpCall("AffineGrid").In({1, 3, 4}, {1}).In<int64_t>({4}, {1, 1, 1, 1}).Run(),
                 MOSAIC_E_BAD_MODEL, "does not fit 2 dimensions");
  EXPECT_REFUSED(OpCall("AffineGrid").In({2, 2, 3}, {1}).In<int64_t>({4}, {1, 1, 1, 1}).Run(),
                 MOSAIC_E_BAD_MODEL, "as many images");
  EXPECT_INFERRED(items, "[N, 5, 6, 2]", 0, ItemsFact({N, 2, 3}, 0), SizesFact({N, 3, 5, 6}));
}

TEST(RoiAlign, AveragesMaximaAndRefusals) {
  // A plane whose element is 10 y + x: a linear function, so that samples are exact.
  std::vector<float> x;
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 6; ++j) x.push_back(static_cast<float>(10 * i + j));
  }
  const auto align = [&](const char* mode, const char* transformation) {
    OpCall call("RoiAlign");
    call.String("mode", mode).String("coordinate_transformation_mode", transformation);
    call.Int("output_height", 1).Int("output_width", 2).Int("sampling_ratio", 2);
    EXPECT_TRUE(call.In({1, 1, 5, 6}, x).In({1, 4}, {1, 1, 5, 3}).In<int64_t>({1}, {0}).Run().ok());
    return call.values();
  };
  // Cells are 2 x 2 from (1, 1): the middles are (2, 2) and (4, 2), in x and y.
  EXPECT_THAT(align("avg", "output_half_pixel"), ElementsAre(22, 24));
  EXPECT_THAT(align("avg", "half_pixel"), ElementsAre(16.5F, 18.5F));
  // The largest weighted neighbour of the samples (1.5 | 2.5): a quarter of elements (3, 3), (5,
  // 3).
  EXPECT_THAT(align("max", "output_half_pixel"), ElementsAre(8.25F, 8.75F));
  const auto run = [&](const std::vector<float>& roi, int64_t image) {
    OpCall call("RoiAlign");
    return call.In({1, 1, 5, 6}, x).In({1, 4}, roi).In<int64_t>({1}, {image}).Run();
  };
  EXPECT_REFUSED(run({0, 0, 1, 1}, 1), MOSAIC_E_INVALID, "a region is of image 1");
  EXPECT_REFUSED(run({0, 0, 1, 1}, -1), MOSAIC_E_INVALID, "a region is of image -1");
  EXPECT_REFUSED(run({0, 0, 1e9F, 1}, 0), MOSAIC_E_INVALID, "too large to be sampled");
  EXPECT_REFUSED(run({0, 0, std::nanf(""), 1}, 0), MOSAIC_E_INVALID, "too large to be sampled");
  EXPECT_REFUSED(OpCall("RoiAlign")
                     .String("mode", "x")
                     .In({1, 1, 1, 1}, {1})
                     .In({1, 4}, {1})
                     .In<int64_t>({1}, {0})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "mode \"x\"");
  EXPECT_REFUSED(OpCall("RoiAlign").In({1, 1, 1}, {1}).In({1, 4}, {1}).In<int64_t>({1}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "no batch of images");
  EXPECT_REFUSED(
      OpCall("RoiAlign").In({1, 1, 1, 1}, {1}).In({2, 4}, {1}).In<int64_t>({1}, {0}).Run(),
      MOSAIC_E_BAD_MODEL, "as many batch_indices");
  EXPECT_REFUSED(
      OpCall("RoiAlign").In({1, 1, 1, 1}, {1}).In({1, 5}, {1}).In<int64_t>({1}, {0}).Run(),
      MOSAIC_E_BAD_MODEL, "regions have shape");
}

TEST(MaxRoiPool, CellsAndRefusals) {
  std::vector<float> x;
  for (int i = 0; i < 2 * 16; ++i) x.push_back(static_cast<float>(i));
  OpCall call("MaxRoiPool");
  ASSERT_OK(call.Ints("pooled_shape", {2, 2})
                .In({2, 1, 4, 4}, x)
                .In({2, 5}, {1, 0, 0, 3, 3, 0, 5, 5, 6, 6})
                .Run());
  EXPECT_THAT(call.values(), ElementsAre(21, 23, 29, 31, 0, 0, 0, 0));
  EXPECT_REFUSED(OpCall("MaxRoiPool").In({1, 1, 1, 1}, {1}).In({1, 5}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "pooled_shape");
  EXPECT_REFUSED(
      OpCall("MaxRoiPool").Ints("pooled_shape", {0, 1}).In({1, 1, 1, 1}, {1}).In({1, 5}, {0}).Run(),
      MOSAIC_E_BAD_MODEL, "below 1");
  EXPECT_REFUSED(
      OpCall("MaxRoiPool").Ints("pooled_shape", {1, 1}).In({1, 1, 1, 1}, {1}).In({1, 5}, {2}).Run(),
      MOSAIC_E_INVALID, "a region is of image 2");
}

// Without offsets it is Conv; an offset of one element is the input moved by one.
TEST(DeformConv, IsConvWithoutOffsets) {
  std::vector<float> x, w;
  for (int i = 0; i < 2 * 4 * 5 * 6; ++i) x.push_back(std::sin(static_cast<float>(i)));
  for (int i = 0; i < 4 * 2 * 3 * 2; ++i) w.push_back(std::cos(static_cast<float>(i)));
  OpCall deformed("DeformConv"), conv("Conv");
  for (OpCall* c : {&deformed, &conv}) {
    c->Int("group", 2).Ints("pads", {1, 0, 1, 1}).Ints("strides", {2, 1}).Ints("dilations", {1, 2});
    c->In({2, 4, 5, 6}, x).In({4, 2, 3, 2}, w);
  }
  ASSERT_OK(conv.In({4}, {1, 2, 3, 4}).Run());
  const Shape y = conv.shape();
  ASSERT_OK(deformed.Int("offset_group", 2)
                .In({2, 24, y[2], y[3]}, {0})
                .In({4}, {1, 2, 3, 4})
                .In({2, 12, y[2], y[3]}, {1})
                .Run());
  EXPECT_THAT(deformed.values(), Pointwise(FloatNear(1e-5F), conv.values()));
  OpCall moved("DeformConv");
  ASSERT_OK(moved.In({1, 1, 1, 4}, {1, 2, 3, 4})
                .In({1, 1, 1, 1}, {2})
                .In({1, 2, 1, 4}, {0, 0, 0, 0, 1, 1, 0.5F, 1})
                .Omitted()
                .In({1, 1, 1, 4}, {1, 1, 10, 1})
                .Run());
  EXPECT_THAT(moved.values(), ElementsAre(4, 6, 70, 0));
}

TEST(DeformConv, RefusalsAndItems) {
  const auto run = [](const Shape& w, const Shape& offset, int64_t group) {
    return OpCall("DeformConv")
        .Int("offset_group", group)
        .In({1, 2, 3, 3}, {1})
        .In(w, {1})
        .In(offset, {0})
        .Run();
  };
  EXPECT_REFUSED(run({1, 2, 1}, {1, 2, 3, 3}, 1), MOSAIC_E_UNSUPPORTED, "only of 2 dimensions");
  EXPECT_REFUSED(run({1, 1, 1, 1}, {1, 2, 3, 3}, 1), MOSAIC_E_BAD_MODEL, "do not fit (group 1)");
  EXPECT_REFUSED(run({1, 2, 1, 1}, {1, 4, 3, 3}, 1), MOSAIC_E_BAD_MODEL, "offset of shape");
  EXPECT_REFUSED(run({1, 2, 1, 1}, {1, 6, 3, 3}, 3), MOSAIC_E_BAD_MODEL, "offset_group");
  EXPECT_REFUSED(run({1, 2, 1, 1}, {1, 2, 3, 3}, 0), MOSAIC_E_BAD_MODEL, "below 1");
  OpCall apart("DeformConv"), mixed("DeformConv");
  EXPECT_INFERRED(apart, "[N, 8, 3, 3]", 0, ItemsFact({N, 2, 3, 3}, 0), SharedFact({8, 2, 1, 1}),
                  ItemsFact({N, 2, 3, 3}, 0));
  EXPECT_INFERRED(mixed, "[N, 8, 3, 3]", kMixed, ItemsFact({N, 2, 3, 3}, 0),
                  SharedFact({8, 2, 1, 1}), SharedFact({N, 2, 3, 3}));
}

}  // namespace
}  // namespace mosaic
