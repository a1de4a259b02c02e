// Softmax on every instruction set, against long double.
#include "core/kernel/softmax.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class SoftmaxTest : public IsaTest {
 protected:
  // The bounds of core/kernel/softmax.h; v: what is exponentiated, less its maximum.
  static void ExpectClose(float y, float want, double v, double log_sum, bool log) {
    const double exact = static_cast<double>(want);
    if (log) {
      ASSERT_NEAR(y, exact, 1.2e-7 * (std::fabs(v) + std::fabs(exact)) + 1.2e-6 * log_sum + 1e-15);
    } else {
      const double own = 3 * 1.2e-7 + std::fabs(v) * 6e-8;
      ASSERT_NEAR(y, exact, std::min(1.5e-7, own * exact) + 1e-38);
    }
  }

  static void CheckRow(const std::vector<float>& v, const float* y, const float* want, bool log) {
    float max = -kInf;
    for (float e : v) max = std::max(max, e);
    double sum = 0;
    for (float e : v) sum += std::exp(static_cast<double>(e) - static_cast<double>(max));
    for (size_t k = 0; k < v.size(); ++k) {
      const double shifted = static_cast<double>(v[k]) - static_cast<double>(max);
      ExpectClose(y[k], want[k], shifted, std::log(sum), log);
    }
  }
};

TEST_P(SoftmaxTest, Rows) {
  for (int64_t n = 0; n <= 200; n += n < 70 ? 1 : 9) {
    for (int variant = 0; variant < 6; ++variant) {
      const int64_t rows = Uniform(1, 9);
      const std::vector<float> x = Normal(rows * (n + 2) + 3, 5), mask = Normal(rows * n, 3);
      std::vector<float> y(static_cast<size_t>(rows * (n + 1)) + 1, kCanary);
      SoftmaxArgs a;
      a.x = x.data() + Uniform(0, 3);
      a.x_step = n + 2;
      a.n = n;
      a.y = y.data();
      a.y_step = n + 1;
      a.log = variant % 2 == 1;
      if (variant >= 2) a.scale = 0.125f;
      if (variant >= 4) a.mask = mask.data();
      a.mask_step = variant == 4 ? n : 0;
      SoftmaxRows(a, 0, rows);
      for (int64_t r = 0; r < rows; ++r) {
        const float* row_mask = a.mask ? a.mask + r * a.mask_step : nullptr;
        std::vector<float> want(static_cast<size_t>(n)), v(want);
        std::vector<float> alone(static_cast<size_t>(n) + 1);  // never null
        for (int64_t k = 0; k < n; ++k) {
          const float scaled = a.x[r * a.x_step + k] * a.scale;
          v[static_cast<size_t>(k)] = row_mask ? scaled + row_mask[k] : scaled;
        }
        SoftmaxReference(a.x + r * a.x_step, 1, row_mask, a.scale, n, a.log, want.data(), 1);
        CheckRow(v, y.data() + r * a.y_step, want.data(), a.log);
        ASSERT_EQ(y[static_cast<size_t>(r * a.y_step + n)], kCanary);
        SoftmaxArgs one = a;  // alone, and in the middle of nothing else
        one.y = alone.data() - r * a.y_step;
        SoftmaxRows(one, r, r + 1);
        for (int64_t k = 0; k < n; ++k) {
          ASSERT_TRUE(
              SameBits(alone[static_cast<size_t>(k)], y[static_cast<size_t>(r * a.y_step + k)]));
        }
      }
      ASSERT_EQ(y.back(), kCanary);
    }
  }
}

TEST_P(SoftmaxTest, Columns) {
  for (int64_t columns = 0; columns <= 600; columns += columns < 70 ? 1 : 187) {
    const int64_t n = Uniform(1, 40);
    const std::vector<float> x = Normal(n * (columns + 1), 5);
    for (bool log : {false, true}) {
      std::vector<float> y(static_cast<size_t>(n * (columns + 2)), kCanary);
      SoftmaxArgs a;
      a.x = x.data();
      a.x_step = columns + 1;
      a.n = n;
      a.y = y.data();
      a.y_step = columns + 2;
      a.log = log;
      const int64_t cut = Uniform(0, columns);
      SoftmaxColumns(a, 0, cut);
      SoftmaxColumns(a, cut, columns);
      std::vector<float> whole(y.size(), kCanary);
      a.y = whole.data();
      SoftmaxColumns(a, 0, columns);
      ASSERT_TRUE(SameBits(y, whole));
      for (int64_t c = 0; c < columns; ++c) {
        std::vector<float> v, got, want(static_cast<size_t>(n));
        for (int64_t k = 0; k < n; ++k) {
          v.push_back(x[static_cast<size_t>(k * a.x_step + c)]);
          got.push_back(y[static_cast<size_t>(k * a.y_step + c)]);
        }
        SoftmaxReference(v.data(), 1, nullptr, 1, n, log, want.data(), 1);
        CheckRow(v, got.data(), want.data(), log);
      }
      for (int64_t k = 0; k < n; ++k) {
        ASSERT_EQ(y[static_cast<size_t>(k * a.y_step + columns)], kCanary);
      }
    }
  }
}

TEST_P(SoftmaxTest, SpecialRows) {
  const auto softmax = [](std::vector<float> x, bool log = false) {
    SoftmaxArgs a;
    a.x = x.data();
    a.y = x.data();
    a.n = static_cast<int64_t>(x.size());
    a.log = log;
    SoftmaxRows(a, 0, 1);
    return x;
  };
  EXPECT_EQ(softmax({-kInf, 0, -kInf, 0}), (std::vector<float>{0, 0.5f, 0, 0.5f}));
  EXPECT_EQ(softmax({1e30f, 0, -1e30f}), (std::vector<float>{1, 0, 0}));
  EXPECT_EQ(softmax({-kInf, 3}, true), (std::vector<float>{-kInf, 0}));
  std::vector<float> many(40, 0.0f);
  for (float special : {kNaN, kInf}) {
    for (size_t at : {size_t{0}, size_t{17}, size_t{39}}) {
      many.assign(40, 0.0f);
      many[at] = special;
      for (float y : softmax(many)) {
        EXPECT_TRUE(std::isnan(y) || (special == kInf && y == 0));
      }
      EXPECT_TRUE(std::isnan(softmax(many)[at]));
    }
  }
  for (float y : softmax({-kInf, -kInf})) EXPECT_TRUE(std::isnan(y));
  std::vector<float> x(1000, 0.25f);
  for (float y : softmax(x)) EXPECT_NEAR(y, 1e-3, 1e-10);
}

TEST(SoftmaxBits, InstructionSetsThatFuseAgree) {
  if (!IsaSupported(Isa::kAvx512)) return;  // only one of them is here
  std::mt19937 rng(3);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> x(7 * 91);
  for (float& v : x) v = normal(rng);
  std::vector<std::vector<float>> results;
  for (Isa isa : {Isa::kAvx2, Isa::kAvx512}) {
    WithIsa with(isa);
    std::vector<float> y(2 * x.size());
    SoftmaxArgs a;
    a.x = x.data();
    a.y = y.data();
    a.x_step = a.y_step = a.n = 91;
    SoftmaxRows(a, 0, 7);
    a.y = y.data() + x.size();
    a.n = 7;
    SoftmaxColumns(a, 0, 91);
    results.push_back(y);
  }
  EXPECT_TRUE(SameBits(results[0], results[1]));
}

INSTANTIATE_TEST_SUITE_P(Isas, SoftmaxTest, ::testing::ValuesIn(UsableIsas(Isa::kReference)),
                         NameOfIsa);

}  // namespace
}  // namespace mosaic
