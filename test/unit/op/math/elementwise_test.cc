// Add, Sub, Mul, Div, Mod, Pow, Min, Max, Sum, Mean, comparisons, logic, bits, Where, Clip, PRelu.
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
    if (random() % 2 && a[0] == out[0]) b.erase(b.begin());
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
  OpCall exact("Pow");  // more digits than float32 has
  ASSERT_OK(exact.In<int64_t>({2}, {3, 16777217}).In({2}, {20, 1}).Run());
  EXPECT_THAT(exact.values<int64_t>(), ElementsAre(3486784401, 16777217));
}

// One exponent for all: whole ones and 1/2 are products and roots, nearer to the exact power than
// std::pow, which they follow where there is none.
TEST(PowTest, OneExponentInDouble) {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> bases = {0.0, -0.0,   infinity, -infinity, std::nan(""), 1,
                               -1,  5e-324, -5e-324,  1.7e308,   -1.7e308};
  std::mt19937 random(20241128);
  for (int i = 0; i < 20000; ++i) {
    const double x = std::ldexp(std::uniform_real_distribution<double>(1, 2)(random),
                                static_cast<int>(random() % 41) - 20);
    bases.push_back(random() % 2 ? x : -x);
  }
  const int64_t n = static_cast<int64_t>(bases.size());
  for (const double e :
       {2.0, 3.0, -1.0, -2.0, 0.0, 1.0, 5.0, 7.0, 13.0, 31.0, -31.0, 64.0, 0.5, 65.0, 2.5}) {
    OpCall call("Pow");
    ASSERT_OK(call.In<double>({n}, bases).In<double>({}, {e}).Run());
    const std::vector<double> got = call.values<double>();
    const double bound = e == 2.5 || e > 64  ? 1
                         : std::fabs(e) <= 7 ? 0.502
                                             : 0.52;  // of std::pow 0.503
    for (size_t i = 0; i < bases.size(); ++i) {
      const double want = std::pow(bases[i], e);
      if (std::isnan(want) || std::isinf(want) || want == 0 || i < 11) {
        EXPECT_TRUE(std::isnan(want) ? std::isnan(got[i])
                                     : got[i] == want && std::signbit(got[i]) == std::signbit(want))
            << bases[i] << " ^ " << e << " is " << got[i] << ", not " << want;
        continue;
      }
      const long double power =
          std::pow(static_cast<long double>(bases[i]), static_cast<long double>(e));
      const double ulp = std::max(std::ldexp(1.0, std::ilogb(want) - 52), 5e-324);
      ASSERT_LE(std::fabs(static_cast<double>((static_cast<long double>(got[i]) - power) / ulp)),
                bound)
          << bases[i] << " ^ " << e;
    }
  }
}

// Of 16 bits by way of float32, rounded once more.
TEST(PowTest, OneExponentInSixteenBits) {
  std::vector<float> bases = {0.0F, -0.0F, kInf, -kInf, kNaN};
  for (int i = 0; i < 600; ++i) bases.push_back(0.013F * static_cast<float>(i - 300));
  const int64_t n = static_cast<int64_t>(bases.size());
  for (const double e : {2.0, 3.0, 0.5, -1.0, 1.7}) {
    const auto check = [&](auto type, const std::vector<float>& got, auto round) {
      for (size_t i = 0; i < bases.size(); ++i) {
        const float x = round(bases[i]),
                    want = round(static_cast<float>(std::pow(static_cast<double>(x), e)));
        EXPECT_TRUE(std::isnan(want) ? std::isnan(got[i]) : got[i] == want)
            << type << ": " << x << " ^ " << e << " is " << got[i];
      }
    };
    OpCall half("Pow"), brain("Pow");
    ASSERT_OK(half.In<Float16>({n}, bases).In<double>({}, {e}).Run());
    check("float16", half.values<Float16>(),
          [](float v) { return Float16ToFloat(FloatToFloat16(v)); });
    ASSERT_OK(brain.In<BFloat16>({n}, bases).In<double>({}, {e}).Run());
    check("bfloat16", brain.values<BFloat16>(),
          [](float v) { return BFloat16ToFloat(FloatToBFloat16(v)); });
  }
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
  OpCall less("LessOrEqual"), equal("Equal");
  ASSERT_OK(less.In({4}, {1, 2, 3, kNaN}).In({1}, {2}).Run());
  EXPECT_THAT(less.values<Bool>(), ElementsAre(true, true, false, false));
  ASSERT_OK(equal.In<Bool>({2}, {true, false}).In<Bool>({1}, {false}).Run());
  EXPECT_THAT(equal.values<Bool>(), ElementsAre(false, true));
  OpCall strings("Equal");
  ASSERT_OK(strings.Strings({3}, {"a", "", "ab"}).Strings({1}, {"a"}).Run());
  EXPECT_THAT(strings.values<Bool>(), ElementsAre(true, false, false));
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
  OpCall call("Where");
  ASSERT_OK(call.In<Bool>({2, 1}, {true, false}).In({3}, {1, 2, 3}).In({}, {9}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 3}));
  EXPECT_THAT(call.values(), ElementsAre(1, 2, 3, 9, 9, 9));
}

TEST(WhereTest, StringsAndRefusals) {
  OpCall call("Where");
  ASSERT_OK(call.In<Bool>({2}, {true, false}).Strings({1}, {"a"}).Strings({2}, {"b", "c"}).Run());
  EXPECT_THAT(call.strings(), ElementsAre("a", "c"));
  EXPECT_REFUSED(OpCall("Where").In({1}, {1}).In({1}, {1}).In({1}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "a condition of type float32");
  EXPECT_REFUSED(OpCall("Where").In<Bool>({1}, {true}).In({1}, {1}).In<int8_t>({1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "different types");
}

TEST(ClipTest, Bounds) {
  OpCall inputs("Clip"), open("Clip"), crossed("Clip");
  ASSERT_OK(inputs.In({4}, {-1, 3, 8, kNaN}).Omitted().In({}, {6}).Run());
  EXPECT_THAT(inputs.values(), ElementsAre(-1, 3, 6, NanSensitiveFloatEq(kNaN)));
  ASSERT_OK(open.In<int8_t>({2}, {-100, 100}).Run());
  EXPECT_THAT(open.values<int8_t>(), ElementsAre(-100, 100));
  ASSERT_OK(crossed.In({3}, {0, 5, 9}).In({}, {7}).In({1}, {4}).Run());
  EXPECT_THAT(crossed.values(), ElementsAre(4, 4, 4));
  EXPECT_REFUSED(OpCall("Clip").In({1}, {1}).In({2}, {0}).Run(), MOSAIC_E_BAD_MODEL, "scalar");
  EXPECT_REFUSED(OpCall("Clip").In({1}, {1}).In<int8_t>({}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "different types");
}

TEST(UnaryTest, TypesThatTheyDoNotHave) {
  EXPECT_REFUSED(OpCall("Sqrt").In<int32_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "int32");
  EXPECT_REFUSED(OpCall("Neg").In<uint8_t>({1}, {4}).Run(), MOSAIC_E_UNSUPPORTED, "uint8");
}

TEST(ModTest, SignsAndZero) {
  OpCall python("Mod"), c("Mod"), real("Mod"), lowest("Mod");
  ASSERT_OK(python.In<int32_t>({4}, {-7, 7, -7, 7}).In<int32_t>({4}, {3, -3, -3, 3}).Run());
  EXPECT_THAT(python.values<int32_t>(), ElementsAre(2, -2, -1, 1));
  ASSERT_OK(
      c.Int("fmod", 1).In<int32_t>({4}, {-7, 7, -7, 7}).In<int32_t>({4}, {3, -3, -3, 3}).Run());
  EXPECT_THAT(c.values<int32_t>(), ElementsAre(-1, 1, -1, 1));
  ASSERT_OK(real.Int("fmod", 1).In({2}, {-7.5F, 1}).In({2}, {2, 0}).Run());
  EXPECT_THAT(real.values(), ElementsAre(-1.5F, NanSensitiveFloatEq(kNaN)));
  const int64_t low = std::numeric_limits<int64_t>::min();
  ASSERT_OK(lowest.In<int64_t>({1}, {low}).In<int64_t>({1}, {-1}).Run());
  EXPECT_THAT(lowest.values<int64_t>(), ElementsAre(0));
  EXPECT_REFUSED(OpCall("Mod").In<uint8_t>({1}, {1}).In<uint8_t>({1}, {0}).Run(), MOSAIC_E_INVALID,
                 "integer division by zero");
  EXPECT_REFUSED(OpCall("Mod").In({1}, {1}).In({1}, {1}).Run(), MOSAIC_E_BAD_MODEL, "fmod = 1");
}

TEST(BitwiseTest, ShiftsAndLogic) {
  OpCall left("BitShift"), right("BitShift"), both("BitwiseAnd"), either("BitwiseOr"),
      differ("BitwiseXor"), invert("BitwiseNot");
  ASSERT_OK(left.String("direction", "LEFT")
                .In<uint8_t>({3}, {1, 129, 255})
                .In<uint8_t>({3}, {3, 1, 8})
                .Run());
  EXPECT_THAT(left.values<uint8_t>(), ElementsAre(8, 2, 0));
  ASSERT_OK(right.String("direction", "RIGHT")
                .In<uint64_t>({2}, {~0ULL, 5})
                .In<uint64_t>({2}, {63, 64})
                .Run());
  EXPECT_THAT(right.values<uint64_t>(), ElementsAre(1, 0));
  ASSERT_OK(both.In<int8_t>({2}, {12, -1}).In<int8_t>({1}, {10}).Run());
  EXPECT_THAT(both.values<int8_t>(), ElementsAre(8, 10));
  ASSERT_OK(either.In<int8_t>({2}, {12, -1}).In<int8_t>({1}, {10}).Run());
  EXPECT_THAT(either.values<int8_t>(), ElementsAre(14, -1));
  ASSERT_OK(differ.In<int8_t>({2}, {12, -1}).In<int8_t>({1}, {10}).Run());
  EXPECT_THAT(differ.values<int8_t>(), ElementsAre(6, -11));
  ASSERT_OK(invert.In<uint16_t>({1}, {0xff00}).Run());
  EXPECT_THAT(invert.values<uint16_t>(), ElementsAre(0x00ff));
  EXPECT_REFUSED(OpCall("BitShift").In<uint8_t>({1}, {1}).In<uint8_t>({1}, {1}).Make(),
                 MOSAIC_E_BAD_MODEL, "direction must be");
  EXPECT_REFUSED(OpCall("BitwiseNot").In({1}, {1}).Run(), MOSAIC_E_UNSUPPORTED, "float32");
}

TEST(VariadicTest, SumAndMean) {
  OpCall sum("Sum"), mean("Mean");
  ASSERT_OK(sum.In({2, 1}, {1, 2}).In({2}, {10, 20}).In({}, {100}).Run());
  EXPECT_THAT(sum.values(), ElementsAre(111, 121, 112, 122));
  ASSERT_OK(mean.In({2}, {1, 2}).In({2}, {4, 5}).In({1}, {4}).Run());
  EXPECT_THAT(mean.values(), ElementsAre(3, FloatEq(11.0F / 3)));
  EXPECT_REFUSED(OpCall("Sum").In({1}, {1}).Omitted().Run(), MOSAIC_E_BAD_MODEL, "omitted");
}

TEST(PReluTest, SlopeIsBroadcastToTheInput) {
  OpCall call("PRelu");
  ASSERT_OK(call.In({2, 2}, {-1, 2, -3, 4}).In({2, 1}, {10, 0.5F}).Run());
  EXPECT_THAT(call.values(), ElementsAre(-10, 2, -1.5F, 4));
  EXPECT_REFUSED(OpCall("PRelu").In({2, 1}, {1}).In({2, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "a slope of shape [2, 3] cannot be broadcast to shape [2, 1]");
}

TEST(ItemAxisTest, Elementwise) {
  const Dim N = Dim::Symbol("N");
  const auto axis = [&](Dims a, Dims b, int axis_a, int axis_b) {
    OpCall call("Add");
    Fact fa = Fact::Of(MOSAIC_FLOAT, std::move(a)), fb = Fact::Of(MOSAIC_FLOAT, std::move(b));
    fa.item_axis = axis_a;
    fb.item_axis = axis_b;
    const Status s = call.Infer({fa, fb}, "N");
    return s.ok() ? call.fact().item_axis : -100;
  };
  EXPECT_EQ(axis({N, 3}, {N, 3}, 0, 0), 0);
  EXPECT_EQ(axis({N, 3}, {3}, 0, kShared), 0);
  EXPECT_EQ(axis({N, 3}, {1, 3}, 0, kShared), 0);
  EXPECT_EQ(axis({N, 3}, {}, 0, kShared), 0);
  EXPECT_EQ(axis({2, 3}, {3}, kShared, kShared), kShared);
  EXPECT_EQ(axis({5, N, 3}, {N, 3}, 1, 0), 1);
  // A constant of as many rows as there happen to be items.
  EXPECT_EQ(axis({N, 3}, {4, 3}, 0, kShared), kMixed);
  // Items that meet along another axis.
  EXPECT_EQ(axis({N}, {N, N}, 0, 0), kMixed);
  EXPECT_EQ(axis({N, 3}, {2, N, 3}, 0, 0), kMixed);
}

}  // namespace
}  // namespace mosaic
