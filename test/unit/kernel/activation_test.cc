// The vectorised activations, on every instruction set that this CPU has.
#include "core/kernel/activation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernel/fast/isa.h"

namespace mosaic {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class ActivationFastTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    before_ = ActiveIsa(MOSAIC_BFLOAT16);  // the highest in use
    SetIsa(GetParam());
    seed_ = std::random_device()();
    rng_.seed(seed_);
    RecordProperty("seed", std::to_string(seed_));
  }
  void TearDown() override { SetIsa(before_); }

  Isa before_ = Isa::kGeneric;
  unsigned seed_ = 0;
  std::mt19937 rng_;
};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Gelu(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }

TEST_P(ActivationFastTest, ActivationsAreAccurate) {
  struct {
    Activation f;
    double (*want)(double);
    double ulps;
  } const cases[] = {{Activation::kSigmoid, Sigmoid, 2.5},
                     {Activation::kTanh, [](double v) { return std::tanh(v); }, 1.5},
                     {Activation::kErf, [](double v) { return std::erf(v); }, 1.5}};
  std::vector<float> x;
  for (float v = 1e-6f; v < 120; v *= 1.00002f) {
    x.push_back(v);
    x.push_back(-v);
  }
  std::vector<float> y(x.size());
  for (const auto& c : cases) {
    Activate(c.f, x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double want = c.want(x[i]);
      const float w = static_cast<float>(want);
      const double ulp = std::max(
          1e-38, std::fabs(static_cast<double>(std::nextafter(std::fabs(w), kInf) - std::fabs(w))));
      const double error = std::fabs(y[i] - want) / ulp;
      if (!(error <= worst)) worst = error, at = x[i];
    }
    EXPECT_LE(worst, c.ulps) << "activation " << static_cast<int>(c.f) << " at " << at;
    RecordProperty("ulps_" + std::to_string(static_cast<int>(c.f)), std::to_string(worst));
  }
  Activate(Activation::kGelu, x.data(), y.data(), static_cast<int64_t>(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    ASSERT_NEAR(y[i], Gelu(x[i]), 2.5e-7 * std::fabs(x[i])) << x[i];
  }
}

TEST_P(ActivationFastTest, ActivationsOfSpecialValues) {
  const auto f = [](Activation function, float x) {
    Activate(function, &x, &x, 1);
    return x;
  };
  for (Activation a : {Activation::kRelu, Activation::kSigmoid, Activation::kTanh, Activation::kErf,
                       Activation::kGelu}) {
    EXPECT_TRUE(std::isnan(f(a, kNaN)));
    EXPECT_TRUE(std::isnan(f(a, -kNaN)));
  }
  EXPECT_EQ(f(Activation::kRelu, kInf), kInf);
  EXPECT_EQ(f(Activation::kRelu, -kInf), 0);
  EXPECT_EQ(f(Activation::kSigmoid, kInf), 1);
  EXPECT_EQ(f(Activation::kSigmoid, -kInf), 0);
  EXPECT_EQ(f(Activation::kSigmoid, 0), 0.5f);
  EXPECT_EQ(f(Activation::kTanh, kInf), 1);
  EXPECT_EQ(f(Activation::kTanh, -kInf), -1);
  EXPECT_TRUE(std::signbit(f(Activation::kTanh, -0.0f)));
  EXPECT_EQ(f(Activation::kErf, kInf), 1);
  EXPECT_EQ(f(Activation::kErf, -kInf), -1);
  EXPECT_TRUE(std::signbit(f(Activation::kErf, -0.0f)));
  EXPECT_EQ(f(Activation::kGelu, kInf), kInf);
}

TEST_P(ActivationFastTest, ActivationDependsOnNothingButItsArgument) {
  std::vector<float> x(100), y(100);
  for (float& v : x) v = std::normal_distribution<float>(0, 3)(rng_);
  for (Activation f :
       {Activation::kSigmoid, Activation::kTanh, Activation::kErf, Activation::kGelu}) {
    Activate(f, x.data(), y.data(), 100);
    for (size_t i = 0; i < 100; ++i) {
      float alone;
      Activate(f, &x[i], &alone, 1);
      ASSERT_EQ(alone, y[i]) << "seed " << seed_;
    }
  }
}

// The others compute with the best of these.
std::vector<Isa> UsableIsas() {
  std::vector<Isa> usable;
  for (Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512}) {
    if (IsaSupported(isa)) usable.push_back(isa);
  }
  return usable;
}

INSTANTIATE_TEST_SUITE_P(Isas, ActivationFastTest, ::testing::ValuesIn(UsableIsas()),
                         [](const auto& p) { return std::string(IsaName(p.param)); });

}  // namespace
}  // namespace mosaic
