// Every function of one element, against its definition in double; extremes; types; attributes.
#include <cmath>
#include <functional>
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::NanSensitiveFloatEq;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Function {
  const char* name;
  std::function<double(double)> value;
  std::vector<float> at;
  std::vector<std::pair<const char*, float>> attributes;
};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double Gelu(double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }
double GeluTanh(double x) {
  return x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))) / 2;
}
double Within01(double x) { return std::fmin(1, std::fmax(0, x)); }

std::vector<Function> Functions() {
  const std::vector<float> any = {-8.25F, -2.5F, -1, -0.75F, -0.5F, -0.25F, 0,
                                  0.25F,  0.5F,  1,  1.5F,   2.75F, 9.5F};
  const std::vector<float> positive = {0.125F, 0.5F, 1, 2, 3.5F, 1000};
  const std::vector<float> unit = {-1, -0.75F, -0.25F, 0, 0.5F, 0.875F};
  return {
      {"Abs", [](double x) { return std::fabs(x); }, any, {}},
      {"Acos", [](double x) { return std::acos(x); }, unit, {}},
      {"Acosh", [](double x) { return std::acosh(x); }, {1, 1.5F, 20}, {}},
      {"Asin", [](double x) { return std::asin(x); }, unit, {}},
      {"Asinh", [](double x) { return std::asinh(x); }, any, {}},
      {"Atan", [](double x) { return std::atan(x); }, any, {}},
      {"Atanh", [](double x) { return std::atanh(x); }, {-0.75F, 0, 0.5F}, {}},
      {"Ceil", [](double x) { return std::ceil(x); }, any, {}},
      {"Celu",
       [](double x) { return x < 0 ? 2.5 * std::expm1(x / 2.5) : x; },
       any,
       {{"alpha", 2.5F}}},
      {"Cos", [](double x) { return std::cos(x); }, any, {}},
      {"Cosh", [](double x) { return std::cosh(x); }, any, {}},
      {"Elu", [](double x) { return x < 0 ? std::expm1(x) : x; }, any, {}},
      {"Elu", [](double x) { return x < 0 ? 2 * std::expm1(x) : x; }, any, {{"alpha", 2}}},
      {"Erf", [](double x) { return std::erf(x); }, any, {}},
      {"Exp", [](double x) { return std::exp(x); }, any, {}},
      {"Floor", [](double x) { return std::floor(x); }, any, {}},
      {"Gelu", Gelu, any, {}},
      {"HardSigmoid", [](double x) { return Within01(0.2 * x + 0.5); }, any, {}},
      {"HardSigmoid",
       [](double x) { return Within01(0.25 * x + 0.75); },
       any,
       {{"alpha", 0.25F}, {"beta", 0.75F}}},
      {"HardSwish", [](double x) { return x * Within01(x / 6 + 0.5); }, any, {}},
      {"LeakyRelu", [](double x) { return x < 0 ? 0.01 * x : x; }, any, {}},
      {"LeakyRelu", [](double x) { return x < 0 ? 0.5 * x : x; }, any, {{"alpha", 0.5F}}},
      {"Log", [](double x) { return std::log(x); }, positive, {}},
      {"Mish", [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }, any, {}},
      {"Neg", [](double x) { return -x; }, any, {}},
      {"Reciprocal", [](double x) { return 1 / x; }, positive, {}},
      {"Relu", [](double x) { return std::fmax(x, 0); }, any, {}},
      {"Round", [](double x) { return std::nearbyint(x); }, any, {}},
      {"Selu",
       [](double x) {
         return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x));
       },
       any,
       {}},
      {"Selu",
       [](double x) { return 3 * (x > 0 ? x : 2 * std::expm1(x)); },
       any,
       {{"alpha", 2}, {"gamma", 3}}},
      {"Shrink", [](double x) { return x < -0.5  ? x
                                       : x > 0.5 ? x
                                                 : 0; }, any, {}},
      {"Shrink",
       [](double x) { return x < -1  ? x + 1.5
                             : x > 1 ? x - 1.5
                                     : 0; },
       any,
       {{"lambd", 1}, {"bias", 1.5F}}},
      {"Sigmoid", Sigmoid, any, {}},
      {"Sign", [](double x) { return x < 0   ? -1
                                     : x > 0 ? 1
                                             : 0; }, any, {}},
      {"Sin", [](double x) { return std::sin(x); }, any, {}},
      {"Sinh", [](double x) { return std::sinh(x); }, any, {}},
      {"Softplus", [](double x) { return std::log1p(std::exp(x)); }, any, {}},
      {"Softsign", [](double x) { return x / (1 + std::fabs(x)); }, any, {}},
      {"Sqrt", [](double x) { return std::sqrt(x); }, positive, {}},
      {"Swish", [](double x) { return x * Sigmoid(x); }, any, {}},
      {"Swish", [](double x) { return x * Sigmoid(1.5 * x); }, any, {{"alpha", 1.5F}}},
      {"Tan", [](double x) { return std::tan(x); }, any, {}},
      {"Tanh", [](double x) { return std::tanh(x); }, any, {}},
      {"ThresholdedRelu", [](double x) { return x > 1 ? x : 0; }, any, {}},
      {"ThresholdedRelu", [](double x) { return x > 1.5 ? x : 0; }, any, {{"alpha", 1.5F}}},
  };
}

template <typename T>
void ExpectFunction(const Function& f, double relative, double absolute) {
  OpCall call(f.name);
  for (const auto& [name, value] : f.attributes) call.Float(name, value);
  std::vector<ComputeType<T>> at(f.at.begin(), f.at.end());
  const int64_t n = static_cast<int64_t>(at.size());
  ASSERT_OK(call.In<T>({n}, at).Run());
  const auto y = call.values<T>();
  ASSERT_EQ(y.size(), at.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const double want = f.value(static_cast<double>(at[i]));
    EXPECT_NEAR(static_cast<double>(y[i]), want, relative * std::fabs(want) + absolute)
        << f.name << "(" << at[i] << ")";
  }
}

TEST(UnaryTest, FunctionsInEveryFloatingPointType) {
  for (const Function& f : Functions()) {
    ExpectFunction<float>(f, 2e-6, 1e-7);
    ExpectFunction<double>(f, 1e-7, 1e-7);  // attributes are float32
    ExpectFunction<Float16>(f, 1e-3, 6e-5);
    ExpectFunction<BFloat16>(f, 8e-3, 1e-7);
  }
}

TEST(UnaryTest, GeluByTanh) {
  ExpectFunction<float>({"Gelu", Gelu, {-3, -1, 0, 0.5F, 2}, {}}, 1e-6, 1e-7);
  OpCall tanh("Gelu");
  ASSERT_OK(tanh.String("approximate", "tanh").In({3}, {-2, 0.5F, 3}).Run());
  EXPECT_NEAR(tanh.values()[0], GeluTanh(-2), 1e-7);
  EXPECT_NEAR(tanh.values()[1], GeluTanh(0.5), 1e-7);
  EXPECT_NEAR(tanh.values()[2], GeluTanh(3), 1e-6);
  EXPECT_GT(std::fabs(GeluTanh(-2) - Gelu(-2)), 1e-5);  // the two differ
  EXPECT_REFUSED(OpCall("Gelu").String("approximate", "fast").In({1}, {1}).Make(),
                 MOSAIC_E_BAD_MODEL, "approximate must be");
}

TEST(UnaryTest, ExtremesStayFinite) {
  OpCall sigmoid("Sigmoid"), softplus("Softplus"), sign("Sign"), elu("Elu"), mish("Mish"),
      swish("Swish");
  ASSERT_OK(sigmoid.In({3}, {-200, 0, 200}).Run());
  EXPECT_THAT(sigmoid.values(), ElementsAre(FloatEq(0), 0.5F, 1));
  ASSERT_OK(softplus.In({3}, {-200, 0, 200}).Run());
  EXPECT_THAT(softplus.values(), ElementsAre(FloatEq(0), FloatEq(std::log(2.0F)), 200));
  ASSERT_OK(sign.In({4}, {-3, 0, 3, kNaN}).Run());
  EXPECT_THAT(sign.values(), ElementsAre(-1, 0, 1, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(elu.Float("alpha", 2).In({2}, {-1e-6F, 3}).Run());
  EXPECT_THAT(elu.values(), ElementsAre(FloatEq(-2e-6F), 3));
  ASSERT_OK(mish.In({3}, {-200, 200, kNaN}).Run());
  EXPECT_THAT(mish.values(), ElementsAre(FloatEq(0), 200, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(swish.In({3}, {-200, 200, kNaN}).Run());
  EXPECT_THAT(swish.values(), ElementsAre(FloatEq(0), 200, NanSensitiveFloatEq(kNaN)));
}

TEST(UnaryTest, Integers) {
  OpCall relu("Relu"), shrink("Shrink"), round("Round");
  ASSERT_OK(relu.In<int16_t>({3}, {-5, 0, 5}).Run());
  EXPECT_THAT(relu.values<int16_t>(), ElementsAre(0, 0, 5));
  ASSERT_OK(shrink.Float("lambd", 1.5F).Float("bias", 1).In<int8_t>({4}, {-4, -1, 1, 2}).Run());
  EXPECT_THAT(shrink.values<int8_t>(), ElementsAre(-3, 0, 0, 1));
  ASSERT_OK(round.In({5}, {0.5F, 1.5F, 2.5F, -0.5F, -1.5F}).Run());
  EXPECT_THAT(round.values(), ElementsAre(0, 2, 2, 0, -2));
}

TEST(UnaryTest, TestsOfFloats) {
  OpCall nan("IsNaN"), inf("IsInf"), negative("IsInf"), half("IsInf");
  ASSERT_OK(nan.In({4}, {1, kNaN, kInf, -kInf}).Run());
  EXPECT_THAT(nan.values<Bool>(), ElementsAre(false, true, false, false));
  ASSERT_OK(inf.In({4}, {1, kNaN, kInf, -kInf}).Run());
  EXPECT_THAT(inf.values<Bool>(), ElementsAre(false, false, true, true));
  ASSERT_OK(negative.Int("detect_positive", 0).In<double>({3}, {1, -INFINITY, INFINITY}).Run());
  EXPECT_THAT(negative.values<Bool>(), ElementsAre(false, true, false));
  ASSERT_OK(half.Int("detect_negative", 0).In<Float16>({3}, {65504, -kInf, kInf}).Run());
  EXPECT_THAT(half.values<Bool>(), ElementsAre(false, false, true));
}

TEST(UnaryTest, TypesThatTheyDoNotHave) {
  EXPECT_REFUSED(OpCall("Sqrt").In<int32_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "int32");
  EXPECT_REFUSED(OpCall("Neg").In<uint8_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "uint8");
  EXPECT_REFUSED(OpCall("IsNaN").In<int8_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "int8");
}

TEST(ThresholdedReluTest, NaNIsNotAbove) {
  OpCall call("ThresholdedRelu");
  ASSERT_OK(call.In({3}, {kNaN, 2, 0.5F}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 2, 0));
}

}  // namespace
}  // namespace mosaic
