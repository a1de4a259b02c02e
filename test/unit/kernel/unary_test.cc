// The vectorised functions of one element, on every instruction set that this CPU has.
#include "core/kernel/unary.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

constexpr UnaryParameters kAlpha = {0.75f, 0.25f};
constexpr UnaryParameters kSelu = {1.67326319217681884765625f, 1.05070102214813232421875f};
constexpr UnaryParameters kHard = {1.0f / 6, 0.5f};
constexpr UnaryParameters kOne = {1, 0};

struct Case {
  Unary f;
  UnaryParameters p;
  double ulps;
  float low = -120, high = 120;  // where that bound holds
};

// The bounds of core/kernel/unary.h.
const Case kCases[] = {
    {Unary::kAbs, kOne, 0},
    {Unary::kNeg, kOne, 0},
    {Unary::kSign, kOne, 0},
    {Unary::kFloor, kOne, 0},
    {Unary::kCeil, kOne, 0},
    {Unary::kRound, kOne, 0},
    {Unary::kSqrt, kOne, 0},
    {Unary::kReciprocal, kOne, 0},
    {Unary::kExp, kOne, 1.5},
    {Unary::kLog, kOne, 1.5},
    {Unary::kSin, kOne, 1.5},
    {Unary::kCos, kOne, 1.5},
    {Unary::kTanh, kOne, 1.5},
    {Unary::kErf, kOne, 1.5},
    {Unary::kRelu, kOne, 0},
    {Unary::kLeakyRelu, kAlpha, 0},
    {Unary::kThresholdedRelu, kAlpha, 0},
    {Unary::kElu, kAlpha, 2.5},
    {Unary::kCelu, kAlpha, 4},
    {Unary::kCelu, {-0.5f, 0}, 4, 0, 120},
    {Unary::kSelu, kSelu, 4},
    {Unary::kSigmoid, kOne, 2.5},
    {Unary::kHardSigmoid, kHard, 0},
    {Unary::kHardSwish, kHard, 0},
    {Unary::kSilu, kOne, 4},
    {Unary::kSilu, {1.5f, 0}, 4, -1, 120},
    {Unary::kSoftplus, kOne, 2.5},
    {Unary::kSoftsign, kOne, 0},
    {Unary::kMish, kOne, 4},
    {Unary::kGelu, kOne, 4, -1, 120},
    {Unary::kGeluTanh, kOne, 4, -1, 120},
    {Unary::kClip, {-1.5f, 2.25f}, 0},
};

// Dense in every binade of both signs.
std::vector<float> Grid() {
  std::vector<float> x;
  for (float v = 1e-6f; v < 120; v *= 1.0003f) {
    x.push_back(v);
    x.push_back(-v);
  }
  return x;
}

std::vector<float> Compute(const Case& c, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  ComputeUnary(c.f, c.p, x.data(), y.data(), static_cast<int64_t>(x.size()));
  return y;
}

using UnaryTest = IsaTest;

TEST(UnaryCases, EveryFunctionHasABound) {
  std::vector<bool> has(kUnaryCount);
  for (const Case& c : kCases) has[static_cast<size_t>(c.f)] = true;
  has[static_cast<size_t>(Unary::kGeluOfSteps)] = true;  // activation_test.cc
  for (size_t i = 0; i < has.size(); ++i) EXPECT_TRUE(has[i]) << i;
}

TEST_P(UnaryTest, FunctionsAreAccurate) {
  const std::vector<float> x = Grid();
  for (const Case& c : kCases) {
    const std::vector<float> y = Compute(c, x);
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i] < c.low || x[i] > c.high) continue;
      const double error = Ulps(y[i], UnaryInDouble(c.f, c.p, x[i]));
      if (!(error <= worst)) worst = error, at = x[i];
    }
    EXPECT_LE(worst, c.ulps) << "function " << static_cast<int>(c.f) << " at " << at;
    RecordProperty("ulps_" + std::to_string(static_cast<int>(c.f)), std::to_string(worst));
  }
}

TEST_P(UnaryTest, NegativeTailsOfGelu) {
  const std::vector<float> x = Grid();
  const std::vector<float> gelu = Compute({Unary::kGelu, kOne, 0}, x);
  const std::vector<float> tanh = Compute({Unary::kGeluTanh, kOne, 0}, x);
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] > -1) continue;
    const double size = std::fabs(static_cast<double>(x[i]));
    const double exact = UnaryInDouble(Unary::kGelu, kOne, x[i]);
    const double other = UnaryInDouble(Unary::kGeluTanh, kOne, x[i]);
    ASSERT_NEAR(gelu[i], exact, 1e-7 * size + 1e-37) << x[i];
    ASSERT_NEAR(tanh[i], other, 1e-7 * size + 1e-37) << x[i];
  }
}

TEST_P(UnaryTest, RangesBeyondTheGrid) {
  // exp from the subnormals to the end, log over all positive floats, sin and cos of large numbers.
  const auto worst = [](Unary f, const std::vector<float>& x) {
    const std::vector<float> y = Compute({f, kOne, 0}, x);
    double most = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      most = std::max(most, Ulps(y[i], UnaryInDouble(f, kOne, x[i]), 1.5e-45));
    }
    return most;
  };
  std::vector<float> x;
  for (float v = -103; v < 88.7f; v += 0.00173f) x.push_back(v);
  EXPECT_LE(worst(Unary::kExp, x), 1.5);
  x.clear();
  for (float v = 1e-45f; v < 3e38f; v = std::fmax(v * 1.0007f, v + 1e-45f)) x.push_back(v);
  EXPECT_LE(worst(Unary::kLog, x), 1.5);
  EXPECT_LE(worst(Unary::kSin, x), 1.5);
  EXPECT_LE(worst(Unary::kCos, x), 1.5);
  for (int k = 1; k < 300000; k += 7) {  // next to the zeros
    x.push_back(static_cast<float>(k * 1.57079632679489661923));
  }
  EXPECT_LE(worst(Unary::kSin, x), 1.5);
  EXPECT_LE(worst(Unary::kCos, x), 1.5);
}

TEST_P(UnaryTest, SpecialValues) {
  const std::vector<float> x = SpecialValues();
  for (const Case& c : kCases) {
    const std::vector<float> y = Compute(c, x);
    for (size_t i = 0; i < x.size(); ++i) {
      const float want = static_cast<float>(UnaryInDouble(c.f, c.p, x[i]));
      const std::string where = "function " + std::to_string(static_cast<int>(c.f)) + " of " +
                                std::to_string(x[i]) + ": " + std::to_string(y[i]);
      ASSERT_EQ(std::isnan(y[i]), std::isnan(want)) << where;
      if (std::isnan(want)) continue;
      if (std::isinf(want)) {
        EXPECT_EQ(y[i], want) << where;
      } else if (want == 0) {
        EXPECT_NEAR(y[i], want, 1e-38) << where;
        EXPECT_EQ(std::signbit(y[i]), std::signbit(want)) << where;
      } else if (x[i] >= -1) {
        EXPECT_LE(Ulps(y[i], static_cast<double>(want)), c.ulps + 1) << where;
      }
    }
  }
}

// All lengths, all addresses, in place, cut anywhere: the same bits, and nothing beyond is touched.
TEST_P(UnaryTest, AnElementDependsOnItselfOnly) {
  const std::vector<float> x = Normal(400, 4);
  for (const Case& c : kCases) {
    const std::vector<float> whole = Compute(c, x);
    for (int64_t n = 0; n <= 200; n += n < 70 ? 1 : 13) {
      const int64_t at = Uniform(0, 100), to = Uniform(0, 3);
      std::vector<float> y(static_cast<size_t>(n + to + 20), kCanary);
      ComputeUnary(c.f, c.p, x.data() + at, y.data() + to, n);
      for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
        const bool in = i >= to && i < to + n;
        ASSERT_TRUE(SameBits(y[static_cast<size_t>(i)],
                             in ? whole[static_cast<size_t>(at + i - to)] : kCanary))
            << "function " << static_cast<int>(c.f) << ", seed " << seed_;
      }
    }
    std::vector<float> in_place = x;
    ComputeUnary(c.f, c.p, in_place.data(), in_place.data(), 400);
    ASSERT_TRUE(SameBits(in_place, whole));
  }
}

TEST(UnaryBits, InstructionSetsThatFuseAgree) {
  if (!IsaSupported(Isa::kAvx512)) return;  // only one of them is here
  std::vector<float> x = Grid();
  for (float v : SpecialValues()) x.push_back(v);
  for (const Case& c : kCases) {
    std::vector<float> a, b;
    {
      WithIsa isa(Isa::kAvx2);
      a = Compute(c, x);
    }
    WithIsa isa(Isa::kAvx512);
    b = Compute(c, x);
    ASSERT_TRUE(SameBits(a, b)) << "function " << static_cast<int>(c.f);
  }
}

TEST_P(UnaryTest, Powers) {
  std::vector<float> x = SpecialValues();
  for (float v : Normal(300, 3)) x.push_back(v);
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<float> y(x.size()), want(x.size());
  for (double e : {2.0,
                   3.0,
                   7.0,
                   64.0,
                   0.0,
                   1.0,
                   -1.0,
                   -2.0,
                   -3.0,
                   0.5,
                   -0.5,
                   1.5,
                   2.5,
                   0.3,
                   -4.7,
                   1e-3,
                   99.0,
                   -99.0,
                   100.25,
                   1e9,
                   static_cast<double>(kInf),
                   static_cast<double>(kNaN)}) {
    ComputePower(x.data(), e, y.data(), n);
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = std::pow(static_cast<double>(x[i]), e);
      const double bound = std::fabs(exact) < 1.2e-38 ? 0.8 : 0.51;
      ASSERT_LE(Ulps(y[i], exact, 1.5e-45), bound) << x[i] << " ^ " << e << " = " << y[i];
      if (exact == 0) {
        ASSERT_EQ(std::signbit(y[i]), std::signbit(exact)) << x[i] << " ^ " << e;
      }
    }
    for (int64_t i = 0; i < n; i += 37) {
      float alone;
      ComputePower(&x[static_cast<size_t>(i)], e, &alone, 1);
      ASSERT_TRUE(SameBits(alone, y[static_cast<size_t>(i)]));
    }
  }
  std::vector<float> exponents = Normal(n, 5);
  for (size_t i = 0; i < x.size(); i += 3)
    exponents[i] = std::nearbyint(exponents[i]);  // of negative bases
  ComputePower(x.data(), exponents.data(), y.data(), n);
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::pow(static_cast<double>(x[i]), static_cast<double>(exponents[i]));
    const double bound = std::fabs(exact) < 1.2e-38 ? 0.8 : 0.51;
    ASSERT_LE(Ulps(y[i], exact, 1.5e-45), bound) << x[i] << " ^ " << exponents[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, UnaryTest, ::testing::ValuesIn(UsableIsas(Isa::kReference)),
                         NameOfIsa);

TEST(ForcedKernel, NamesAreThoseOfIsaName) {
  Isa isa = Isa::kAmx;
  EXPECT_FALSE(IsaOfName(nullptr, &isa));
  EXPECT_FALSE(IsaOfName("", &isa));
  EXPECT_FALSE(IsaOfName("avx1024", &isa));
  EXPECT_EQ(isa, Isa::kAmx);
  EXPECT_TRUE(IsaOfName("baseline", &isa));
  EXPECT_EQ(isa, Isa::kGeneric);
  for (Isa i : UsableIsas(Isa::kReference)) {
    EXPECT_TRUE(IsaOfName(IsaName(i), &isa));
    EXPECT_EQ(isa, i);
  }
  EXPECT_EQ(IsaOfName("avx512", &isa), IsaSupported(Isa::kAvx512));
}

}  // namespace
}  // namespace mosaic
