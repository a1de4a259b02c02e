// Cast and CastLike: numbers, strings, float8, 4-bit integers.
#include <limits>

#include "core/tensor/small_types.h"
#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::NanSensitiveFloatEq;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

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
  EXPECT_REFUSED(OpCall("Cast").Int("to", 14).In({1}, {1}).Make(), MOSAIC_E_UNSUPPORTED, "type 14");
  EXPECT_REFUSED(OpCall("Cast").In({1}, {1}).Make(), MOSAIC_E_UNSUPPORTED, "type 0");
}

TEST(CastTest, StringsToNumbers) {
  OpCall real("Cast"), whole("Cast"), truth("Cast");
  ASSERT_OK(real.Int("to", MOSAIC_FLOAT)
                .Strings({7}, {"3.14", " 1e-5 ", "+INF", "-inf", "NaN", "+2", "1E8"})
                .Run());
  EXPECT_THAT(real.values(),
              ElementsAre(3.14F, 1e-5F, kInf, -kInf, NanSensitiveFloatEq(kNaN), 2, 1e8F));
  ASSERT_OK(whole.Int("to", MOSAIC_INT64)
                .Strings({4}, {"9223372036854775807", "-9223372036854775808", "100.5", "-2.9"})
                .Run());
  EXPECT_THAT(whole.values<int64_t>(), ElementsAre(std::numeric_limits<int64_t>::max(),
                                                   std::numeric_limits<int64_t>::min(), 100, -2));
  ASSERT_OK(truth.Int("to", MOSAIC_BOOL).Strings({2}, {"0", "1"}).Run());
  EXPECT_THAT(truth.values<Bool>(), ElementsAre(false, true));
  const auto parse = [](const char* text, int to) {
    return OpCall("Cast").Int("to", to).Strings({1}, {text}).Run();
  };
  EXPECT_REFUSED(parse("Hello", MOSAIC_FLOAT), MOSAIC_E_INVALID,
                 "\"Hello\" is no number of type float32");
  EXPECT_REFUSED(parse("", MOSAIC_INT32), MOSAIC_E_INVALID, "\"\" is no number of type int32");
  EXPECT_REFUSED(parse("1 2", MOSAIC_DOUBLE), MOSAIC_E_INVALID, "is no number");
  EXPECT_REFUSED(parse("1e999", MOSAIC_DOUBLE), MOSAIC_E_INVALID, "out of range for type float64");
  EXPECT_REFUSED(parse("9223372036854775808", MOSAIC_INT64), MOSAIC_E_INVALID, "out of range");
  EXPECT_REFUSED(parse("1e30", MOSAIC_INT64), MOSAIC_E_INVALID, "out of range");
}

TEST(CastTest, NumbersToStrings) {
  OpCall real("Cast"), precise("Cast"), whole("Cast"), truth("Cast");
  ASSERT_OK(real.Int("to", MOSAIC_STRING)
                .In({8}, {1, -2.5F, 0.1F, 1e10F, kNaN, kInf, -kInf, 16777217.0F / 3})
                .Run());
  EXPECT_THAT(real.strings(),
              ElementsAre("1", "-2.5", "0.1", "1e+10", "NaN", "INF", "-INF", "5592405.5"));
  ASSERT_OK(precise.Int("to", MOSAIC_STRING).In<double>({2}, {0.1, 1.0 / 3}).Run());
  EXPECT_THAT(precise.strings(), ElementsAre("0.1", "0.3333333333333333"));
  ASSERT_OK(whole.Int("to", MOSAIC_STRING).In<uint64_t>({2}, {~0ULL, 0}).Run());
  EXPECT_THAT(whole.strings(), ElementsAre("18446744073709551615", "0"));
  ASSERT_OK(truth.Int("to", MOSAIC_STRING).In<Bool>({2}, {true, false}).Run());
  EXPECT_THAT(truth.strings(), ElementsAre("1", "0"));
}

// The bits of each type, for values around its limits.
TEST(CastTest, Float8) {
  struct Case {
    int to;
    std::vector<int> saturated, open;
  };
  const std::vector<float> x = {0,   -0.0F, 1,    -1.0625F, 1.1875F, 448,  464,
                                480, 57344, 1e9F, -1e9F,    kInf,    kNaN, 1e-30F};
  const std::vector<Case> cases = {
      {MOSAIC_FLOAT8E4M3FN,
       {0, 0x80, 0x38, 0xb8, 0x3a, 0x7e, 0x7e, 0x7e, 0x7e, 0x7e, 0xfe, 0x7e, 0x7f, 0},
       {0, 0x80, 0x38, 0xb8, 0x3a, 0x7e, 0x7e, 0x7f, 0x7f, 0x7f, 0xff, 0x7f, 0x7f, 0}},
      {MOSAIC_FLOAT8E4M3FNUZ,
       {0, 0, 0x40, 0xc0, 0x42, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xff, 0x7f, 0x80, 0},
       {0, 0, 0x40, 0xc0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}},
      {MOSAIC_FLOAT8E5M2,
       {0, 0x80, 0x3c, 0xbc, 0x3d, 0x5f, 0x5f, 0x60, 0x7b, 0x7b, 0xfb, 0x7b, 0x7e, 0},
       {0, 0x80, 0x3c, 0xbc, 0x3d, 0x5f, 0x5f, 0x60, 0x7b, 0x7c, 0xfc, 0x7c, 0x7e, 0}},
      {MOSAIC_FLOAT8E5M2FNUZ,
       {0, 0, 0x40, 0xc0, 0x41, 0x63, 0x63, 0x64, 0x7f, 0x7f, 0xff, 0x7f, 0x80, 0},
       {0, 0, 0x40, 0xc0, 0x41, 0x63, 0x63, 0x64, 0x7f, 0x80, 0x80, 0x80, 0x80, 0}},
  };
  for (const Case& k : cases) {
    for (int saturate : {1, 0}) {
      OpCall call("Cast");
      ASSERT_OK(call.Int("to", k.to).Int("saturate", saturate).In({14}, x).Run());
      ASSERT_EQ(call.output().dtype(), k.to);
      const uint8_t* bits = call.output().data<uint8_t>();
      EXPECT_EQ(std::vector<int>(bits, bits + 14), saturate ? k.saturated : k.open)
          << DTypeName(k.to) << " saturate " << saturate;
    }
  }
}

TEST(CastTest, Float4) {
  OpCall down("Cast"), up("Cast"), strings("Cast");
  ASSERT_OK(down.Int("to", MOSAIC_FLOAT4E2M1)
                .In({15}, {0, -0.0F, 0.25F, 0.26F, 0.75F, 1.25F, 1.75F, 2.5F, 2.51F, 3.5F, 5, 5.1F,
                           -100, kInf, kNaN})
                .Run());
  const uint8_t* bits = down.output().data<uint8_t>();
  EXPECT_EQ(std::vector<int>(bits, bits + 15),
            (std::vector<int>{0, 8, 0, 1, 2, 2, 4, 4, 5, 6, 6, 7, 15, 7, 8}));
  ASSERT_OK(up.Int("to", MOSAIC_FLOAT).In(down.output()).Run());
  EXPECT_THAT(up.values(), ElementsAre(0, 0, 0, 0.5, 1, 1, 2, 2, 3, 4, 4, 6, -6, 6, 0));
}

// Powers of two; ties of "nearest" go up. Signs are dropped.
TEST(CastTest, PowersOfTwo) {
  struct Case {
    const char* mode;
    int64_t saturate;
    std::vector<int> bits;
  };
  const float most = 0x1.8p127F;
  for (const Case& k : {Case{"up", 1, {0, 127, 128, 128, 129, 127, 255, 255, 254, 0, 1}},
                        Case{"up", 0, {0, 127, 128, 128, 129, 127, 255, 255, 255, 0, 1}},
                        Case{"down", 0, {0, 127, 127, 127, 128, 126, 255, 255, 254, 0, 0}},
                        Case{"nearest", 1, {0, 127, 127, 128, 128, 127, 255, 255, 254, 0, 1}},
                        Case{"nearest", 0, {0, 127, 127, 128, 128, 127, 255, 255, 255, 0, 1}}}) {
    SCOPED_TRACE(k.mode);
    OpCall call("Cast");
    ASSERT_OK(
        call.Int("to", MOSAIC_FLOAT8E8M0)
            .Int("saturate", k.saturate)
            .String("round_mode", k.mode)
            .In({11}, {0, -1, 1.25F, 1.5F, 2.5F, 0.75F, kInf, kNaN, most, 0x1p-127F, 0x1.8p-127F})
            .Run());
    const uint8_t* bits = call.output().data<uint8_t>();
    EXPECT_EQ(std::vector<int>(bits, bits + 11), k.bits);
  }
  EXPECT_REFUSED(
      OpCall("Cast").Int("to", MOSAIC_FLOAT8E8M0).String("round_mode", "even").In({1}, {1}).Run(),
      MOSAIC_E_BAD_MODEL, "round_mode is \"even\"");
}

TEST(CastTest, Int2) {
  OpCall down("Cast"), up("Cast"), unsigned2("Cast");
  ASSERT_OK(down.Int("to", MOSAIC_INT2).In<int32_t>({6}, {-2, 1, 2, -3, 3, 0}).Run());
  const int8_t* y = down.output().data<int8_t>();
  EXPECT_EQ(std::vector<int>(y, y + 6), (std::vector<int>{-2, 1, -2, 1, -1, 0}));
  ASSERT_OK(up.Int("to", MOSAIC_FLOAT).In(down.output()).Run());
  EXPECT_THAT(up.values(), ElementsAre(-2, 1, -2, 1, -1, 0));
  ASSERT_OK(unsigned2.Int("to", MOSAIC_UINT2).In<int32_t>({4}, {3, 4, -1, 2}).Run());
  const uint8_t* u = unsigned2.output().data<uint8_t>();
  EXPECT_EQ(std::vector<int>(u, u + 4), (std::vector<int>{3, 0, 3, 2}));
}

TEST(CastTest, EveryFloat8BecomesItself) {
  for (int dtype : {MOSAIC_FLOAT8E4M3FN, MOSAIC_FLOAT8E4M3FNUZ, MOSAIC_FLOAT8E5M2,
                    MOSAIC_FLOAT8E5M2FNUZ, MOSAIC_FLOAT8E8M0, MOSAIC_FLOAT4E2M1}) {
    for (int bits = 0; bits < (dtype == MOSAIC_FLOAT4E2M1 ? 16 : 256); ++bits) {
      const float v = Float8ToFloat(static_cast<uint8_t>(bits), dtype);
      if (std::isnan(v)) continue;
      EXPECT_EQ(FloatToFloat8(static_cast<double>(v), dtype, false), bits) << DTypeName(dtype);
    }
  }
  EXPECT_EQ(Float8ToFloat(0x01, MOSAIC_FLOAT8E4M3FN), std::ldexp(1.0F, -9));
  EXPECT_EQ(Float8ToFloat(0x01, MOSAIC_FLOAT8E5M2), std::ldexp(1.0F, -16));
  EXPECT_EQ(Float8ToFloat(0x7c, MOSAIC_FLOAT8E5M2), kInf);
}

TEST(CastTest, Int4) {
  OpCall down("Cast"), up("Cast");
  ASSERT_OK(down.Int("to", MOSAIC_INT4).In<int32_t>({5}, {-8, 7, 8, -9, 15}).Run());
  const int8_t* y = down.output().data<int8_t>();
  EXPECT_EQ(std::vector<int>(y, y + 5), (std::vector<int>{-8, 7, -8, 7, -1}));
  ASSERT_OK(up.Int("to", MOSAIC_FLOAT).In(down.output()).Run());
  EXPECT_THAT(up.values(), ElementsAre(-8, 7, -8, 7, -1));
  OpCall unsigned4("Cast");
  ASSERT_OK(unsigned4.Int("to", MOSAIC_UINT4).In<int32_t>({3}, {15, 16, -1}).Run());
  const uint8_t* u = unsigned4.output().data<uint8_t>();
  EXPECT_EQ(std::vector<int>(u, u + 3), (std::vector<int>{15, 0, 15}));
  OpCall real("Cast");
  ASSERT_OK(real.Int("to", MOSAIC_UINT4).In({4}, {-9, 2.9F, 17, kNaN}).Run());
  const uint8_t* r = real.output().data<uint8_t>();
  EXPECT_EQ(std::vector<int>(r, r + 4), (std::vector<int>{7, 2, 1, 0}));
}

TEST(CastLikeTest, TakesTheTypeOnly) {
  OpCall call("CastLike");
  ASSERT_OK(call.In({2}, {1.5F, -2}).In<int8_t>({0}, {0}).Run());
  EXPECT_THAT(call.values<int8_t>(), ElementsAre(1, -2));
  // What input 1 holds does not matter, also for items.
  const Dim N = Dim::Symbol("N");
  Fact x = Fact::Of(MOSAIC_INT64, {3}), like = Fact::Of(MOSAIC_FLOAT, {N, 4});
  x.item_axis = kShared;
  like.item_axis = 0;
  OpCall items("CastLike");
  ASSERT_OK(items.Infer({x, like}, "N"));
  EXPECT_EQ(items.fact().item_axis, kShared);
}

}  // namespace
}  // namespace mosaic
