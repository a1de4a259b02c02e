// Trilu, EyeLike, OneHot, ReverseSequence, DepthToSpace, SpaceToDepth, BitCast, Col2Im, CumSum,
// CumProd: values, refusals, and where items stay.
#include <limits>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

const Dim N = Dim::Symbol("N"), S = Dim::Symbol("S");

TEST(Trilu, EveryDiagonal) {
  for (int64_t upper : {0, 1}) {
    for (int64_t k : {std::numeric_limits<int64_t>::min(), int64_t{-4}, int64_t{-1}, int64_t{0},
                      int64_t{2}, int64_t{5}, std::numeric_limits<int64_t>::max()}) {
      OpCall call("Trilu");
      ASSERT_OK(call.Int("upper", upper).In({2, 3, 4}, {1}).In<int64_t>({}, {k}).Run());
      size_t at = 0;
      const auto got = call.values();
      for (int64_t m = 0; m < 2; ++m) {
        for (int64_t i = 0; i < 3; ++i) {
          for (int64_t j = 0; j < 4; ++j, ++at) {
            const bool kept = upper == 1 ? j - i >= k : j - i <= k;
            EXPECT_EQ(got[at], kept ? 1 : 0) << upper << " " << k << " " << i << " " << j;
          }
        }
      }
    }
  }
  OpCall large("Trilu"), items("Trilu"), across("Trilu");
  ASSERT_OK(large.In<int8_t>({300, 300}, {1}).Run());
  int64_t sum = 0;
  for (int8_t v : large.values<int8_t>()) sum += v;
  EXPECT_EQ(sum, 300 * 301 / 2);
  EXPECT_REFUSED(OpCall("Trilu").In({3}, {1}).Run(), MOSAIC_E_BAD_MODEL, "has no matrices");
  EXPECT_REFUSED(OpCall("Trilu").In({3, 3}, {1}).In({}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "k of type");
  EXPECT_INFERRED(items, "[N, S, S]", 0, ItemsFact({N, S, S}, 0));
  EXPECT_INFERRED(across, "[N, 4]", kMixed, ItemsFact({N, 4}, 0));
}

TEST(EyeLike, DiagonalsAndTypes) {
  OpCall call("EyeLike"), below("EyeLike");
  ASSERT_OK(call.Int("k", 1).Int("dtype", MOSAIC_INT32).In({2, 3}, {7}).Run());
  EXPECT_THAT(call.values<int32_t>(), ElementsAre(0, 1, 0, 0, 0, 1));
  ASSERT_OK(below.Int("k", -1).In<Bool>({2, 2}, {true}).Run());
  EXPECT_THAT(below.values<Bool>(), ElementsAre(false, false, true, false));
  EXPECT_REFUSED(OpCall("EyeLike").In({2}, {7}).Run(), MOSAIC_E_BAD_MODEL, "is no matrix");
  EXPECT_REFUSED(OpCall("EyeLike").Int("dtype", MOSAIC_STRING).In({2, 2}, {7}).Run(),
                 MOSAIC_E_UNSUPPORTED, "a result of type string");
  OpCall items("EyeLike");
  EXPECT_INFERRED(items, "[N, 4]", kMixed, ItemsFact({N, 4}, 0));
}

TEST(OneHot, AxesAndIndices) {
  OpCall last("OneHot"), first("OneHot");
  ASSERT_OK(last.In<int64_t>({3}, {1, -1, 5}).In<int64_t>({}, {3}).In({2}, {-1, 2}).Run());
  EXPECT_THAT(last.values(), ElementsAre(-1, 2, -1, -1, -1, 2, -1, -1, -1));
  ASSERT_OK(first.Int("axis", 0).In({2}, {0, 1}).In({1}, {2}).In<int32_t>({2}, {0, 1}).Run());
  EXPECT_THAT(first.values<int32_t>(), ElementsAre(1, 0, 0, 1));
  EXPECT_REFUSED(OpCall("OneHot").In({2}, {0}).In<int64_t>({}, {-2}).In({2}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "negative dimension");
  EXPECT_REFUSED(OpCall("OneHot").In({2}, {0}).In<int64_t>({}, {2}).In({3}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "values must be two elements");
  OpCall items("OneHot"), moved("OneHot");
  EXPECT_INFERRED(items, "[N, 3]", 0, ItemsFact({N}, 0), SizesFact({3}), SharedFact({2}));
  moved.Int("axis", 0);
  EXPECT_INFERRED(moved, "[3, N]", 1, ItemsFact({N}, 0), SizesFact({3}), SharedFact({2}));
}

TEST(ReverseSequence, BothOrders) {
  OpCall time("ReverseSequence"), batch("ReverseSequence"), bad("ReverseSequence");
  ASSERT_OK(time.In({3, 2}, {1, 2, 3, 4, 5, 6}).In<int64_t>({2}, {3, 2}).Run());
  EXPECT_THAT(time.values(), ElementsAre(5, 4, 3, 2, 1, 6));
  ASSERT_OK(batch.Int("batch_axis", 0)
                .Int("time_axis", 1)
                .In({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
                .In<int64_t>({2}, {2, 0})
                .Run());
  EXPECT_THAT(batch.values(), ElementsAre(3, 4, 1, 2, 5, 6, 7, 8));
  EXPECT_REFUSED(bad.In({3, 2}, {1}).In<int64_t>({2}, {4, 0}).Run(), MOSAIC_E_INVALID,
                 "a sequence of 4 steps is given for 3");
  EXPECT_REFUSED(
      OpCall("ReverseSequence").Int("batch_axis", 2).In({1}, {1}).In<int64_t>({1}, {1}).Make(),
      MOSAIC_E_BAD_MODEL, "must be 0 and 1");
  EXPECT_REFUSED(OpCall("ReverseSequence").In({3, 2}, {1}).In<int64_t>({3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "differ in length");
  OpCall items("ReverseSequence"), shared("ReverseSequence");
  EXPECT_INFERRED(items, "[S, N]", 1, ItemsFact({S, N}, 1), ItemsFact({N}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(shared, "[S, N]", kMixed, ItemsFact({S, N}, 1), SharedFact({N}, MOSAIC_INT64));
}

TEST(DepthToSpace, IsUndoneBySpaceToDepth) {
  OpCall there("DepthToSpace"), back("SpaceToDepth"), crd("DepthToSpace");
  std::vector<float> x(2 * 8 * 2 * 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  ASSERT_OK(there.Int("blocksize", 2).In({2, 8, 2, 3}, x).Run());
  EXPECT_EQ(there.shape(), (Shape{2, 2, 4, 6}));
  EXPECT_EQ(there.values()[1], 12);  // the second pixel: block column 1, channel 2
  ASSERT_OK(back.Int("blocksize", 2).In(there.output()).Run());
  EXPECT_EQ(back.values(), x);
  ASSERT_OK(crd.Int("blocksize", 2).String("mode", "CRD").In({2, 8, 2, 3}, x).Run());
  EXPECT_EQ(crd.values()[1], 6);
  EXPECT_REFUSED(OpCall("DepthToSpace").Int("blocksize", 2).In({1, 6, 1, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "cannot be cut into blocks of 2");
  EXPECT_REFUSED(OpCall("SpaceToDepth").Int("blocksize", 2).In({1, 6, 3, 2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "cannot be cut into blocks of 2");
  EXPECT_REFUSED(OpCall("SpaceToDepth").In({1, 6, 3, 2}, {1}).Make(), MOSAIC_E_BAD_MODEL,
                 "blocksize");
  EXPECT_REFUSED(OpCall("SpaceToDepth").Int("blocksize", 2).In({6}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "no batch of images");
  OpCall items("DepthToSpace");
  items.Int("blocksize", 2);
  EXPECT_INFERRED(items, "[N, 2, 2*S, 6]", 0, ItemsFact({N, 8, S, 3}, 0));
}

TEST(BitCast, KeepsBitsOfLessThanAByte) {
  const auto cast = [](int from, int to, const std::vector<int64_t>& x) {
    OpCall given("Cast"), bits("BitCast"), back("Cast");
    EXPECT_TRUE(given.Int("to", from).In<int64_t>({static_cast<int64_t>(x.size())}, x).Run().ok());
    EXPECT_TRUE(bits.Int("to", to).In(given.output()).Run().ok());
    EXPECT_TRUE(back.Int("to", MOSAIC_INT64).In(bits.output()).Run().ok());
    return back.values<int64_t>();
  };
  EXPECT_THAT(cast(MOSAIC_INT4, MOSAIC_UINT4, {-8, -1, 3}), ElementsAre(8, 15, 3));
  EXPECT_THAT(cast(MOSAIC_UINT4, MOSAIC_INT4, {8, 15, 3}), ElementsAre(-8, -1, 3));
  EXPECT_THAT(cast(MOSAIC_INT2, MOSAIC_UINT2, {0, 1, -2, -1}), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(cast(MOSAIC_UINT2, MOSAIC_INT2, {0, 1, 2, 3}), ElementsAre(0, 1, -2, -1));
  EXPECT_THAT(cast(MOSAIC_FLOAT4E2M1, MOSAIC_INT4, {-6, 6}), ElementsAre(-1, 7));
  EXPECT_THAT(cast(MOSAIC_INT4, MOSAIC_FLOAT4E2M1, {-1, 7}), ElementsAre(-6, 6));
}

TEST(BitCast, KeepsBits) {
  OpCall call("BitCast");
  ASSERT_OK(call.Int("to", MOSAIC_INT32).In({2}, {1, -0.0F}).Run());
  EXPECT_THAT(call.values<int32_t>(), ElementsAre(0x3f800000, std::numeric_limits<int32_t>::min()));
  EXPECT_REFUSED(OpCall("BitCast").Int("to", MOSAIC_INT64).In({2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "elements of float32 and of int64 are of different sizes");
  EXPECT_REFUSED(OpCall("BitCast").Int("to", MOSAIC_STRING).In({2}, {1}).Make(),
                 MOSAIC_E_UNSUPPORTED, "attribute to");
  EXPECT_REFUSED(OpCall("BitCast").In({2}, {1}).Make(), MOSAIC_E_UNSUPPORTED, "attribute to");
}

TEST(Col2Im, SumsWhatCoversAPixel) {
  OpCall call("Col2Im"), padded("Col2Im");
  // Blocks of 2 over 3 pixels: the middle one is covered twice.
  ASSERT_OK(call.In({1, 2, 2}, {1, 2, 10, 20}).In<int64_t>({1}, {3}).In<int64_t>({1}, {2}).Run());
  EXPECT_EQ(call.shape(), (Shape{1, 1, 3}));
  EXPECT_THAT(call.values(), ElementsAre(1, 12, 20));
  ASSERT_OK(padded.Ints("pads", {1, 1})
                .Ints("strides", {2})
                .Ints("dilations", {2})
                .In<double>({1, 2, 2}, {1, 2, 10, 20})
                .In<int64_t>({1}, {3})
                .In<int64_t>({1}, {2})
                .Run());
  EXPECT_THAT(padded.values<double>(), ElementsAre(0, 12, 0));
  EXPECT_REFUSED(
      OpCall("Col2Im").In({1, 2, 3}, {1}).In<int64_t>({1}, {3}).In<int64_t>({1}, {2}).Run(),
      MOSAIC_E_BAD_MODEL, "there are 3 columns");
  EXPECT_REFUSED(
      OpCall("Col2Im").In({1, 3, 2}, {1}).In<int64_t>({1}, {3}).In<int64_t>({1}, {2}).Run(),
      MOSAIC_E_BAD_MODEL, "no multiple of block_shape");
  EXPECT_REFUSED(OpCall("Col2Im")
                     .Ints("strides", {0})
                     .In({1, 2, 2}, {1})
                     .In<int64_t>({1}, {3})
                     .In<int64_t>({1}, {2})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "start at 1");
  EXPECT_REFUSED(OpCall("Col2Im")
                     .Ints("pads", {0})
                     .In({1, 2, 2}, {1})
                     .In<int64_t>({1}, {3})
                     .In<int64_t>({1}, {2})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "wrong length");
  OpCall items("Col2Im");
  EXPECT_INFERRED(items, "[N, 3, 3]", 0, ItemsFact({N, 6, 2}, 0), SizesFact({3}), SizesFact({2}));
}

TEST(CumSum, LongAxesAreCarriedOn) {
  const int64_t n = 70000;
  for (int64_t reverse : {0, 1}) {
    for (int64_t exclusive : {0, 1}) {
      OpCall call("CumSum");
      ASSERT_OK(call.Int("reverse", reverse)
                    .Int("exclusive", exclusive)
                    .In<int32_t>({n, 2}, {1, 3})
                    .In<int64_t>({}, {0})
                    .Run());
      for (int64_t i = 0; i < n; ++i) {
        const int64_t count = (reverse ? n - i : i + 1) - exclusive;
        ASSERT_EQ(call.output().data<int32_t>()[2 * i], count);
        ASSERT_EQ(call.output().data<int32_t>()[2 * i + 1], 3 * count);
      }
    }
  }
}

TEST(CumSum, AxesTypesAndItems) {
  OpCall wide("CumSum"), half("CumSum"), product("CumProd");
  std::vector<double> x(600);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  ASSERT_OK(wide.In<double>({2, 300}, x).In<int32_t>({1}, {-2}).Run());
  EXPECT_EQ(wide.values<double>()[599], 299 + 599);
  ASSERT_OK(half.In<Float16>({3}, {2048, 1, 1}).In<int64_t>({}, {0}).Run());
  EXPECT_THAT(half.values<Float16>(), ElementsAre(2048, 2048, 2050));  // not rounded on the way
  ASSERT_OK(product.Int("exclusive", 1).In({2, 2}, {2, 3, 4, 5}).In<int64_t>({}, {1}).Run());
  EXPECT_THAT(product.values(), ElementsAre(1, 2, 1, 4));
  EXPECT_REFUSED(OpCall("CumSum").In({2}, {1}).In<int64_t>({}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 1 is out of range");
  EXPECT_REFUSED(OpCall("CumSum").In<Bool>({2}, {true}).In<int64_t>({}, {0}).Run(),
                 MOSAIC_E_UNSUPPORTED, "bool");
  EXPECT_REFUSED(OpCall("CumSum").In({2}, {1}).In<int64_t>({2}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis must be one element");
  OpCall within("CumSum"), across("CumSum"), unknown("CumSum");
  EXPECT_INFERRED(within, "[N, S]", 0, ItemsFact({N, S}, 0), SizesFact({1}));
  EXPECT_INFERRED(across, "[N, S]", kMixed, ItemsFact({N, S}, 0), SizesFact({0}));
  EXPECT_INFERRED(unknown, "[N, S]", kMixed, ItemsFact({N, S}, 0), SharedFact({}, MOSAIC_INT64));
}

}  // namespace
}  // namespace mosaic
