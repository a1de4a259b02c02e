// MatMulNBits against what ONNX Runtime 1.30 gives; scales and zero points that do not fit.
#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

std::vector<float> Seq(int64_t n, int64_t m, float d) {
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<float>(i * m % 11 - 5) / d);
  return v;
}
std::vector<uint8_t> Bytes(int64_t n, int64_t m) {
  std::vector<uint8_t> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(static_cast<uint8_t>(i * m % 256));
  return v;
}

struct FewBits : OpCall {
  FewBits(int64_t bits, int64_t block) : OpCall("MatMulNBits", kMicrosoftDomain) {
    Int("K", 40).Int("N", 18).Int("bits", bits).Int("block_size", block);
  }
};

// The first and the last columns of both rows.
std::vector<float> Ends(const OpCall& c) {
  const std::vector<float> y = c.values();
  return {y[0], y[1], y[15], y[16], y[17], y[18], y[35]};
}

TEST(QuantizeLinearOp, OtherPrecisionsAreRefused) {
  for (const int precision : {MOSAIC_FLOAT, MOSAIC_FLOAT16}) {
    OpCall c("QuantizeLinear");
    c.Int("precision", precision).In({2}, {1, 2}).In({1}, {1});
    EXPECT_EQ(c.Infer().code(), precision == MOSAIC_FLOAT ? MOSAIC_OK : MOSAIC_E_UNSUPPORTED);
  }
}

TEST(MatMulNBits, FourBits) {
  FewBits plain(4, 16), zeros(4, 16);
  plain.In({2, 40}, Seq(80, 7, 4)).In<uint8_t>({18, 3, 8}, Bytes(432, 53)).In({54}, Seq(54, 5, 50));
  ASSERT_OK(plain.Run());
  EXPECT_THAT(Ends(plain),
              Pointwise(FloatNear(2e-5F),
                        std::vector<float>{-1.85F, -0.44F, 0.77F, 0.875F, 2.86F, 0.1F, -1.76F}));
  zeros.In({2, 40}, Seq(80, 7, 4)).In<uint8_t>({18, 3, 8}, Bytes(432, 53)).In({54}, Seq(54, 5, 50));
  ASSERT_OK(zeros.In<uint8_t>({36}, Bytes(36, 29)).Run());
  EXPECT_THAT(Ends(zeros),
              Pointwise(FloatNear(2e-5F),
                        std::vector<float>{-2.175F, -0.44F, 0.745F, 0.96F, 2.87F, 1.875F, -2.06F}));
}

TEST(MatMulNBits, EightBitsAndBias) {
  FewBits c(8, 32);
  c.In({1, 40}, Seq(40, 7, 4)).In<uint8_t>({18, 2, 32}, Bytes(1152, 53)).In({36}, Seq(36, 5, 500));
  ASSERT_OK(c.In<uint8_t>({36}, Bytes(36, 29)).Omitted().In({18}, Seq(18, 3, 4)).Run());
  EXPECT_THAT(c.values(),
              Pointwise(FloatNear(2e-5F),
                        std::vector<float>{-4.1025F, -3.819F, -0.351F, 3.745F, 2.263F, -3.009F,
                                           2.7075F, -0.2515F, -3.7965F, 2.5645F, 0.8495F, -4.9075F,
                                           2.585F, -3.357F, -0.0949999F, 1.173F, 3.643F, 2.2325F}));
}

TEST(MatMulNBits, Refusals) {
  EXPECT_REFUSED(FewBits(3, 16).In({1}, {1}).In<uint8_t>({1}, {1}).In({1}, {1}).Make(),
                 MOSAIC_E_UNSUPPORTED, "weights of 3 bits");
  EXPECT_REFUSED(FewBits(4, 24).In({1}, {1}).In<uint8_t>({1}, {1}).In({1}, {1}).Make(),
                 MOSAIC_E_BAD_MODEL, "block_size is 24");
  EXPECT_REFUSED(FewBits(4, 16).In({1, 39}, {1}).In<uint8_t>({18, 3, 8}, {1}).In({54}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "A does not fit K");
  EXPECT_REFUSED(FewBits(4, 16).In({1, 40}, {1}).In<uint8_t>({18, 2, 8}, {1}).In({54}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "B does not fit");
  EXPECT_REFUSED(FewBits(4, 16).In({1, 40}, {1}).In<uint8_t>({18, 3, 8}, {1}).In({53}, {1}).Infer(),
                 MOSAIC_E_BAD_MODEL, "the scales do not fit");
  EXPECT_REFUSED(FewBits(4, 16)
                     .In({1, 40}, {1})
                     .In<uint8_t>({18, 3, 8}, {1})
                     .In({54}, {1})
                     .In<uint8_t>({35}, {1})
                     .Infer(),
                 MOSAIC_E_BAD_MODEL, "the zero points do not fit");
  EXPECT_REFUSED(FewBits(4, 16)
                     .In({1, 40}, {1})
                     .In<uint8_t>({18, 3, 8}, {1})
                     .In({54}, {1})
                     .Omitted()
                     .In<int32_t>({40}, {0})
                     .Make(),
                 MOSAIC_E_UNSUPPORTED, "g_idx");
}

// Sizes over the ends of panels, rows and pieces; both signs; zero points for all, rows and
// columns.
template <typename A, typename B>
void CheckIntegerProduct(int64_t n, int64_t k, int64_t m, bool each, bool trans_b) {
  const auto value = [](int64_t i, int64_t step) { return static_cast<uint8_t>(i * step % 251); };
  std::vector<A> a, a_zero;
  std::vector<B> b, b_zero;
  for (int64_t i = 0; i < n * k; ++i) a.push_back(static_cast<A>(value(i, 37)));
  for (int64_t i = 0; i < k * m; ++i) b.push_back(static_cast<B>(value(i, 91)));
  for (int64_t i = 0; i < (each ? n : 1); ++i) a_zero.push_back(static_cast<A>(value(i + 3, 17)));
  for (int64_t i = 0; i < (each ? m : 1); ++i) b_zero.push_back(static_cast<B>(value(i + 5, 53)));
  OpCall c("MatMulInteger");
  c.In<A>({n, k}, a);
  c.In<B>(trans_b ? Shape{m, k} : Shape{k, m}, b);
  c.In<A>({static_cast<int64_t>(a_zero.size())}, a_zero);
  c.In<B>({static_cast<int64_t>(b_zero.size())}, b_zero);
  c.Int("transB", trans_b ? 1 : 0);
  ASSERT_OK(c.Run());
  const std::vector<int32_t> y = c.values<int32_t>();
  ASSERT_EQ(y.size(), static_cast<size_t>(n * m));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) {
      int32_t want = 0;
      for (int64_t l = 0; l < k; ++l) {
        want += (int{a[static_cast<size_t>(i * k + l)]} -
                 int{a_zero[each ? static_cast<size_t>(i) : 0]}) *
                (int{b[static_cast<size_t>(trans_b ? j * k + l : l * m + j)]} -
                 int{b_zero[each ? static_cast<size_t>(j) : 0]});
      }
      ASSERT_EQ(y[static_cast<size_t>(i * m + j)], want) << i << ", " << j;
    }
  }
}

TEST(MatMulInteger, EverySizeSignAndZeroPoint) {
  CheckIntegerProduct<uint8_t, int8_t>(9, 67, 35, false, false);
  CheckIntegerProduct<uint8_t, uint8_t>(1, 130, 16, true, true);
  CheckIntegerProduct<int8_t, int8_t>(17, 5, 17, true, false);
  CheckIntegerProduct<int8_t, uint8_t>(3, 8197, 2, false, true);
  CheckIntegerProduct<uint8_t, int8_t>(521, 9, 3, true, false);
}

// A scale of one element and its zero point may be of either rank; others have one shape.
TEST(DequantizeLinear, ShapesOfScaleAndZeroPoint) {
  OpCall one("DequantizeLinear"), fewer("DequantizeLinear"), more("QuantizeLinear");
  ASSERT_OK(one.In<uint8_t>({3}, {1, 2, 5}).In({1}, {0.5F}).In<uint8_t>({}, {1}).Run());
  EXPECT_THAT(one.values(), ElementsAre(0, 0.5F, 2));
  fewer.In<uint8_t>({2, 3}, {1, 2, 5}).In({3}, {1, 2, 3}).In<uint8_t>({2}, {0, 0});
  EXPECT_REFUSED(fewer.Run(), MOSAIC_E_BAD_MODEL, "scale and zero point have shapes [3] and [2]");
  EXPECT_REFUSED(more.In({2}, {1}).In({}, {1}).In<uint8_t>({2}, {0, 0}).Run(), MOSAIC_E_BAD_MODEL,
                 "scale and zero point have shapes [] and [2]");
}

// The bytes of a block would overflow to 0, and B of no elements would do.
TEST(MatMulNBits, HugeBlocks) {
  OpCall call("MatMulNBits", kMicrosoftDomain);
  call.Int("K", 64).Int("N", 4).Int("bits", 8).Int("block_size", int64_t{1} << 61);
  EXPECT_REFUSED(call.In({1, 64}, {1}).In<uint8_t>({4, 1, 0}, {1}).In({4}, {1}).Run(),
                 MOSAIC_E_LIMIT, "K, N or block_size is above");
}

}  // namespace
}  // namespace mosaic
