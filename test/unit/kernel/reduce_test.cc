// Reductions on every instruction set, against sums in long double.
#include "core/kernel/reduce.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

using ReduceTest = IsaTest;

constexpr Reduction kLogarithms[] = {Reduction::kLogSum, Reduction::kLogSumExp};

bool IsLogarithm(Reduction f) { return f == kLogarithms[0] || f == kLogarithms[1]; }

// The bounds of core/kernel/reduce.h.
void ExpectClose(Reduction f, float y, float want, const std::string& where) {
  const double exact = static_cast<double>(want);
  if (IsLogarithm(f) && std::fabs(exact) < 1) {
    EXPECT_NEAR(y, exact, 1e-7) << where;
  } else {
    EXPECT_LE(Ulps(y, exact, 1.5e-45), IsLogarithm(f) ? 1.5 : 1.01)
        << where << ": " << y << ", " << want;
  }
}

std::string Where(int f, int64_t n) {
  return "reduction " + std::to_string(f) + " of " + std::to_string(n);
}

TEST_P(ReduceTest, Rows) {
  for (int64_t n = 0; n <= 200; n += n < 70 ? 1 : 9) {
    const int64_t rows = Uniform(0, 9), step = n + Uniform(0, 3);
    const std::vector<float> x = Normal(rows * step + n + 3);
    const float* from = x.data() + Uniform(0, 3);
    for (int f = 0; f < kReductionCount; ++f) {
      std::vector<float> y(static_cast<size_t>(rows) + 1, kCanary);
      ReduceRows(static_cast<Reduction>(f), from, step, rows, n, y.data());
      for (int64_t r = 0; r < rows; ++r) {
        ExpectClose(static_cast<Reduction>(f), y[static_cast<size_t>(r)],
                    ReduceReference(static_cast<Reduction>(f), from + r * step, 1, n), Where(f, n));
      }
      EXPECT_EQ(y.back(), kCanary);
      for (int64_t r = 0; r < rows; ++r) {  // each alone
        float alone;
        ReduceRows(static_cast<Reduction>(f), from + r * step, 0, 1, n, &alone);
        ASSERT_TRUE(SameBits(alone, y[static_cast<size_t>(r)])) << Where(f, n);
      }
    }
  }
}

TEST_P(ReduceTest, Columns) {
  for (int64_t columns = 0; columns <= 2100; columns += columns < 50    ? 1
                                                        : columns < 100 ? 13
                                                                        : 983) {
    const int64_t n = columns > 100 ? 3 : Uniform(0, 40), step = columns + Uniform(0, 3);
    const std::vector<float> x = Normal(n * step + columns + 3);
    const float* from = x.data() + Uniform(0, 3);
    for (int f = 0; f < kReductionCount; ++f) {
      std::vector<float> y(static_cast<size_t>(columns) + 1, kCanary);
      ReduceColumns(static_cast<Reduction>(f), from, step, n, columns, y.data());
      EXPECT_EQ(y.back(), kCanary);
      for (int64_t c = 0; c < columns; ++c) {
        float alone;
        ReduceColumns(static_cast<Reduction>(f), from + c, step, n, 1, &alone);
        ASSERT_TRUE(SameBits(alone, y[static_cast<size_t>(c)])) << Where(f, n);
        ExpectClose(static_cast<Reduction>(f), alone,
                    ReduceReference(static_cast<Reduction>(f), from + c, step, n), Where(f, n));
      }
    }
  }
}

// What float32 sums lose: 10^6 terms, cancellation, large next to small.
TEST_P(ReduceTest, SumsAreKeptInFloat64) {
  std::vector<float> x = Normal(1000001);
  for (size_t i = 0; i < x.size(); ++i) x[i] += 1000;
  x[3] = 1e10f, x[77] = -1e10f;
  for (Reduction f :
       {Reduction::kSum, Reduction::kMean, Reduction::kL1, Reduction::kL2, Reduction::kSumSquare}) {
    float y, z;
    const int64_t n = static_cast<int64_t>(x.size());
    ReduceRows(f, x.data(), 0, 1, n, &y);
    ReduceColumns(f, x.data(), 1, n, 1, &z);
    const double want = static_cast<double>(ReduceReference(f, x.data(), 1, n));
    EXPECT_LE(Ulps(y, want), 1.01) << static_cast<int>(f);
    EXPECT_LE(Ulps(z, want), 1.01) << static_cast<int>(f);
  }
}

TEST_P(ReduceTest, SpecialValues) {
  for (float special : SpecialValues()) {
    for (int64_t at = 0; at < 37; at += 4) {
      std::vector<float> x(37, 0.5f);
      x[static_cast<size_t>(at)] = special;
      for (int f = 0; f < kReductionCount; ++f) {
        float y, z;
        ReduceRows(static_cast<Reduction>(f), x.data(), 0, 1, 37, &y);
        ReduceColumns(static_cast<Reduction>(f), x.data(), 1, 37, 1, &z);
        const float want = ReduceReference(static_cast<Reduction>(f), x.data(), 1, 37);
        ExpectClose(static_cast<Reduction>(f), y, want, Where(f, 37));
        ExpectClose(static_cast<Reduction>(f), z, want, Where(f, 37));
      }
    }
  }
  const std::vector<float> low(20, -kInf);
  float y;
  ReduceRows(Reduction::kLogSumExp, low.data(), 0, 1, 20, &y);
  EXPECT_EQ(y, -kInf);
}

TEST(ReduceBits, EveryCpuAgreesAboutSums) {
  std::mt19937 rng(7);
  std::normal_distribution<float> normal;
  std::vector<float> x(3000);
  for (float& v : x) v = normal(rng);
  for (int f = 0; f < kReductionCount; ++f) {
    if (static_cast<Reduction>(f) == Reduction::kLogSumExp) continue;
    std::vector<std::vector<float>> results;
    for (Isa isa : UsableIsas()) {
      WithIsa with(isa);
      std::vector<float> y(60);
      ReduceRows(static_cast<Reduction>(f), x.data(), 100, 30, 97, y.data());
      ReduceColumns(static_cast<Reduction>(f), x.data(), 100, 30, 30, y.data() + 30);
      results.push_back(y);
    }
    for (const std::vector<float>& y : results) EXPECT_TRUE(SameBits(y, results[0])) << f;
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, ReduceTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
