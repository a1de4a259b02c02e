// Conv against the definition, on every instruction set: products, depthwise, one tap, rows of
// taps; the same bits alone.
#include <cmath>

#include "kernel/isa_test.h"
#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::FloatNear;
using testing::Pointwise;

struct Config {
  Shape x, w;
  int64_t group;
  std::vector<int64_t> strides, dilations, pads;
};

std::vector<float> Waves(int64_t n, float step) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(std::sin(static_cast<float>(i) * step));
  return v;
}

std::vector<float> Expected(const Config& f, const std::vector<float>& x,
                            const std::vector<float>& w, const std::vector<float>& bias,
                            const Shape& y) {
  std::vector<float> out;
  const int64_t each = f.w[1], m = f.w[0] / f.group;
  for (int64_t o = 0; o < NumElements(y); ++o) {
    const int64_t col = o % y[3], row = o / y[3] % y[2], filter = o / y[3] / y[2] % y[1];
    const int64_t image = o / y[3] / y[2] / y[1];
    double sum = static_cast<double>(bias[static_cast<size_t>(filter)]);
    for (int64_t j = 0; j < each * f.w[2] * f.w[3]; ++j) {
      const int64_t ch = filter / m * each + j / (f.w[2] * f.w[3]);
      const int64_t r = row * f.strides[0] - f.pads[0] + j / f.w[3] % f.w[2] * f.dilations[0];
      const int64_t k = col * f.strides[1] - f.pads[1] + j % f.w[3] * f.dilations[1];
      if (r < 0 || k < 0 || r >= f.x[2] || k >= f.x[3]) continue;
      sum += static_cast<double>(
                 x[static_cast<size_t>(((image * f.x[1] + ch) * f.x[2] + r) * f.x[3] + k)]) *
             static_cast<double>(w[static_cast<size_t>(filter * each * f.w[2] * f.w[3] + j)]);
    }
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

class ConvTest : public IsaTest {};
INSTANTIATE_TEST_SUITE_P(Isas, ConvTest, ::testing::ValuesIn(UsableIsas(Isa::kReference)),
                         NameOfIsa);

// As many outputs as inputs, but not the same elements.
TEST_P(ConvTest, OneTapWithStridesAndPaddingBehind) {
  OpCall conv("Conv");
  conv.Ints("strides", {2}).Ints("pads", {0, 2}).In({1, 1, 3}, {1, 2, 3}).In({1, 1, 1}, {1});
  ASSERT_OK(conv.Run());
  EXPECT_EQ(conv.values(), (std::vector<float>{1, 3, 0}));
  OpCall integer("ConvInteger");
  integer.Ints("strides", {2}).Ints("pads", {0, 2});
  integer.In<uint8_t>({1, 1, 3}, {1, 2, 3}).In<uint8_t>({1, 1, 1}, {1});
  ASSERT_OK(integer.Run());
  EXPECT_EQ(integer.values<int32_t>(), (std::vector<int32_t>{1, 3, 0}));
}

TEST_P(ConvTest, AgreesWithTheDefinition) {
  const Config configs[] = {
      {{2, 3, 9, 8}, {20, 3, 3, 2}, 1, {2, 1}, {1, 1}, {1, 2, 0, 1}},    // rows of taps
      {{2, 3, 9, 8}, {5, 3, 2, 3}, 1, {1, 2}, {2, 3}, {0, 3, 1, 2}},     // dilated
      {{3, 20, 5, 7}, {33, 20, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},  // one tap: no patches
      {{2, 20, 5, 7}, {33, 20, 1, 1}, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}},
      {{2, 4, 3, 3}, {3, 4, 1, 1}, 1, {1, 1}, {1, 1}, {1, 0, 0, 2}},   // padding alone
      {{1, 8, 6, 5}, {32, 4, 1, 1}, 2, {1, 1}, {1, 1}, {0, 0, 0, 0}},  // whole strips a group
      {{2, 6, 7, 90}, {6, 1, 3, 3}, 6, {1, 1}, {1, 1}, {1, 1, 1, 1}},  // depthwise
      {{2, 6, 7, 40}, {12, 1, 3, 5}, 6, {2, 2}, {1, 1}, {1, 2, 0, 1}},
      {{1, 6, 7, 21}, {4, 3, 2, 3}, 2, {1, 3}, {2, 4}, {2, 9, 1, 0}},    // few filters, strides
      {{1, 2, 300, 70}, {2, 1, 3, 3}, 2, {1, 1}, {1, 1}, {1, 1, 1, 1}},  // several units a plane
      {{2, 3, 7, 7}, {3, 1, 5, 5}, 3, {1, 1}, {1, 1}, {2, 2, 2, 2}},     // as long as registers
      {{2, 3, 14, 14}, {6, 1, 5, 5}, 3, {2, 2}, {1, 1}, {2, 2, 2, 2}},
      {{1, 3, 113, 115}, {3, 1, 3, 3}, 3, {2, 2}, {1, 1}, {1, 1, 1, 1}},
      {{2, 19, 7, 7}, {19, 1, 5, 5}, 19, {1, 1}, {1, 1}, {2, 2, 2, 2}},  // eight planes at a time
      {{1, 8, 13, 11}, {8, 1, 3, 2}, 8, {3, 2}, {2, 3}, {0, 4, 5, 1}},
      {{1, 7, 300, 70}, {7, 1, 3, 3}, 7, {1, 1}, {1, 1}, {1, 1, 1, 1}},  // several units a plane
      {{1, 9, 4, 3}, {9, 1, 1, 1}, 9, {1, 2}, {1, 1}, {6, 0, 0, 2}},     // rows of padding alone
  };
  for (const Config& f : configs) {
    const std::vector<float> x = Waves(NumElements(f.x), 0.7F), w = Waves(NumElements(f.w), 1.3F);
    const std::vector<float> bias = Waves(f.w[0], 0.3F);
    const auto run = [&](const Shape& shape, const std::vector<float>& values, OpCall* call) {
      call->Int("group", f.group).Ints("strides", f.strides).Ints("dilations", f.dilations);
      return call->Ints("pads", f.pads).In(shape, values).In(f.w, w).In({f.w[0]}, bias).Run();
    };
    OpCall call("Conv"), alone("Conv");
    ASSERT_OK(run(f.x, x, &call));
    const std::vector<float> all = call.values();
    EXPECT_THAT(all, Pointwise(FloatNear(2e-5F), Expected(f, x, w, bias, call.shape())));
    Shape one = f.x;
    one[0] = 1;
    ASSERT_OK(run(one, std::vector<float>(x.end() - NumElements(one), x.end()), &alone));
    EXPECT_EQ(alone.values(), std::vector<float>(all.end() - alone.output().size(), all.end()));
  }
}

TEST_P(ConvTest, DepthwiseOfHalfsAndThreeDimensions) {
  OpCall half("Conv"), cube("Conv");
  ASSERT_OK(half.Int("group", 2)
                .Ints("strides", {2})
                .In<Float16>({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})
                .In<Float16>({2, 1, 2}, {1, 0.5F, 2, -1})
                .Run());
  EXPECT_THAT(half.values<Float16>(), testing::ElementsAre(2, 5, 4, 6));
  ASSERT_OK(cube.Int("group", 2)
                .Ints("pads", {1, 0, 0, 0, 0, 0})
                .In({1, 2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
                .In({2, 1, 2, 1, 1}, {1, 10, 100, 1000})
                .Run());
  EXPECT_THAT(cube.values(), testing::ElementsAre(10, 20, 31, 42, 5000, 6000, 7500, 8600));
}

}  // namespace
}  // namespace mosaic
