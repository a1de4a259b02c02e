// ConvInteger and QLinearConv against the definition: every instruction set, random shapes, types
// and zero points; QuantizeLinear and DequantizeLinear in runs as element by element.
#include <cmath>

#include "kernel/isa_test.h"
#include "op/op_call.h"

namespace mosaic {
namespace {

struct Geometry {
  Shape x, w;  // [N, C, H, W], [M, C / group, kh, kw]
  int64_t group = 1;
  std::vector<int64_t> strides, dilations, pads;
};

template <typename T>
std::vector<ComputeType<T>> Bytes(int64_t n, std::mt19937* rng) {
  std::vector<ComputeType<T>> v(static_cast<size_t>(n));
  for (auto& b : v) b = static_cast<T>((*rng)());
  return v;
}

// Sums of (x - zero)(w - zeros), modulo 2^32.
template <typename X, typename W>
std::vector<int32_t> Expected(const Geometry& g, const std::vector<X>& x, const std::vector<W>& w,
                              int32_t x_zero, const std::vector<W>& w_zero, const Shape& y) {
  std::vector<int32_t> out;
  const int64_t each = g.w[1], taps = g.w[2] * g.w[3], m = g.w[0] / g.group;
  for (int64_t o = 0; o < NumElements(y); ++o) {
    const int64_t col = o % y[3], row = o / y[3] % y[2], filter = o / y[3] / y[2] % y[1];
    const int64_t image = o / y[3] / y[2] / y[1];
    uint32_t sum = 0;
    for (int64_t j = 0; j < each * taps; ++j) {
      const int64_t ch = filter / m * each + j / taps;
      const int64_t r = row * g.strides[0] - g.pads[0] + j / g.w[3] % g.w[2] * g.dilations[0];
      const int64_t k = col * g.strides[1] - g.pads[1] + j % g.w[3] * g.dilations[1];
      if (r < 0 || k < 0 || r >= g.x[2] || k >= g.x[3]) continue;
      const int32_t a = x[static_cast<size_t>(((image * g.x[1] + ch) * g.x[2] + r) * g.x[3] + k)];
      const int32_t b = w[static_cast<size_t>(filter * each * taps + j)];
      const int32_t zero = w_zero[w_zero.size() == 1 ? 0 : static_cast<size_t>(filter)];
      sum += static_cast<uint32_t>((a - x_zero) * (b - zero));
    }
    out.push_back(static_cast<int32_t>(sum));
  }
  return out;
}

class IntegerConvTest : public IsaTest {
 protected:
  Geometry Random() {
    Geometry g;
    g.group = Uniform(0, 2) == 0 ? Uniform(2, 4) : 1;
    const int64_t kernel = Uniform(0, 1) == 0 ? 1 : Uniform(1, 3);
    const bool one = kernel == 1 && Uniform(0, 1) == 0;
    g.w = {g.group * Uniform(1, 40), Uniform(1, 35), kernel, one ? 1 : Uniform(1, 3)};
    g.x = {Uniform(1, 3), g.group * g.w[1], Uniform(5, 19), Uniform(7, 21)};
    for (int d = 0; d < 2; ++d) {
      g.strides.push_back(one ? 1 : Uniform(1, 2));
      g.dilations.push_back(Uniform(1, 2));
    }
    for (int d = 0; d < 4; ++d) g.pads.push_back(one ? 0 : Uniform(0, 2));
    return g;
  }
  static OpCall& Attributes(const Geometry& g, OpCall* call) {
    call->Int("group", g.group).Ints("strides", g.strides).Ints("dilations", g.dilations);
    return call->Ints("pads", g.pads);
  }

  template <typename X, typename W>
  void TrySums() {
    const Geometry g = Random();
    const auto x = Bytes<X>(NumElements(g.x), &rng_);
    const auto w = Bytes<W>(NumElements(g.w), &rng_);
    const auto zero = Bytes<X>(1, &rng_);
    const bool each = Uniform(0, 1) == 0;
    const auto zeros = Bytes<W>(each ? g.w[0] : 1, &rng_);
    OpCall call("ConvInteger");
    Attributes(g, &call).template In<X>(g.x, x).template In<W>(g.w, w).template In<X>({}, zero);
    ASSERT_OK(call.template In<W>(each ? Shape{g.w[0]} : Shape{}, zeros).Run());
    EXPECT_EQ(call.values<int32_t>(), Expected(g, x, w, zero[0], zeros, call.shape()));
  }
  template <typename X, typename Y>
  void TryScaled() {
    const Geometry g = Random();
    const auto x = Bytes<X>(NumElements(g.x), &rng_);
    const auto w = Bytes<int8_t>(NumElements(g.w), &rng_);
    const auto zero = Bytes<X>(1, &rng_);
    const auto y_zero = Bytes<Y>(1, &rng_);
    std::vector<float> scales = Normal(g.w[0], 0.002F);
    std::vector<int32_t> bias;
    for (int64_t i = 0; i < g.w[0]; ++i) bias.push_back(static_cast<int32_t>(Uniform(-5000, 5000)));
    OpCall call("QLinearConv");
    Attributes(g, &call).template In<X>(g.x, x).In({}, {0.7F}).template In<X>({}, zero);
    call.template In<int8_t>(g.w, w).In({g.w[0]}, scales).In<int8_t>({}, {3}).In({}, {1.3F});
    ASSERT_OK(call.template In<Y>({}, y_zero).template In<int32_t>({g.w[0]}, bias).Run());
    const auto sums =
        Expected<ComputeType<X>, ComputeType<int8_t>>(g, x, w, zero[0], {3}, call.shape());
    const auto y = call.template values<Y>();
    ASSERT_EQ(y.size(), sums.size());
    const int64_t plane = call.shape()[2] * call.shape()[3];
    for (size_t i = 0; i < y.size(); ++i) {
      const size_t f = i / static_cast<size_t>(plane) % static_cast<size_t>(g.w[0]);
      const float v = static_cast<float>(sums[i] + bias[f]) * (0.7F * scales[f] / 1.3F);
      const float z = static_cast<float>(y_zero[0]);
      const float least = std::numeric_limits<Y>::min(), most = std::numeric_limits<Y>::max();
      ASSERT_EQ(static_cast<float>(y[i]), std::clamp(std::nearbyint(v) + z, least, most)) << i;
    }
  }
};

TEST_P(IntegerConvTest, SumsAreExact) {
  std::printf("seed %u\n", seed_);
  for (int i = 0; i < 12; ++i) {
    TrySums<uint8_t, int8_t>();
    TrySums<uint8_t, uint8_t>();
    TrySums<int8_t, int8_t>();
    TrySums<int8_t, uint8_t>();
  }
}

TEST_P(IntegerConvTest, ScaledAndRounded) {
  std::printf("seed %u\n", seed_);
  for (int i = 0; i < 10; ++i) {
    TryScaled<uint8_t, uint8_t>();
    TryScaled<int8_t, int8_t>();
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, IntegerConvTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

class QuantizeTest : public IsaTest {};

// The definition of both in float64, with special values; axes of long and short runs.
TEST_P(QuantizeTest, RunsAreAsElements) {
  std::printf("seed %u\n", seed_);
  for (const Shape& shape : {Shape{3, 4, 37}, Shape{2, 5, 3}, Shape{40000}}) {
    const bool one = shape.size() == 1;
    const int64_t n = one ? 1 : shape[1];
    std::vector<float> x = Normal(NumElements(shape), 3), scale;
    for (float& v : x) {
      if (Uniform(0, 9) == 0)
        v = std::vector<float>{kInf, -kInf, kNaN, 0.5F, 1e30F}[static_cast<size_t>(Uniform(0, 4))];
    }
    for (int64_t i = 0; i < n; ++i) scale.push_back(0.01F * static_cast<float>(Uniform(1, 5)));
    std::vector<int32_t> zero;
    for (int64_t i = 0; i < n; ++i) zero.push_back(static_cast<int32_t>(Uniform(-128, 127)));
    const Shape each = one ? Shape{} : Shape{n};
    OpCall q("QuantizeLinear"), d("DequantizeLinear");
    ASSERT_OK(q.In(shape, x)
                  .In(each, scale)
                  .In<int8_t>(each, std::vector<ComputeType<int8_t>>(zero.begin(), zero.end()))
                  .Run());
    const auto y = q.values<int8_t>();
    ASSERT_OK(d.In(q.output())
                  .In(each, scale)
                  .In<int8_t>(each, std::vector<ComputeType<int8_t>>(zero.begin(), zero.end()))
                  .Run());
    const std::vector<float> back = d.values();
    const int64_t inner = one ? 1 : shape[2];
    for (size_t i = 0; i < x.size(); ++i) {
      const size_t at = one ? 0 : static_cast<size_t>(static_cast<int64_t>(i) / inner % n);
      const double v = std::nearbyint(static_cast<double>(x[i] / scale[at])) + zero[at];
      ASSERT_EQ(y[i], std::isnan(v) ? 0 : std::clamp(v, -128.0, 127.0)) << x[i] << " " << i;
      ASSERT_EQ(back[i], static_cast<float>(y[i] - zero[at]) * scale[at]);
      if (i > 2000) break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, QuantizeTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
