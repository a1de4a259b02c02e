// Softmax, LogSoftmax, Hardmax, reductions, ArgMax, ArgMin.
#include <cmath>
#include <limits>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::IsNan;

constexpr float kInf = std::numeric_limits<float>::infinity();
const Dim N = Dim::Symbol("N");

// Where the items of input 0, of shape [2, N, 3], go.
int ItemAxis(OpCall& call, const std::vector<Fact>& more = {}) {
  Fact x = Fact::Of(MOSAIC_FLOAT, {2, N, 3});
  x.item_axis = 1;
  std::vector<Fact> facts = {x};
  facts.insert(facts.end(), more.begin(), more.end());
  const Status s = call.Infer(facts, "N");
  EXPECT_TRUE(s.ok()) << s.message();
  return call.fact().item_axis;
}
Fact Axes(std::vector<int64_t> axes) {
  Fact f = Fact::Of(MOSAIC_INT64, {static_cast<int64_t>(axes.size())});
  f.item_axis = kShared;
  f.ints = std::make_shared<Dims>(axes.begin(), axes.end());
  return f;
}

TEST(SoftmaxTest, Values) {
  OpCall last("Softmax"), log("LogSoftmax"), uneven("Softmax");
  ASSERT_OK(last.In({1, 2, 2}, {0}).Run());
  EXPECT_THAT(last.values(), ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
  ASSERT_OK(log.Int("axis", 2).In({1, 1, 2}, {1000, 1000}).Run());
  EXPECT_THAT(log.values(), ElementsAre(FloatEq(-std::log(2.0F)), FloatEq(-std::log(2.0F))));
  ASSERT_OK(uneven.In({3}, {0, std::log(2.0F), std::log(5.0F)}).Run());
  EXPECT_THAT(uneven.values(), ElementsAre(FloatEq(0.125F), FloatEq(0.25F), FloatEq(0.625F)));
}

TEST(SoftmaxTest, InnerAxisHasTheBitsOfTheLast) {
  std::vector<float> x(5 * 100), turned(5 * 100);
  for (size_t i = 0; i < 5; ++i) {
    for (size_t k = 0; k < 100; ++k) {
      x[i * 100 + k] = turned[k * 5 + i] = std::sin(static_cast<float>(i * 100 + k)) * 5;
    }
  }
  OpCall rows("Softmax"), columns("Softmax");
  ASSERT_OK(rows.In({5, 100}, x).Run());
  ASSERT_OK(columns.Int("axis", 0).In({100, 5}, turned).Run());
  for (size_t i = 0; i < 5; ++i) {
    for (size_t k = 0; k < 100; ++k) {
      ASSERT_EQ(rows.values()[i * 100 + k], columns.values()[k * 5 + i]);
    }
  }
}

TEST(SoftmaxTest, LongVectorsInParts) {
  const int64_t n = 100000;
  std::vector<float> x(static_cast<size_t>(n), -1);
  x[70000] = 10;
  OpCall call("Softmax"), log("LogSoftmax"), half("Softmax");
  ASSERT_OK(call.In({2, n}, x).Run());
  const double sum = 1 + (static_cast<double>(n) - 1) * std::exp(-11.0);
  EXPECT_THAT(call.values()[70000], FloatNear(static_cast<float>(1 / sum), 1e-6F));
  EXPECT_THAT(call.values()[static_cast<size_t>(n)],
              FloatNear(static_cast<float>(std::exp(-11.0) / sum), 1e-11F));
  ASSERT_OK(log.Int("axis", 0).In({n, 1}, x).Run());
  EXPECT_THAT(log.values()[0], FloatNear(static_cast<float>(-11 - std::log(sum)), 1e-5F));
  ASSERT_OK(half.In<Float16>({1, n}, x).Run());
  EXPECT_THAT(half.values<Float16>()[70000], FloatNear(static_cast<float>(1 / sum), 1e-3F));
}

TEST(SoftmaxTest, ItemsAndRefusals) {
  OpCall apart("Softmax"), across("Softmax");
  EXPECT_EQ(ItemAxis(apart), 1);
  across.Int("axis", -2);
  EXPECT_EQ(ItemAxis(across), kMixed);
  EXPECT_REFUSED(OpCall("Softmax").Int("axis", 2).In({2, 2}, {0}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 2 is out of range");
  EXPECT_REFUSED(OpCall("Softmax").In<int32_t>({2, 2}, {0}).Run(), MOSAIC_E_UNSUPPORTED, "int32");
}

TEST(HardmaxTest, FirstLargest) {
  OpCall call("Hardmax"), inner("Hardmax"), across("Hardmax");
  ASSERT_OK(call.In({2, 3}, {1, 7, 7, 5, 4, 3}).Run());
  EXPECT_THAT(call.values(), ElementsAre(0, 1, 0, 1, 0, 0));
  ASSERT_OK(inner.Int("axis", 0).In({2, 2}, {1, 9, 3, 2}).Run());
  EXPECT_THAT(inner.values(), ElementsAre(0, 1, 1, 0));
  EXPECT_EQ(ItemAxis(across.Int("axis", 1)), kMixed);
  std::vector<float> x(100000, 1);
  x[90000] = 2;
  OpCall longer("Hardmax");
  ASSERT_OK(longer.In({100000}, x).Run());
  EXPECT_EQ(longer.values()[90000], 1);
  EXPECT_EQ(longer.values()[0], 0);
}

TEST(ReduceTest, Axes) {
  OpCall input("ReduceSum"), all("ReduceMean"), noop("ReduceSum"), several("ReduceSum");
  ASSERT_OK(several.Int("keepdims", 0)
                .In({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7})
                .In<int64_t>({2}, {0, -1})
                .Run());
  EXPECT_EQ(several.shape(), Shape{2});
  EXPECT_THAT(several.values(), ElementsAre(10, 18));
  ASSERT_OK(input.In({2, 2}, {1, 2, 3, 4}).In<int64_t>({1}, {1}).Run());
  EXPECT_EQ(input.shape(), (Shape{2, 1}));
  EXPECT_THAT(input.values(), ElementsAre(3, 7));
  ASSERT_OK(all.In({2, 2}, {1, 2, 3, 4}).Run());
  EXPECT_EQ(all.shape(), (Shape{1, 1}));
  EXPECT_THAT(all.values(), ElementsAre(2.5F));
  ASSERT_OK(noop.Int("noop_with_empty_axes", 1).In({2}, {1, 2}).In<int64_t>({0}, {0}).Run());
  EXPECT_THAT(noop.values(), ElementsAre(1, 2));
}

TEST(ReduceTest, ItemsGoWithTheirAxis) {
  OpCall kept("ReduceSum"), moved("ReduceSum"), reduced("ReduceSum"), unknown("ReduceSum");
  EXPECT_EQ(ItemAxis(kept, {Axes({0})}), 1);
  moved.Int("keepdims", 0);
  EXPECT_EQ(ItemAxis(moved, {Axes({0, 2})}), 0);
  EXPECT_EQ(ItemAxis(reduced, {Axes({1})}), kMixed);
  Fact axes = Fact::Of(MOSAIC_INT64, {1});
  axes.item_axis = kShared;
  EXPECT_EQ(ItemAxis(unknown, {axes}), kMixed);
  EXPECT_EQ(unknown.fact().rank(), 3);
}

TEST(ReduceTest, SizesAreFollowed) {
  const auto followed = [](const char* name) {
    OpCall call(name);
    call.Int("keepdims", 0);
    Fact sizes = Axes({});
    sizes.dims = {2};
    sizes.ints = std::make_shared<Dims>(Dims{N, 12});
    EXPECT_TRUE(call.Infer({sizes}, "N").ok());
    return call.fact().ints == nullptr ? "nothing" : ShapeString(*call.fact().ints);
  };
  EXPECT_EQ(followed("ReduceProd"), "[12*N]");
  EXPECT_EQ(followed("ReduceSum"), "[N + 12]");
  EXPECT_EQ(followed("ReduceMean"), "nothing");
}

TEST(ReduceTest, SumsOfManyFloatsAreAccurate) {
  OpCall call("ReduceSum");
  ASSERT_OK(call.In({1000000}, {0.1F}).Run());
  EXPECT_THAT(call.values(), ElementsAre(FloatNear(1e5F, 0.01F)));
}

// The order is that of the reduced axes alone: rows, columns and both at once give the same bits.
TEST(ReduceTest, BitsDoNotDependOnTheLayout) {
  const size_t n = 70001, m = 3;
  std::vector<float> rows(n * m), columns(n * m);
  for (size_t i = 0; i < m; ++i) {
    for (size_t k = 0; k < n; ++k) {
      rows[i * n + k] = columns[k * m + i] = std::exp(std::sin(static_cast<float>(k * 7 + i)) * 20);
    }
  }
  for (const char* name :
       {"ReduceSum", "ReduceMean", "ReduceL2", "ReduceLogSumExp", "ReduceProd"}) {
    OpCall a(name), b(name);
    ASSERT_OK(a.Int("keepdims", 0)
                  .In<double>({3, 70001}, {rows.begin(), rows.end()})
                  .In<int64_t>({1}, {1})
                  .Run());
    ASSERT_OK(b.Int("keepdims", 0)
                  .In<double>({70001, 3}, {columns.begin(), columns.end()})
                  .In<int64_t>({1}, {0})
                  .Run());
    EXPECT_EQ(a.values<double>(), b.values<double>()) << name;
    // One alone.
    OpCall alone(name);
    ASSERT_OK(alone.In<double>({1, 70001}, {rows.begin(), rows.begin() + 70001})
                  .In<int64_t>({1}, {1})
                  .Run());
    EXPECT_EQ(alone.values<double>()[0], a.values<double>()[0]) << name;
  }
}

TEST(ReduceTest, EveryFunction) {
  const auto of = [](const char* name) {
    OpCall call(name);
    const Status s = call.Int("keepdims", 0).In({5}, {3, -4, 0.5F, 2, -1}).Run();
    return s.ok() ? call.values()[0] : std::nanf("");
  };
  EXPECT_FLOAT_EQ(of("ReduceL1"), 10.5F);
  EXPECT_FLOAT_EQ(of("ReduceL2"), std::sqrt(30.25F));
  EXPECT_FLOAT_EQ(of("ReduceMax"), 3);
  EXPECT_FLOAT_EQ(of("ReduceMean"), 0.1F);
  EXPECT_FLOAT_EQ(of("ReduceMin"), -4);
  EXPECT_FLOAT_EQ(of("ReduceProd"), 12);
  EXPECT_FLOAT_EQ(of("ReduceSum"), 0.5F);
  EXPECT_FLOAT_EQ(of("ReduceSumSquare"), 30.25F);
  EXPECT_FLOAT_EQ(of("ReduceLogSum"), std::log(0.5F));
  EXPECT_FLOAT_EQ(of("ReduceLogSumExp"),
                  std::log(std::exp(3.0F) + std::exp(-4.0F) + std::exp(0.5F) + std::exp(2.0F) +
                           std::exp(-1.0F)));
  OpCall far("ReduceLogSumExp");
  ASSERT_OK(far.In<double>({20}, {1000, 999, -5000, 1000}).Run());
  EXPECT_NEAR(far.values<double>()[0], 1000 + std::log(10 + 5 * std::exp(-1)), 1e-12);
}

TEST(ReduceTest, Types) {
  OpCall max("ReduceMax"), wraps("ReduceProd"), nan("ReduceMin"), any("ReduceMax"),
      every("ReduceMin"), root("ReduceL2"), mean("ReduceMean");
  ASSERT_OK(max.In<uint8_t>({3}, {1, 200, 3}).Run());
  EXPECT_THAT(max.values<uint8_t>(), ElementsAre(200));
  ASSERT_OK(wraps.In<int32_t>({3}, {1 << 16, 1 << 16, 3}).Run());
  EXPECT_THAT(wraps.values<int32_t>(), ElementsAre(0));
  ASSERT_OK(nan.In({3}, {1, std::nanf(""), -3}).Run());
  EXPECT_THAT(nan.values(), ElementsAre(IsNan()));
  ASSERT_OK(any.In<Bool>({2, 2}, {false, true, false, false}).In<int64_t>({1}, {1}).Run());
  EXPECT_THAT(any.values<Bool>(), ElementsAre(true, false));
  ASSERT_OK(every.In<Bool>({2, 2}, {true, true, true, false}).In<int64_t>({1}, {1}).Run());
  EXPECT_THAT(every.values<Bool>(), ElementsAre(true, false));
  ASSERT_OK(root.In<int32_t>({2}, {3, 4}).Run());
  EXPECT_THAT(root.values<int32_t>(), ElementsAre(5));
  ASSERT_OK(mean.In<int8_t>({2}, {-3, -4}).Run());
  EXPECT_THAT(mean.values<int8_t>(), ElementsAre(-3));
  EXPECT_REFUSED(OpCall("ReduceSum").In<Bool>({2}, {true}).Run(), MOSAIC_E_UNSUPPORTED, "bool");
  EXPECT_REFUSED(OpCall("ReduceMax").In({2}, {0}).In<int64_t>({2}, {0, -1}).Run(),
                 MOSAIC_E_BAD_MODEL, "twice");
  EXPECT_REFUSED(OpCall("ReduceMax").In({2}, {0}).In<int64_t>({1}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 1 is out of range");
}

TEST(ReduceTest, OfNothing) {
  const auto of = [](const char* name) {
    OpCall call(name);
    const Status s = call.In({2, 0}, {0}).In<int64_t>({1}, {1}).Run();
    EXPECT_TRUE(s.ok()) << s.message();
    return call.values();
  };
  EXPECT_THAT(of("ReduceSum"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceProd"), ElementsAre(1, 1));
  EXPECT_THAT(of("ReduceL1"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceMax"), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(of("ReduceMin"), ElementsAre(kInf, kInf));
  EXPECT_THAT(of("ReduceLogSum"), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(of("ReduceLogSumExp"), ElementsAre(-kInf, -kInf));
  OpCall lowest("ReduceMax");
  ASSERT_OK(lowest.In<int8_t>({0}, {0}).Run());
  EXPECT_THAT(lowest.values<int8_t>(), ElementsAre(-128));
  EXPECT_REFUSED(OpCall("ReduceMean").In({2, 0}, {0}).Run(), MOSAIC_E_INVALID, "no elements");
}

TEST(ArgExtremumTest, TiesAndNaN) {
  OpCall first("ArgMax"), last("ArgMax"), nan("ArgMin"), inner("ArgMin");
  ASSERT_OK(first.Int("axis", 0).In({4}, {1, 7, 7, 0}).Run());
  EXPECT_THAT(first.values<int64_t>(), ElementsAre(1));
  ASSERT_OK(last.Int("select_last_index", 1).In({4}, {1, 7, 7, 0}).Run());
  EXPECT_THAT(last.values<int64_t>(), ElementsAre(2));
  ASSERT_OK(nan.In({3}, {1, std::nanf(""), 0}).Run());
  EXPECT_THAT(nan.values<int64_t>(), ElementsAre(1));
  ASSERT_OK(inner.Int("axis", 1).Int("keepdims", 0).In({1, 2, 2}, {5, 1, 2, 9}).Run());
  EXPECT_EQ(inner.shape(), (Shape{1, 2}));
  EXPECT_THAT(inner.values<int64_t>(), ElementsAre(1, 0));
  EXPECT_REFUSED(OpCall("ArgMax").In({0}, {0}).Run(), MOSAIC_E_INVALID, "length 0");
}

TEST(ArgExtremumTest, LongVectorsAndItems) {
  std::vector<float> x(100000, 1);
  x[40000] = x[90000] = 2;
  OpCall first("ArgMax"), last("ArgMax");
  ASSERT_OK(first.In({100000}, x).Run());
  EXPECT_THAT(first.values<int64_t>(), ElementsAre(40000));
  ASSERT_OK(last.Int("select_last_index", 1).In({100000}, x).Run());
  EXPECT_THAT(last.values<int64_t>(), ElementsAre(90000));
  OpCall before("ArgMax"), across("ArgMax"), after("ArgMax");
  EXPECT_EQ(ItemAxis(before.Int("axis", 0).Int("keepdims", 0)), 0);
  EXPECT_EQ(ItemAxis(across.Int("axis", 1)), kMixed);
  EXPECT_EQ(ItemAxis(after.Int("axis", 2).Int("keepdims", 0)), 1);
}

}  // namespace
}  // namespace mosaic
