// Add, Sub, Mul, Div, Pow, Min, Max, comparisons, logic, Where, Clip, Cast, unary operators.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::NanSensitiveFloatEq;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(ElementwiseTest, BroadcastsBothWays) {
  OpCall call("Sub");
  call.In({2, 1, 3}, {1, 2, 3, 4, 5, 6}).In({2, 1}, {10, 20});
  ASSERT_OK(call.Run());
  EXPECT_EQ(call.shape(), (Shape{2, 2, 3}));
  EXPECT_THAT(call.values(), ElementsAre(-9, -8, -7, -19, -18, -17, -6, -5, -4, -16, -15, -14));
}

TEST(ElementwiseTest, BroadcastsScalarsAndEmptyTensors) {
  OpCall scalar("Add");
  scalar.In({}, {1}).In({}, {2});
  ASSERT_OK(scalar.Run());
  EXPECT_EQ(scalar.shape(), Shape{});
  EXPECT_THAT(scalar.values(), ElementsAre(3));

  OpCall empty("Add");
  empty.In({0, 3}, {1}).In({1}, {2});
  ASSERT_OK(empty.Run());
  EXPECT_EQ(empty.shape(), (Shape{0, 3}));
}

TEST(ElementwiseTest, EveryRangeAgreesWithPlainBroadcasting) {
  std::mt19937 random(20240611);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE("seed 20240611, round " + std::to_string(round));
    Shape out, a, b;
    for (int d = 0; d < 4; ++d) {
      out.push_back(std::uniform_int_distribution<int64_t>(1, 4)(random));
      a.push_back(random() % 2 ? out.back() : 1);
      b.push_back(a.back() == 1 || random() % 2 ? out.back() : 1);
    }
    b.erase(b.begin(), b.begin() + static_cast<int>(random() % 2) * (a[0] == out[0]));
    std::vector<float> va, vb;
    for (int i = 0; i < 256; ++i) va.push_back(static_cast<float>(i)), vb.push_back(1000.0F * i);
    OpCall call("Add");
    call.In(a, va).In(b, vb);
    ASSERT_OK(call.Run());
    ASSERT_EQ(call.shape(), out);
    const std::vector<float> y = call.values();
    for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
      int64_t rest = i, ia = 0, ib = 0, step_a = 1, step_b = 1;
      for (size_t d = 4; d-- > 0; rest /= out[d]) {
        const int64_t x = rest % out[d];
        ia += (a[d] == 1 ? 0 : x) * step_a;
        step_a *= a[d];
        if (d + b.size() < 4) continue;
        const int64_t dim = b[d + b.size() - 4];
        ib += (dim == 1 ? 0 : x) * step_b;
        step_b *= dim;
      }
      ASSERT_EQ(y[static_cast<size_t>(i)],
                va[static_cast<size_t>(ia)] + vb[static_cast<size_t>(ib)]);
    }
  }
}

TEST(ElementwiseTest, RefusesWhatDoesNotFit) {
  EXPECT_REFUSED(OpCall("Add").In({2, 3}, {1}).In({2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "shapes [2, 3] and [2] cannot be broadcast");
  EXPECT_REFUSED(OpCall("Add").In({2}, {1}).In<int64_t>({2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "float32 and int64");
  EXPECT_REFUSED(OpCall("Add").In<Bool>({2}, {true}).In<Bool>({2}, {true}).Run(),
                 MOSAIC_E_UNSUPPORTED, "bool");
  EXPECT_REFUSED(OpCall("Add").In({2}, {1}).Make(), MOSAIC_E_BAD_MODEL, "takes 2 inputs, has 1");
  EXPECT_REFUSED(OpCall("Add").In({2}, {1}).Omitted().Make(), MOSAIC_E_BAD_MODEL, "takes 2");
  EXPECT_REFUSED(OpCall("Add").In({1 << 16, 1}, {1}).In({1, 1 << 17}, {1}).Run(), MOSAIC_E_LIMIT,
                 "[65536, 131072]");
}

TEST(ArithmeticTest, IntegersWrapAndNeverTrap) {
  const int32_t low = std::numeric_limits<int32_t>::min();
  OpCall add("Add"), div("Div"), mul("Mul"), neg("Neg"), abs("Abs");
  ASSERT_OK(add.In<int32_t>({1}, {low}).In<int32_t>({1}, {-1}).Run());
  EXPECT_THAT(add.values<int32_t>(), ElementsAre(std::numeric_limits<int32_t>::max()));
  ASSERT_OK(div.In<int32_t>({3}, {low, 7, -7}).In<int32_t>({3}, {-1, 2, 2}).Run());
  EXPECT_THAT(div.values<int32_t>(), ElementsAre(low, 3, -3));
  ASSERT_OK(mul.In<uint16_t>({1}, {65535}).In<uint16_t>({1}, {65535}).Run());
  EXPECT_THAT(mul.values<uint16_t>(), ElementsAre(1));
  ASSERT_OK(neg.In<int8_t>({2}, {-128, 5}).Run());
  EXPECT_THAT(neg.values<int8_t>(), ElementsAre(-128, -5));
  ASSERT_OK(abs.In<int64_t>({1}, {std::numeric_limits<int64_t>::min()}).Run());
  EXPECT_THAT(abs.values<int64_t>(), ElementsAre(std::numeric_limits<int64_t>::min()));
}

TEST(ArithmeticTest, DivisionByZero) {
  EXPECT_REFUSED(OpCall("Div").In<int64_t>({2}, {1, 2}).In<int64_t>({2}, {1, 0}).Run(),
                 MOSAIC_E_INVALID, "integer division by zero");
  OpCall nothing("Div"), real("Div");
  EXPECT_TRUE(nothing.In<int64_t>({0}, {1}).In<int64_t>({1}, {0}).Run().ok());
  ASSERT_OK(real.In({3}, {1, -1, 0}).In({1}, {0}).Run());
  EXPECT_THAT(real.values(), ElementsAre(kInf, -kInf, NanSensitiveFloatEq(kNaN)));
}

TEST(ArithmeticTest, HalfPrecisionRoundsOnce) {
  OpCall half("Add"), brain("Mul");
  ASSERT_OK(half.In<Float16>({1}, {2048}).In<Float16>({1}, {1}).Run());
  EXPECT_THAT(half.values<Float16>(), ElementsAre(2048));  // 2049 is no float16: ties to even
  ASSERT_OK(brain.In<BFloat16>({1}, {3}).In<BFloat16>({1}, {1.5F}).Run());
  EXPECT_THAT(brain.values<BFloat16>(), ElementsAre(4.5F));
}

TEST(PowTest, TypesMix) {
  OpCall same("Pow"), mixed("Pow"), saturates("Pow");
  ASSERT_OK(same.In<int64_t>({5}, {3, -1, -1, 2, 0}).In<int64_t>({5}, {39, -3, -2, -1, 0}).Run());
  EXPECT_THAT(same.values<int64_t>(), ElementsAre(4052555153018976267, -1, 1, 0, 1));
  ASSERT_OK(mixed.In<int32_t>({2}, {2, 9}).In({2}, {3, 0.5F}).Run());
  EXPECT_THAT(mixed.values<int32_t>(), ElementsAre(8, 3));
  ASSERT_OK(saturates.In<int32_t>({1}, {10}).In<int64_t>({1}, {30}).Run());
  EXPECT_THAT(saturates.values<int32_t>(), ElementsAre(std::numeric_limits<int32_t>::max()));
}

TEST(MinMaxTest, AnyNumberOfInputsAndNaNWins) {
  OpCall one("Max"), three("Max"), min("Min");
  ASSERT_OK(one.In({2}, {1, 2}).Run());
  EXPECT_THAT(one.values(), ElementsAre(1, 2));
  ASSERT_OK(three.In({2, 1}, {1, 5}).In({3}, {0, 3, kNaN}).In({}, {2}).Run());
  EXPECT_THAT(three.values(),
              ElementsAre(2, 3, NanSensitiveFloatEq(kNaN), 5, 5, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(min.In<uint64_t>({2}, {1, ~0ULL}).In<uint64_t>({1}, {7}).Run());
  EXPECT_THAT(min.values<uint64_t>(), ElementsAre(1, 7));
}

TEST(ComparisonTest, GivesBool) {
  OpCall less("LessOrEqual"), equal("Equal", 9);
  ASSERT_OK(less.In({4}, {1, 2, 3, kNaN}).In({1}, {2}).Run());
  EXPECT_THAT(less.values<Bool>(), ElementsAre(true, true, false, false));
  ASSERT_OK(equal.In<Bool>({2}, {true, false}).In<Bool>({1}, {false}).Run());
  EXPECT_THAT(equal.values<Bool>(), ElementsAre(false, true));
  EXPECT_EQ(FindOp("LessOrEqual", 11), nullptr);
}

TEST(LogicalTest, AnyNonZeroByteIsTrue) {
  const uint8_t bytes[] = {0, 1, 2, 255};
  OpCall call("Not");
  ASSERT_OK(call.In(Tensor::Borrow(MOSAIC_BOOL, {4}, bytes)).Run());
  EXPECT_THAT(call.values<Bool>(), ElementsAre(true, false, false, false));
  OpCall both("And");
  ASSERT_OK(both.In(Tensor::Borrow(MOSAIC_BOOL, {4}, bytes)).In<Bool>({}, {true}).Run());
  EXPECT_THAT(both.values<Bool>(), ElementsAre(false, true, true, true));
}

TEST(WhereTest, BroadcastsThree) {
  OpCall call("Where", 9);
  ASSERT_OK(call.In<Bool>({2, 1}, {true, false}).In({3}, {1, 2, 3}).In({}, {9}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 3}));
  EXPECT_THAT(call.values(), ElementsAre(1, 2, 3, 9, 9, 9));
}

TEST(ClipTest, BoundsAsAttributesAndAsInputs) {
  OpCall attributes("Clip", 9), inputs("Clip", 11), open("Clip", 13);
  ASSERT_OK(attributes.Float("min", 0).Float("max", 6).In({3}, {-1, 3, 8}).Run());
  EXPECT_THAT(attributes.values(), ElementsAre(0, 3, 6));
  ASSERT_OK(inputs.In({4}, {-1, 3, 8, kNaN}).Omitted().In({}, {6}).Run());
  EXPECT_THAT(inputs.values(), ElementsAre(-1, 3, 6, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(open.In<int8_t>({2}, {-100, 100}).Run());
  EXPECT_THAT(open.values<int8_t>(), ElementsAre(-100, 100));
  EXPECT_REFUSED(OpCall("Clip", 9).In({1}, {1}).In({}, {0}).Make(), MOSAIC_E_BAD_MODEL, "inputs");
  EXPECT_REFUSED(OpCall("Clip", 13).In({1}, {1}).In({2}, {0}).Run(), MOSAIC_E_BAD_MODEL, "scalar");
}

TEST(CastTest, EveryConversionIsDefined) {
  OpCall to_int("Cast"), wraps("Cast"), to_bool("Cast"), half("Cast"), back("Cast");
  ASSERT_OK(to_int.Int("to", MOSAIC_INT32).In({5}, {-1.9F, 2.9F, 3e9F, -kInf, kNaN}).Run());
  EXPECT_THAT(to_int.values<int32_t>(), ElementsAre(-1, 2, std::numeric_limits<int32_t>::max(),
                                                    std::numeric_limits<int32_t>::min(), 0));
  ASSERT_OK(wraps.Int("to", MOSAIC_UINT8).In<int64_t>({2}, {-1, 257}).Run());
  EXPECT_THAT(wraps.values<uint8_t>(), ElementsAre(255, 1));
  ASSERT_OK(to_bool.Int("to", MOSAIC_BOOL).In({3}, {0, -0.5F, kNaN}).Run());
  EXPECT_THAT(to_bool.values<Bool>(), ElementsAre(false, true, true));
  ASSERT_OK(half.Int("to", MOSAIC_FLOAT16).In<double>({1}, {0.1}).Run());
  EXPECT_THAT(half.values<Float16>(), ElementsAre(FloatEq(0.0999755859375F)));
  ASSERT_OK(back.Int("to", MOSAIC_UINT64).In<double>({2}, {1e30, -5}).Run());
  EXPECT_THAT(back.values<uint64_t>(), ElementsAre(~0ULL, 0));
  EXPECT_REFUSED(OpCall("Cast").Int("to", 8).In({1}, {1}).Make(), MOSAIC_E_UNSUPPORTED, "type 8");
  EXPECT_REFUSED(OpCall("Cast").In({1}, {1}).Make(), MOSAIC_E_UNSUPPORTED, "type 0");
}

TEST(UnaryTest, ExtremesStayFinite) {
  OpCall sigmoid("Sigmoid"), softplus("Softplus"), sign("Sign"), elu("Elu");
  ASSERT_OK(sigmoid.In({3}, {-200, 0, 200}).Run());
  EXPECT_THAT(sigmoid.values(), ElementsAre(FloatEq(0), 0.5F, 1));
  ASSERT_OK(softplus.In({3}, {-200, 0, 200}).Run());
  EXPECT_THAT(softplus.values(), ElementsAre(FloatEq(0), FloatEq(std::log(2.0F)), 200));
  ASSERT_OK(sign.In({4}, {-3, 0, 3, kNaN}).Run());
  EXPECT_THAT(sign.values(), ElementsAre(-1, 0, 1, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(elu.Float("alpha", 2).In({2}, {-1e-6F, 3}).Run());
  EXPECT_THAT(elu.values(), ElementsAre(FloatEq(-2e-6F), 3));
}

TEST(UnaryTest, TypesThatTheyDoNotHave) {
  EXPECT_REFUSED(OpCall("Sqrt").In<int32_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "int32");
  EXPECT_REFUSED(OpCall("Neg").In<uint8_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "uint8");
}

TEST(ItemRuleTest, Elementwise) {
  const auto rule = [](Shape a, Shape b, const std::vector<size_t>& batched) {
    OpCall call("Add");
    EXPECT_TRUE(call.In(a, {1}).In(b, {1}).Prepare().ok());
    return call.Items(batched, a[0]);
  };
  EXPECT_EQ(rule({4, 3}, {4, 3}, {0, 1}), ItemRule::kIndependent);
  EXPECT_EQ(rule({4, 3}, {3}, {0}), ItemRule::kIndependent);
  EXPECT_EQ(rule({4, 3}, {1, 3}, {0}), ItemRule::kIndependent);
  EXPECT_EQ(rule({4, 3}, {}, {0}), ItemRule::kIndependent);
  // A constant of as many rows as there happen to be items.
  EXPECT_EQ(rule({4, 3}, {4, 3}, {0}), ItemRule::kMixes);
  // Items that meet along dimension 1.
  EXPECT_EQ(rule({4}, {4, 4}, {0, 1}), ItemRule::kMixes);
  EXPECT_EQ(rule({4, 3}, {2, 4, 3}, {0}), ItemRule::kMixes);
}

}  // namespace
}  // namespace mosaic
