// Normalisation on every instruction set, against long double.
#include "core/kernel/normalize.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class NormalizeTest : public IsaTest {
 protected:
  // a with its results against the reference; each row alone gives the same bits.
  void Check(NormalizeArgs a, int64_t rows, double offset) {
    const auto fresh = [&] {
      return std::vector<float>(static_cast<size_t>(rows * (a.n + 1)) + 1, kCanary);
    };
    const auto point = [&](std::vector<float>& y, std::vector<float>& sum, std::vector<float>& mean,
                           std::vector<float>& inverse) {
      a.y = y.data();
      a.y_step = a.sum_step = a.n + 1;
      a.sum = a.residual ? sum.data() : nullptr;
      a.mean = mean.data();
      a.inverse = inverse.data();
    };
    std::vector<float> y = fresh(), sum = fresh(), want = fresh(), want_sum = fresh();
    std::vector<float> mean(static_cast<size_t>(rows)), inverse(mean), want_mean(mean),
        want_inverse(mean);
    point(want, want_sum, want_mean, want_inverse);
    NormalizeRowsReference(a, 0, rows);
    point(y, sum, mean, inverse);
    NormalizeRows(a, 0, rows);
    ASSERT_TRUE(SameBits(sum, want_sum));
    for (int64_t r = 0; r < rows; ++r) {
      const size_t i = static_cast<size_t>(r);
      ASSERT_NEAR(mean[i], want_mean[i], 1e-7 * std::fabs(want_mean[i]) + 1e-12 * offset) << a.n;
      ASSERT_NEAR(inverse[i], want_inverse[i], 2e-7 * std::fabs(want_inverse[i])) << a.n;
      for (int64_t k = 0; k <= a.n; ++k) {
        const size_t at = static_cast<size_t>(r * a.y_step + k);
        const int64_t parameter = (r % a.groups) * a.group_step + k / a.repeat;
        const double bias = a.bias && k < a.n ? static_cast<double>(a.bias[parameter]) : 0;
        const double w = static_cast<double>(want[at]), own = std::fabs(w - bias);
        if (k == a.n) {
          ASSERT_EQ(y[at], kCanary);
        } else {
          ASSERT_NEAR(y[at], w, 3 * 1.2e-7 * own + 1.2e-7 * std::fabs(w) + 1e-30)
              << a.n << ", offset " << offset << ", seed " << seed_;
        }
      }
    }
    std::vector<float> alone = fresh(), alone_sum = fresh();
    point(alone, alone_sum, mean, inverse);
    for (int64_t r = rows - 1; r >= 0; --r) NormalizeRows(a, r, r + 1);
    ASSERT_TRUE(SameBits(alone, y));
  }
};

TEST_P(NormalizeTest, Layers) {
  for (int64_t n = 1; n <= 200; n += n < 70 ? 1 : 9) {
    for (int variant = 0; variant < 8; ++variant) {
      const int64_t rows = Uniform(1, 9);
      const float offset = variant % 4 == 3 ? 1000.0f : 1.0f;
      std::vector<float> x = Normal(rows * (n + 3) + 3), residual = Normal(rows * n);
      for (float& v : x) v += offset;
      const std::vector<float> scale = Normal(n), bias = Normal(n);
      NormalizeArgs a;
      a.x = x.data() + Uniform(0, 3);
      a.x_step = n + 3;
      a.n = n;
      a.epsilon = n == 1 ? 1.0 : 1e-5;
      a.rms = variant >= 4;
      if (variant % 4 >= 1) a.scale = scale.data();
      if (variant % 4 >= 2) a.bias = bias.data();
      if (variant % 4 >= 2) a.residual = residual.data();
      a.residual_step = n;
      Check(a, rows, static_cast<double>(offset));
    }
  }
}

TEST_P(NormalizeTest, InstancesAndGroups) {
  for (int64_t spatial : {1, 5, 16, 49, 100}) {
    const int64_t channels = 12, items = 3;
    const std::vector<float> x = Normal(items * channels * spatial), scale = Normal(channels),
                             bias = Normal(channels);
    for (int64_t groups : {1, 3, 12}) {
      NormalizeArgs a;
      a.x = x.data();
      a.n = a.x_step = channels / groups * spatial;
      a.scale = scale.data();
      a.bias = bias.data();
      a.groups = groups;
      a.group_step = channels / groups;
      a.repeat = spatial;
      if (a.n == 1) a.epsilon = 1;
      Check(a, items * groups, 1);
    }
  }
}

TEST_P(NormalizeTest, InPlaceWithResidual) {
  const int64_t n = 100, rows = 5;
  const std::vector<float> x = Normal(n * rows), residual = Normal(n * rows);
  std::vector<float> y(x.size()), sum(x.size()), in_place = x, other = residual;
  NormalizeArgs a;
  a.x = x.data();
  a.residual = residual.data();
  a.y = y.data();
  a.sum = sum.data();
  a.n = a.x_step = a.y_step = a.sum_step = a.residual_step = n;
  NormalizeRows(a, 0, rows);
  a.x = a.y = in_place.data();
  a.residual = a.sum = other.data();
  NormalizeRows(a, 0, rows);
  EXPECT_TRUE(SameBits(in_place, y));
  EXPECT_TRUE(SameBits(other, sum));
  // Without a place for the sum.
  in_place = x;
  a.residual = residual.data();
  a.sum = nullptr;
  NormalizeRows(a, 0, rows);
  EXPECT_TRUE(SameBits(in_place, y));
}

// The difference from the mean must not cancel: 16 values next to 10^6.
TEST_P(NormalizeTest, LargeMeans) {
  std::vector<float> x(1000), y(1000), want(1000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 1e6f + 0.0625f * static_cast<float>(i % 16);
  NormalizeArgs a;
  a.x = x.data();
  a.y = y.data();
  a.n = 1000;
  NormalizeRows(a, 0, 1);
  a.y = want.data();
  NormalizeRowsReference(a, 0, 1);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], want[i], 4e-7) << i;
}

TEST_P(NormalizeTest, NotFinite) {
  for (float special : {kNaN, kInf}) {
    std::vector<float> x(40, 1.0f), y(40);
    x[20] = special;
    NormalizeArgs a;
    a.x = x.data();
    a.y = y.data();
    a.n = 40;
    NormalizeRows(a, 0, 1);
    for (float v : y) EXPECT_TRUE(std::isnan(v));
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, NormalizeTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
