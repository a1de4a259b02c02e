// ConvTranspose against the definition, MaxUnpool; their refusals and items.
#include <cmath>
#include <numeric>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

const Dim N = Dim::Symbol("N"), H = Dim::Symbol("H");

struct Config {
  Shape x, w;
  int64_t group;
  std::vector<int64_t> strides, dilations, pads, output_padding;
};

std::vector<float> Waves(int64_t n, float step) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(std::sin(static_cast<float>(i) * step));
  return v;
}

// Each input adds to the outputs it reaches; of two dimensions.
std::vector<float> Expected(const Config& f, const std::vector<float>& x,
                            const std::vector<float>& w, const std::vector<float>& bias,
                            const Shape& y) {
  std::vector<double> sums(static_cast<size_t>(NumElements(y)));
  const int64_t each = f.x[1] / f.group, m = f.w[1];
  for (int64_t n = 0; n < f.x[0]; ++n) {
    for (int64_t ch = 0; ch < f.x[1]; ++ch) {
      for (int64_t i = 0; i < f.x[2] * f.x[3]; ++i) {
        for (int64_t j = 0; j < m * f.w[2] * f.w[3]; ++j) {
          const int64_t t = j % (f.w[2] * f.w[3]), filter = ch / each * m + j / (f.w[2] * f.w[3]);
          const int64_t row = i / f.x[3] * f.strides[0] - f.pads[0] + t / f.w[3] * f.dilations[0];
          const int64_t col = i % f.x[3] * f.strides[1] - f.pads[1] + t % f.w[3] * f.dilations[1];
          if (row < 0 || col < 0 || row >= y[2] || col >= y[3]) continue;
          sums[static_cast<size_t>(((n * y[1] + filter) * y[2] + row) * y[3] + col)] +=
              static_cast<double>(x[static_cast<size_t>((n * f.x[1] + ch) * f.x[2] * f.x[3] + i)]) *
              static_cast<double>(w[static_cast<size_t>(ch * m * f.w[2] * f.w[3] + j)]);
        }
      }
    }
  }
  std::vector<float> out;
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t filter = i / static_cast<size_t>(y[2] * y[3]) % static_cast<size_t>(y[1]);
    out.push_back(static_cast<float>(sums[i] + static_cast<double>(bias[filter])));
  }
  return out;
}

TEST(ConvTranspose, GroupsStridesDilationsAndPads) {
  const Config configs[] = {
      {{2, 3, 4, 5}, {3, 2, 3, 2}, 1, {2, 1}, {1, 2}, {1, 0, 2, 1}, {1, 0}},
      {{2, 4, 5, 3}, {4, 1, 3, 3}, 4, {2, 3}, {2, 1}, {2, 1, 0, 1}, {0, 2}},     // depthwise
      {{1, 6, 3, 4}, {6, 20, 2, 3}, 2, {1, 2}, {1, 1}, {0, 1, 0, 0}, {0, 1}},    // groups of strips
      {{3, 2, 40, 3}, {2, 300, 2, 2}, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}, {0, 0}},  // several pieces
  };
  for (const Config& f : configs) {
    const int64_t filters = f.w[1] * f.group;
    const std::vector<float> x = Waves(NumElements(f.x), 0.7F), w = Waves(NumElements(f.w), 1.3F);
    const std::vector<float> bias = Waves(filters, 0.3F);
    const auto run = [&](const Shape& shape, const std::vector<float>& values, OpCall* call) {
      call->Int("group", f.group).Ints("strides", f.strides).Ints("dilations", f.dilations);
      call->Ints("pads", f.pads).Ints("output_padding", f.output_padding);
      return call->In(shape, values).In(f.w, w).In({filters}, bias).Run();
    };
    OpCall call("ConvTranspose"), alone("ConvTranspose");
    ASSERT_OK(run(f.x, x, &call));
    const Shape y = call.shape();
    EXPECT_EQ(y[2], (f.x[2] - 1) * f.strides[0] + (f.w[2] - 1) * f.dilations[0] + 1 +
                        f.output_padding[0] - f.pads[0] - f.pads[2]);
    EXPECT_THAT(call.values(), Pointwise(FloatNear(2e-5F), Expected(f, x, w, bias, y)));
    // The last image alone has the same bits.
    Shape one = f.x;
    one[0] = 1;
    ASSERT_OK(run(one, std::vector<float>(x.end() - NumElements(one), x.end()), &alone));
    const std::vector<float> all = call.values();
    EXPECT_EQ(alone.values(), std::vector<float>(all.end() - alone.output().size(), all.end()));
  }
}

TEST(ConvTranspose, OneAndThreeDimensionsAndHalfs) {
  OpCall line("ConvTranspose"), cube("ConvTranspose"), half("ConvTranspose");
  ASSERT_OK(line.Ints("strides", {2}).In({1, 1, 3}, {1, 2, 3}).In({1, 1, 3}, {1, 10, 100}).Run());
  EXPECT_THAT(line.values(), ElementsAre(1, 10, 102, 20, 203, 30, 300));
  ASSERT_OK(cube.In({1, 1, 1, 1, 2}, {1, 2}).In({1, 2, 1, 2, 1}, {1, 10, 100, 1000}).Run());
  EXPECT_THAT(cube.values(), ElementsAre(1, 2, 10, 20, 100, 200, 1000, 2000));
  ASSERT_OK(half.In<Float16>({1, 1, 2}, {1, 2}).In<Float16>({1, 1, 1}, {0.5F}).Run());
  EXPECT_THAT(half.values<Float16>(), ElementsAre(0.5F, 1));
}

TEST(ConvTranspose, PadsThatFollowFromTheOutput) {
  const auto run = [](const char* pad, const std::vector<int64_t>& shape) {
    OpCall call("ConvTranspose");
    call.String("auto_pad", pad).Ints("strides", {2}).Ints("output_shape", shape);
    EXPECT_TRUE(call.In({1, 1, 2}, {1, 2}).In({1, 1, 3}, {1, 10, 100}).Run().ok());
    return call.values();
  };
  // Without padding 1 10 102 20 200.
  EXPECT_THAT(run("SAME_UPPER", {}), ElementsAre(1, 10, 102, 20));
  EXPECT_THAT(run("SAME_LOWER", {}), ElementsAre(10, 102, 20, 200));
  EXPECT_THAT(run("VALID", {}), ElementsAre(1, 10, 102, 20, 200));
  EXPECT_THAT(run("NOTSET", {3}), ElementsAre(10, 102, 20));
  EXPECT_THAT(run("NOTSET", {1, 1, 7}), ElementsAre(1, 10, 102, 20, 200, 0, 0));
}

TEST(ConvTranspose, RefusalsAndItems) {
  const auto run = [](const char* name, const std::vector<int64_t>& list) {
    return OpCall("ConvTranspose").Ints(name, list).In({1, 2, 3}, {1}).In({2, 2, 2}, {1}).Run();
  };
  EXPECT_REFUSED(run("strides", {0}), MOSAIC_E_BAD_MODEL, "below 1");
  EXPECT_REFUSED(run("strides", {1, 1}), MOSAIC_E_BAD_MODEL, "one for each spatial dimension");
  EXPECT_REFUSED(run("pads", {1}), MOSAIC_E_BAD_MODEL, "two for each");
  EXPECT_REFUSED(run("output_padding", {-1}), MOSAIC_E_BAD_MODEL, "is negative");
  EXPECT_REFUSED(run("output_shape", {2, 3}), MOSAIC_E_BAD_MODEL, "output_shape is not");
  EXPECT_REFUSED(run("kernel_shape", {3}), MOSAIC_E_BAD_MODEL, "kernel_shape does not fit");
  EXPECT_REFUSED(run("pads", {3, 3}), MOSAIC_E_BAD_MODEL, "negative dimension");
  EXPECT_REFUSED(
      OpCall("ConvTranspose").Int("group", 0).In({1, 2, 3}, {1}).In({2, 2, 2}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "group is below 1");
  EXPECT_REFUSED(
      OpCall("ConvTranspose").Int("group", 2).In({1, 3, 3}, {1}).In({3, 2, 2}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "are not 2 groups");
  EXPECT_REFUSED(OpCall("ConvTranspose").In({1, 3, 3}, {1}).In({2, 2, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(OpCall("ConvTranspose").In({1, 2, 3}, {1}).In({2, 2, 2}, {1}).In({3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "B and the kernels");
  EXPECT_REFUSED(
      OpCall("ConvTranspose").In({1, 1, 1, 1, 1, 1}, {1}).In({1, 1, 1, 1, 1, 1}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "1 to 3 spatial dimensions");
  EXPECT_REFUSED(
      OpCall("ConvTranspose").In<int8_t>({1, 1, 1}, {1}).In<int8_t>({1, 1, 1}, {1}).Run(),
      MOSAIC_E_UNSUPPORTED, "of type int8");
  OpCall apart("ConvTranspose"), across("ConvTranspose");
  apart.Ints("strides", {2});
  EXPECT_INFERRED(apart, "[N, 5, 2*H + 1]", 0, ItemsFact({N, 4, H}, 0), SharedFact({4, 5, 3}));
  EXPECT_INFERRED(across, "[4, 5, N]", kMixed, ItemsFact({4, 4, N}, 2), SharedFact({4, 5, 1}));
}

TEST(MaxUnpool, PutsBackAndRefuses) {
  OpCall call("MaxUnpool"), corner("MaxUnpool");
  for (OpCall* c : {&call, &corner}) {
    c->Ints("kernel_shape", {2, 2}).Ints("strides", {2, 2});
    c->In({1, 1, 2, 2}, {1, 2, 3, 4}).In<int64_t>({1, 1, 2, 2}, {5, 7, 13, 15});
  }
  ASSERT_OK(call.Run());
  EXPECT_EQ(call.shape(), Shape({1, 1, 4, 4}));
  EXPECT_THAT(call.values(), ElementsAre(0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4));
  ASSERT_OK(corner.In<int64_t>({4}, {1, 1, 5, 5}).Run());
  EXPECT_EQ(corner.values()[6], 1);
  EXPECT_EQ(corner.values()[18], 4);
  const auto run = [](int64_t index, const std::vector<int64_t>& shape) {
    OpCall c("MaxUnpool");
    c.Ints("kernel_shape", {2}).In({1, 1, 1}, {1}).In<int64_t>({1, 1, 1}, {index});
    if (!shape.empty()) c.In<int64_t>({static_cast<int64_t>(shape.size())}, shape);
    return c.Run();
  };
  EXPECT_REFUSED(run(2, {}), MOSAIC_E_INVALID, "index 2 is out of range");
  EXPECT_REFUSED(run(-1, {}), MOSAIC_E_INVALID, "index -1 is out of range");
  EXPECT_REFUSED(run(1, {1, 1, 1}), MOSAIC_E_INVALID, "index 1 is out of range");
  EXPECT_REFUSED(run(1, {1, 1}), MOSAIC_E_BAD_MODEL, "output_shape [1, 1] does not fit");
  EXPECT_REFUSED(OpCall("MaxUnpool").In({1, 1, 1}, {1}).In<int64_t>({1, 1, 1}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "kernel_shape is missing");
  EXPECT_REFUSED(OpCall("MaxUnpool")
                     .Ints("kernel_shape", {2})
                     .In({1, 1, 1}, {1})
                     .In<int64_t>({1, 1, 2}, {0})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "different shapes");
}

// What is computed of strides, dilations and groups must not overflow.
TEST(Windows, HugeAttributesAreRefused) {
  constexpr int64_t kHuge = int64_t{1} << 62, kLarge = int64_t{1} << 30;
  EXPECT_REFUSED(OpCall("ConvTranspose").Ints("strides", {kHuge}).In({1, 1, 5}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_LIMIT, "above 2^30");
  EXPECT_REFUSED(OpCall("ConvTranspose")
                     .Int("group", 2)
                     .Ints("dilations", {kHuge})
                     .Ints("output_shape", {4})
                     .In({1, 2, 4}, {1})
                     .In({2, 1, 3}, {1})
                     .Run(),
                 MOSAIC_E_LIMIT, "above 2^30");
  EXPECT_REFUSED(OpCall("ConvTranspose").Int("group", kHuge).In({1, 0, 5}, {1}).In({0, 4, 1}, {1}).Run(),
                 MOSAIC_E_LIMIT, "group is above");
  EXPECT_REFUSED(OpCall("Conv").Ints("dilations", {kHuge}).In({1, 1, 5}, {1}).In({1, 1, 3}, {1}).Run(),
                 MOSAIC_E_LIMIT, "above 2^30");
  EXPECT_REFUSED(OpCall("Conv")
                     .Int("group", 2)
                     .String("auto_pad", "SAME_UPPER")
                     .Ints("dilations", {kLarge, kLarge})
                     .In({1, 2, 5, 5}, {1})
                     .In({2, 1, 3, 3}, {1})
                     .Run(),
                 MOSAIC_E_LIMIT, "reach too far");
}

}  // namespace
}  // namespace mosaic
