// MatMulInteger, QLinearMatMul, ConvInteger, QLinearConv: sums, rounding, refusals, items.
#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

const Dim N = Dim::Symbol("N");

// a x b of one row and column with these scales and zero points, to a byte.
template <typename T>
ComputeType<T> Rounded(int sum, float multiplier, ComputeType<T> zero) {
  OpCall call("QLinearMatMul");
  call.In<int8_t>({1, 2}, {static_cast<int8_t>(sum / 2), static_cast<int8_t>(sum - sum / 2)});
  call.In({}, {multiplier}).In<int8_t>({}, {0});
  call.In<int8_t>({2, 1}, {1, 1}).In({}, {0.5F}).In<int8_t>({1}, {0});
  const Status s = call.In({}, {0.5F}).In<T>({}, {zero}).Run();
  EXPECT_TRUE(s.ok()) << s.message();
  return call.values<T>()[0];
}

TEST(QLinearMatMul, RoundsHalvesToEvenAndSaturates) {
  EXPECT_EQ(Rounded<int8_t>(5, 0.5F, 1), 3);    // 2.5 -> 2
  EXPECT_EQ(Rounded<int8_t>(7, 0.5F, 1), 5);    // 3.5 -> 4
  EXPECT_EQ(Rounded<int8_t>(-5, 0.5F, 1), -1);  // -2.5 -> -2
  EXPECT_EQ(Rounded<int8_t>(200, 1, 0), 127);
  EXPECT_EQ(Rounded<int8_t>(-200, 1, 10), -128);
  EXPECT_EQ(Rounded<uint8_t>(-3, 1, 2), 0);
  EXPECT_EQ(Rounded<uint8_t>(100, 2, 100), 255);
  EXPECT_EQ(Rounded<uint8_t>(100, 1e30F, 100), 255);
}

TEST(QLinearMatMul, ScalesOfRowsAndColumns) {
  OpCall call("QLinearMatMul"), deep("QLinearMatMul"), vector("QLinearMatMul");
  ASSERT_OK(call.In<uint8_t>({2, 2}, {1, 2, 3, 4})
                .In({2}, {1, 10})
                .In<uint8_t>({2}, {1, 3})
                .In<int8_t>({2, 2}, {1, -1, 2, 5})
                .In({2}, {1, 2})
                .In<int8_t>({2}, {0, 1})
                .In({}, {2})
                .In<int8_t>({}, {3})
                .Run());
  // (a - zeros) = {0 1; 0 1}, (b - zeros) = {1 -2; 2 4}: sums {2 4; 2 4}.
  EXPECT_THAT(call.values<int8_t>(), ElementsAre(4, 7, 13, 43));
  ASSERT_OK(deep.In<int8_t>({1, 20000}, {1})  // sums of several units
                .In({}, {1})
                .In<int8_t>({}, {0})
                .In<int8_t>({20000, 1}, {1})
                .In({}, {1})
                .In<int8_t>({}, {0})
                .In({}, {1000})
                .In<int8_t>({}, {0})
                .Run());
  EXPECT_THAT(deep.values<int8_t>(), ElementsAre(20));
  ASSERT_OK(vector.In<uint8_t>({2}, {3, 4})
                .In({}, {1})
                .In<uint8_t>({}, {1})
                .In<uint8_t>({2}, {5, 6})
                .In({}, {1})
                .In<uint8_t>({}, {0})
                .In({}, {1})
                .In<uint8_t>({}, {0})
                .Run());
  EXPECT_EQ(vector.shape(), Shape({}));
  EXPECT_THAT(vector.values<uint8_t>(), ElementsAre(2 * 5 + 3 * 6));
  EXPECT_REFUSED(OpCall("MatMulInteger").In<int8_t>({2}, {1}).In<int8_t>({2}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "(vectors)");
}

TEST(QLinearMatMul, RefusalsAndItems) {
  const auto run = [](const Shape& b, const Shape& scale, const Shape& y_scale) {
    return OpCall("QLinearMatMul")
        .In<int8_t>({2, 3}, {1})
        .In(scale, {1})
        .In<int8_t>({}, {0})
        .In<int8_t>(b, {1})
        .In({}, {1})
        .In<int8_t>({}, {0})
        .In(y_scale, {1})
        .In<int8_t>({}, {0})
        .Run();
  };
  EXPECT_REFUSED(run({4, 2}, {}, {}), MOSAIC_E_BAD_MODEL, "do not fit");
  EXPECT_REFUSED(run({3, 2}, {3}, {}), MOSAIC_E_BAD_MODEL, "one for each row or column");
  EXPECT_REFUSED(run({3, 2}, {1, 0}, {}), MOSAIC_E_BAD_MODEL, "a scale is empty");
  EXPECT_REFUSED(run({3, 2}, {}, {2}), MOSAIC_E_UNSUPPORTED, "only one");
  EXPECT_REFUSED(run({}, {}, {}), MOSAIC_E_BAD_MODEL, "a scalar cannot be multiplied");
  EXPECT_REFUSED(OpCall("MatMulInteger").In({1, 1}, {1}).In({1, 1}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "an operand of type float");
  EXPECT_REFUSED(OpCall("MatMulInteger")
                     .In<int8_t>({1, 1}, {1})
                     .In<int8_t>({1, 1}, {1})
                     .In<uint8_t>({}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "different types");
  OpCall apart("MatMulInteger"), rows("MatMulInteger");
  const Fact x = ItemsFact({N, 5, 4}, 0, MOSAIC_INT8), w = SharedFact({4, 7}, MOSAIC_INT8);
  EXPECT_INFERRED(apart, "[N, 5, 7]", 0, x, w, SharedFact({}, MOSAIC_INT8));
  EXPECT_INFERRED(rows, "[N, 5, 7]", kMixed, x, w, SharedFact({5}, MOSAIC_INT8));
}

TEST(ConvInteger, GroupsZerosAndPadding) {
  OpCall call("ConvInteger"), plain("ConvInteger"), deep("ConvInteger");
  // Padding is the zero point: it adds nothing.
  ASSERT_OK(plain.Ints("pads", {1, 1})
                .In<uint8_t>({1, 1, 3}, {2, 3, 4})
                .In<uint8_t>({1, 1, 3}, {1, 10, 100})
                .In<uint8_t>({}, {1})
                .Run());
  EXPECT_THAT(plain.values<int32_t>(), ElementsAre(210, 321, 32));
  ASSERT_OK(call.Int("group", 2)
                .Ints("strides", {2})
                .In<int8_t>({1, 2, 4}, {1, 2, 3, 4, -5, -6, -7, -128})
                .In<int8_t>({2, 1, 2}, {1, 2, 3, -4})
                .Omitted()
                .In<int8_t>({2}, {1, -1})
                .Run());
  EXPECT_THAT(call.values<int32_t>(), ElementsAre(2, 4, -5 * 4 + 6 * 3, -7 * 4 + 128 * 3));
  // A sum of 50,000 products of 255 x 255, beyond what int32 holds in the middle.
  ASSERT_OK(deep.In<uint8_t>({1, 50000, 1}, {255}).In<uint8_t>({1, 50000, 1}, {255}).Run());
  EXPECT_EQ(deep.values<int32_t>()[0],
            static_cast<int32_t>(static_cast<uint32_t>(50000 * 65025LL)));
}

TEST(ConvInteger, GroupsAreBounded) {
  for (const char* type : {"ConvInteger", "Conv", "DeformConv"}) {
    OpCall call(type);
    for (int i = 0; i < 3; ++i) call.In({1, 1, 1}, {1});
    EXPECT_REFUSED(call.Int("group", 65537).Run(), MOSAIC_E_LIMIT, "65537 groups are too many");
  }
}

TEST(QLinearConv, BiasScalesAndRefusals) {
  const auto run = [](const Shape& w_scale, const Shape& x_scale, const Shape& bias, OpCall* c) {
    c->In<uint8_t>({1, 1, 2}, {12, 15}).In(x_scale, {0.5F}).In<uint8_t>({}, {10});
    c->In<int8_t>({2, 1, 1}, {3, -7}).In(w_scale, {1, 2}).In<int8_t>({}, {0});
    return c->In({}, {2}).In<uint8_t>({}, {100}).In<int32_t>(bias, {4, 1}).Run();
  };
  OpCall good("QLinearConv"), scales("QLinearConv"), input("QLinearConv"), bias("QLinearConv");
  ASSERT_OK(run({2}, {}, {2}, &good));
  // (2 5) * 3 + 4 = 10 19, a quarter: 2.5 4.75; (2 5) * -7 + 1 = -13 -34, a half: -6.5 -17.
  EXPECT_THAT(good.values<uint8_t>(), ElementsAre(102, 105, 94, 83));
  EXPECT_REFUSED(run({3}, {}, {2}, &scales), MOSAIC_E_BAD_MODEL, "one for each kernel");
  EXPECT_REFUSED(run({2}, {2}, {2}, &input), MOSAIC_E_BAD_MODEL, "is not one element");
  EXPECT_REFUSED(run({2}, {}, {3}, &bias), MOSAIC_E_BAD_MODEL, "B and the kernels");
  EXPECT_REFUSED(OpCall("ConvInteger")
                     .Int("group", 2)
                     .In<int8_t>({1, 1, 2}, {1})
                     .In<int8_t>({2, 1, 1}, {1})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit (group 2)");
  EXPECT_REFUSED(OpCall("ConvInteger").In({1, 1, 2}, {1}).In({2, 1, 1}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "an operand of type float");
  OpCall items("ConvInteger");
  EXPECT_INFERRED(items, "[N, 8, 3]", 0, ItemsFact({N, 2, 3}, 0, MOSAIC_INT8),
                  SharedFact({8, 2, 1}, MOSAIC_INT8));
}

}  // namespace
}  // namespace mosaic
