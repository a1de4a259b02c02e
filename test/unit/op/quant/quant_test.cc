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

}  // namespace
}  // namespace mosaic
