// Pad, CenterCropPad, GatherElements, GatherND, ScatterElements, ScatterND, TensorScatter.
#include <limits>
#include <random>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

const Dim N = Dim::Symbol("N"), S = Dim::Symbol("S");
constexpr int64_t kFar = std::numeric_limits<int64_t>::max();

TEST(Pad, EveryModeAgainstItsDefinition) {
  std::mt19937 random(5);
  for (const std::string mode : {"constant", "edge", "reflect", "wrap"}) {
    for (int round = 0; round < 30; ++round) {
      const auto draw = [&](int64_t low, int64_t high) {
        return std::uniform_int_distribution<int64_t>(low, high)(random);
      };
      const Shape x = {draw(1, 5), draw(1, 4), draw(1, 6)};
      std::vector<int64_t> pads(6);
      for (size_t d = 0; d < 3; ++d) {
        pads[d] = draw(-2, 9);
        pads[d + 3] = draw(-2, 9);
        // Something is left to go on from.
        if (x[d] + std::min<int64_t>(pads[d], 0) + std::min<int64_t>(pads[d + 3], 0) <= 0) {
          pads[d] = 1;
          pads[d + 3] = 0;
        }
      }
      std::vector<float> values(static_cast<size_t>(NumElements(x)));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
      OpCall call("Pad");
      ASSERT_OK(call.String("mode", mode).In(x, values).In<int64_t>({6}, pads).In({}, {-7}).Run());
      const Shape y = call.shape();
      const auto got = call.values();
      size_t at = 0;
      for (int64_t i = 0; i < y[0]; ++i) {
        for (int64_t j = 0; j < y[1]; ++j) {
          for (int64_t k = 0; k < y[2]; ++k, ++at) {
            int64_t place[3] = {i - pads[0], j - pads[1], k - pads[2]}, from = 0;
            for (size_t d = 0; d < 3; ++d) {
              int64_t& p = place[d];
              const int64_t first = std::max<int64_t>(0, -pads[d]);
              const int64_t n = x[d] - first - std::max<int64_t>(0, -pads[d + 3]);
              p -= first;  // what is taken away is not there to be padded with
              if (mode == "constant" && (p < 0 || p >= n)) from = -1;
              if (mode == "edge") p = std::clamp<int64_t>(p, 0, n - 1);
              if (mode == "wrap") p = ((p % n) + n) % n;
              while (mode == "reflect" && (p < 0 || p >= n)) {
                p = n == 1 ? 0 : p < 0 ? -p : 2 * (n - 1) - p;
              }
              p += first;
            }
            if (from == 0) from = (place[0] * x[1] + place[1]) * x[2] + place[2];
            ASSERT_EQ(got[at], from < 0 ? -7 : values[static_cast<size_t>(from)])
                << mode << " " << ShapeString(x) << " at " << i << " " << j << " " << k;
          }
        }
      }
    }
  }
}

TEST(Pad, AxesTypesAndScalars) {
  OpCall axes("Pad"), strings("Pad"), scalar("Pad");
  ASSERT_OK(axes.In({2, 2}, {1, 2, 3, 4})
                .In<int64_t>({2}, {1, 0})
                .Omitted()
                .In<int32_t>({1}, {-1})
                .Run());
  EXPECT_THAT(axes.values(), ElementsAre(0, 1, 2, 0, 3, 4));
  ASSERT_OK(strings.Strings({1}, {"a"}).In<int64_t>({2}, {1, 1}).Run());
  EXPECT_THAT(strings.strings(), ElementsAre("", "a", ""));
  ASSERT_OK(scalar.In({}, {3}).In<int64_t>({0}, {0}).Run());
  EXPECT_THAT(scalar.values(), ElementsAre(3));
}

TEST(Pad, Refusals) {
  const auto pad = [](const Shape& x, const std::vector<int64_t>& pads, const char* mode) {
    OpCall call("Pad");
    const int64_t n = static_cast<int64_t>(pads.size());
    return call.String("mode", mode).In(x, {1}).In<int64_t>({n}, pads).Run();
  };
  EXPECT_REFUSED(pad({2}, {1}, "constant"), MOSAIC_E_BAD_MODEL, "pads has 1 elements for 1 axes");
  EXPECT_REFUSED(pad({2}, {-2, -1}, "constant"), MOSAIC_E_BAD_MODEL, "take more");
  EXPECT_REFUSED(pad({0}, {1, 0}, "edge"), MOSAIC_E_BAD_MODEL, "nothing to pad with");
  EXPECT_REFUSED(pad({2}, {-2, 3}, "wrap"), MOSAIC_E_BAD_MODEL, "nothing to pad with");
  EXPECT_REFUSED(pad({2}, {kFar / 2, 0}, "constant"), MOSAIC_E_LIMIT, "is too large");
  EXPECT_REFUSED(pad({2}, {-kFar - 1, -kFar - 1}, "edge"), MOSAIC_E_LIMIT, "is too large");
  EXPECT_REFUSED(pad({2}, {int64_t{1} << 31, 0}, "constant"), MOSAIC_E_LIMIT, "would exceed");
  EXPECT_REFUSED(pad({2}, {0, 0}, "mirror"), MOSAIC_E_BAD_MODEL, "mode \"mirror\" is unknown");
  OpCall value("Pad");
  EXPECT_REFUSED(value.In({2}, {1}).In<int64_t>({2}, {0, 0}).In<int64_t>({}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "different types");
}

TEST(Pad, ItemsStayWhereNothingIsPadded) {
  OpCall a("Pad"), b("Pad"), c("Pad"), d("CenterCropPad"), e("CenterCropPad");
  const Fact x = ItemsFact({N, S}, 0);
  EXPECT_INFERRED(a, "[N, S + 3]", 0, x, SizesFact({0, 1, 0, 2}));
  EXPECT_INFERRED(b, "[N + 1, S]", kMixed, x, SizesFact({1, 0, 0, 0}));
  EXPECT_INFERRED(c, "[N, S + N]", kMixed, x, SizesFact({0, N, 0, 0}));
  EXPECT_INFERRED(d, "[N, 7]", 0, x, SizesFact({N, 7}));
  EXPECT_INFERRED(e, "[5, 7]", kMixed, x, SizesFact({5, 7}));
}

TEST(CenterCropPad, CropsAndPads) {
  OpCall call("CenterCropPad"), axes("CenterCropPad");
  ASSERT_OK(call.In({1, 4}, {1, 2, 3, 4}).In<int64_t>({2}, {2, 1}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 1}));
  EXPECT_THAT(call.values(), ElementsAre(2, 0));
  ASSERT_OK(axes.Ints("axes", {-1}).In({1, 2}, {1, 2}).In<int32_t>({1}, {5}).Run());
  EXPECT_THAT(axes.values(), ElementsAre(0, 1, 2, 0, 0));
  EXPECT_REFUSED(OpCall("CenterCropPad").In({1, 2}, {1}).In<int64_t>({1}, {5}).Run(),
                 MOSAIC_E_BAD_MODEL, "1 sizes is given for 2 axes");
}

TEST(GatherElements, Values) {
  OpCall call("GatherElements"), strings("GatherElements");
  ASSERT_OK(
      call.Int("axis", 1).In({2, 3}, {1, 2, 3, 4, 5, 6}).In<int32_t>({2, 2}, {0, -1, 1, 1}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 3, 5, 5));
  ASSERT_OK(strings.Strings({2, 2}, {"a", "b", "c", "d"}).In<int64_t>({1, 2}, {1, 0}).Run());
  EXPECT_THAT(strings.strings(), ElementsAre("c", "b"));
}

TEST(GatherElements, RefusalsAndItems) {
  EXPECT_REFUSED(OpCall("GatherElements").In({2, 3}, {1}).In<int64_t>({1, 1}, {2}).Run(),
                 MOSAIC_E_INVALID, "index 2 is out of range for axis 0 of size 2");
  EXPECT_REFUSED(OpCall("GatherElements").In({2, 3}, {1}).In<int64_t>({1, 4}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "indices of shape [1, 4] do not fit data of shape [2, 3]");
  EXPECT_REFUSED(OpCall("GatherElements").In({2}, {1}).In({1}, {0}).Run(), MOSAIC_E_UNSUPPORTED,
                 "indices of type float32");
  OpCall within("GatherElements"), across("GatherElements"), shared("GatherElements");
  within.Int("axis", 1);
  EXPECT_INFERRED(within, "[N, 2]", 0, ItemsFact({N, 5}, 0), ItemsFact({N, 2}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(across, "[N, 2]", kMixed, ItemsFact({N, 5}, 0),
                  ItemsFact({N, 2}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(shared, "[N, 2]", 0, SharedFact({9, 5}), ItemsFact({N, 2}, 0, MOSAIC_INT64));
  OpCall other("GatherElements");
  other.Int("axis", 1);
  EXPECT_INFERRED(other, "[N, 2]", kMixed, SharedFact({9, 5}), ItemsFact({N, 2}, 0, MOSAIC_INT64));
}

TEST(GatherNd, ValuesAndLongSlices) {
  OpCall call("GatherND"), batch("GatherND"), slices("GatherND");
  ASSERT_OK(call.In({2, 2}, {1, 2, 3, 4}).In<int64_t>({2, 2}, {0, 0, -1, 1}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 4));
  ASSERT_OK(
      batch.Int("batch_dims", 1).In({2, 2, 1}, {1, 2, 3, 4}).In<int64_t>({2, 1}, {1, 0}).Run());
  EXPECT_EQ(batch.shape(), (Shape{2, 1}));
  EXPECT_THAT(batch.values(), ElementsAre(2, 3));
  const int64_t n = 50000;
  std::vector<double> data(static_cast<size_t>(2 * n));
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<double>(i);
  ASSERT_OK(slices.In<double>({2, n}, data).In<int32_t>({3, 1}, {1, 0, 1}).Run());
  for (int64_t i = 0; i < n; ++i) {
    ASSERT_EQ(slices.output().data<double>()[i], n + i);
    ASSERT_EQ(slices.output().data<double>()[n + i], i);
  }
}

TEST(GatherNd, RefusalsAndItems) {
  EXPECT_REFUSED(OpCall("GatherND").In({2, 3}, {1}).In<int64_t>({1, 2}, {0, 3}).Run(),
                 MOSAIC_E_INVALID, "index 3 is out of range for axis 1 of size 3");
  EXPECT_REFUSED(OpCall("GatherND").In({2, 3}, {1}).In<int64_t>({1, 3}, {0}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit data of shape [2, 3]");
  EXPECT_REFUSED(
      OpCall("GatherND").Int("batch_dims", 1).In({2}, {1}).In<int64_t>({2, 1}, {0}).Run(),
      MOSAIC_E_BAD_MODEL, "batch_dims 1 is out of range");
  OpCall rows("GatherND"), batch("GatherND"), columns("GatherND"), flat("GatherND");
  EXPECT_INFERRED(rows, "[N, 7]", 0, SharedFact({9, 7}), ItemsFact({N, 1}, 0, MOSAIC_INT64));
  batch.Int("batch_dims", 1);
  EXPECT_INFERRED(batch, "[N, 4]", 0, ItemsFact({N, 7, 4}, 0), ItemsFact({N, 1}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(columns, "[3, N]", 1, ItemsFact({7, N}, 1), SharedFact({3, 1}, MOSAIC_INT64));
  EXPECT_INFERRED(flat, "[N, 4]", kMixed, ItemsFact({N, 4}, 0), ItemsFact({N, 1}, 0, MOSAIC_INT64));
}

TEST(ScatterElements, Reductions) {
  const auto scatter = [](const char* reduction) {
    OpCall call("ScatterElements");
    const Status status = call.String("reduction", reduction)
                              .In({4}, {1, 2, 3, 4})
                              .In<int64_t>({3}, {1, -3, 0})
                              .In({3}, {5, 0.5F, -1})
                              .Run();
    EXPECT_TRUE(status.ok()) << status.message();
    return call.values();
  };
  EXPECT_THAT(scatter("none"), ElementsAre(-1, 0.5F, 3, 4));  // the later update stays
  EXPECT_THAT(scatter("add"), ElementsAre(0, 7.5F, 3, 4));
  EXPECT_THAT(scatter("mul"), ElementsAre(-1, 5, 3, 4));
  EXPECT_THAT(scatter("min"), ElementsAre(-1, 0.5F, 3, 4));
  EXPECT_THAT(scatter("max"), ElementsAre(1, 5, 3, 4));
  OpCall bools("ScatterElements"), bytes("ScatterElements"), nan("ScatterElements");
  ASSERT_OK(bools.String("reduction", "add")
                .In<Bool>({2}, {true, false})
                .In<int32_t>({2}, {0, 0})
                .In<Bool>({2}, {false, false})
                .Run());
  EXPECT_THAT(bools.values<Bool>(), ElementsAre(true, false));
  ASSERT_OK(bytes.String("reduction", "mul")
                .In<int8_t>({1}, {100})
                .In<int64_t>({1}, {0})
                .In<int8_t>({1}, {3})
                .Run());
  EXPECT_THAT(bytes.values<int8_t>(), ElementsAre(44));  // wraps
  ASSERT_OK(nan.String("reduction", "max").In({1}, {NAN}).In<int64_t>({1}, {0}).In({1}, {3}).Run());
  EXPECT_TRUE(std::isnan(nan.values()[0]));
}

TEST(ScatterElements, RefusalsAndItems) {
  EXPECT_REFUSED(OpCall("ScatterElements").In({2}, {1}).In<int64_t>({1}, {-3}).In({1}, {1}).Run(),
                 MOSAIC_E_INVALID, "index -3 is out of range for axis 0 of size 2");
  EXPECT_REFUSED(OpCall("ScatterElements").In({2}, {1}).In<int64_t>({1}, {0}).In({2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not fit data of shape [2]");
  EXPECT_REFUSED(OpCall("ScatterElements")
                     .String("reduction", "mean")
                     .In({2}, {1})
                     .In<int64_t>({1}, {0})
                     .In({1}, {1})
                     .Make(),
                 MOSAIC_E_BAD_MODEL, "reduction \"mean\" is unknown");
  EXPECT_REFUSED(OpCall("ScatterElements")
                     .String("reduction", "add")
                     .Strings({1}, {"a"})
                     .In<int64_t>({1}, {0})
                     .Strings({1}, {"b"})
                     .Run(),
                 MOSAIC_E_UNSUPPORTED, "data that is reduced of type string");
  OpCall within("ScatterElements"), across("ScatterElements");
  within.Int("axis", 1);
  const Fact x = ItemsFact({N, 5}, 0), i = ItemsFact({N, 2}, 0, MOSAIC_INT64),
             u = ItemsFact({N, 2}, 0);
  EXPECT_INFERRED(within, "[N, 5]", 0, x, i, u);
  EXPECT_INFERRED(across, "[N, 5]", kMixed, x, i, u);
  EXPECT_TRUE(within.op().in_place(0));
  EXPECT_FALSE(within.op().in_place(2));
}

TEST(ScatterNd, ReductionsInOrder) {
  OpCall call("ScatterND"), add("ScatterND"), last("ScatterND");
  ASSERT_OK(call.In({2, 2}, {1, 2, 3, 4}).In<int64_t>({1, 1}, {-1}).In({1, 2}, {7, 8}).Run());
  EXPECT_THAT(call.values(), ElementsAre(1, 2, 7, 8));
  ASSERT_OK(add.String("reduction", "add")
                .In<int32_t>({2}, {1, 2})
                .In<int64_t>({3, 1}, {1, 1, 0})
                .In<int32_t>({3}, {10, 20, 30})
                .Run());
  EXPECT_THAT(add.values<int32_t>(), ElementsAre(31, 32));
  const int64_t n = 20000;  // a slice of several units; the second update wins everywhere
  std::vector<float> updates(static_cast<size_t>(2 * n), 1);
  std::fill(updates.begin() + n, updates.end(), 2.0F);
  ASSERT_OK(last.In({1, n}, {0}).In<int64_t>({2, 1}, {0, 0}).In({2, n}, updates).Run());
  EXPECT_THAT(last.values(), testing::Each(2));
}

TEST(ScatterNd, RefusalsAndItems) {
  EXPECT_REFUSED(OpCall("ScatterND").In({2}, {1}).In<int64_t>({1, 1}, {2}).In({1}, {1}).Run(),
                 MOSAIC_E_INVALID, "index 2 is out of range");
  EXPECT_REFUSED(OpCall("ScatterND").In({2}, {1}).In<int64_t>({1, 1}, {0}).In({2}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "updates of shape [2] should be of shape [1]");
  OpCall columns("ScatterND"), rows("ScatterND");
  EXPECT_INFERRED(columns, "[4, N]", 1, ItemsFact({4, N}, 1), SharedFact({2, 1}, MOSAIC_INT64),
                  ItemsFact({2, N}, 1));
  EXPECT_INFERRED(rows, "[N, 4]", kMixed, ItemsFact({N, 4}, 0), SharedFact({2, 1}, MOSAIC_INT64),
                  SharedFact({2, 4}));
}

TEST(TensorScatter, LinearAndCircular) {
  OpCall linear("TensorScatter"), circular("TensorScatter"), bad("TensorScatter");
  const auto given = [](OpCall& call, int64_t at) -> OpCall& {
    return call.In({2, 3, 1}, {1, 2, 3, 4, 5, 6})
        .In({2, 2, 1}, {7, 8, 9, 10})
        .In<int64_t>({2}, {0, at});
  };
  ASSERT_OK(given(linear, 1).Run());
  EXPECT_THAT(linear.values(), ElementsAre(7, 8, 3, 4, 9, 10));
  ASSERT_OK(given(circular.String("mode", "circular"), 5).Run());
  EXPECT_THAT(circular.values(), ElementsAre(7, 8, 3, 10, 5, 9));
  EXPECT_REFUSED(given(bad, 2).Run(), MOSAIC_E_INVALID,
                 "write index 2 is out of range for 2 steps");
  EXPECT_REFUSED(OpCall("TensorScatter").In({2, 3}, {1}).In({2, 4}, {1}).Int("axis", 1).Run(),
                 MOSAIC_E_BAD_MODEL, "does not fit a cache");
  EXPECT_REFUSED(OpCall("TensorScatter").In({2, 3}, {1}).In({2, 1}, {1}).Int("axis", 0).Run(),
                 MOSAIC_E_BAD_MODEL, "axis 0 is the batch");
  OpCall items("TensorScatter"), alone("TensorScatter");
  EXPECT_INFERRED(items, "[N, 3, 1]", 0, ItemsFact({N, 3, 1}, 0), ItemsFact({N, 2, 1}, 0),
                  ItemsFact({N}, 0, MOSAIC_INT64));
  EXPECT_INFERRED(alone, "[N, 3, 1]", kMixed, ItemsFact({N, 3, 1}, 0), ItemsFact({N, 2, 1}, 0),
                  SharedFact({N}, MOSAIC_INT64));
}

}  // namespace
}  // namespace mosaic
