// Operators whose results depend on elements: TopK, Unique, NonZero, Compress, NonMaxSuppression.
#include <algorithm>
#include <cmath>
#include <random>

#include "op/array/infer_items.h"

namespace mosaic {
namespace {

using testing::ElementsAre;

const Dim N = Dim::Symbol("N");

std::vector<float> Draw(size_t n, int different) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::vector<float> v(n);
  for (float& x : v)
    x = static_cast<float>(static_cast<int>(random() % static_cast<unsigned>(different)));
  return v;
}

TEST(TopK, EqualsAStableSortAtAnyLength) {
  for (int64_t n : {1, 5, 1024, 1025, 5000}) {
    for (int64_t k :
         {int64_t{0}, int64_t{1}, std::min<int64_t>(n, 7), std::min<int64_t>(n, 1500), n}) {
      for (bool largest : {true, false}) {
        const std::vector<float> x = Draw(static_cast<size_t>(2 * n), 50);
        OpCall call("TopK");
        ASSERT_OK(
            call.Int("largest", largest).Outputs(2).In({2, n}, x).In<int64_t>({1}, {k}).Run());
        ASSERT_EQ(call.shape(1), (Shape{2, k}));
        for (int64_t row = 0; row < 2; ++row) {
          std::vector<int64_t> order(static_cast<size_t>(n));
          for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
          const float* values = x.data() + row * n;
          std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
            return largest ? values[a] > values[b] : values[a] < values[b];
          });
          for (int64_t i = 0; i < k; ++i) {
            ASSERT_EQ(call.output(1).data<int64_t>()[row * k + i], order[static_cast<size_t>(i)]);
            ASSERT_EQ(call.output().data<float>()[row * k + i],
                      values[order[static_cast<size_t>(i)]]);
          }
        }
      }
    }
  }
}

TEST(TopK, AxisNanAndTypes) {
  OpCall axis("TopK"), nan("TopK"), bytes("TopK");
  ASSERT_OK(
      axis.Int("axis", 0).Outputs(2).In({3, 2}, {1, 9, 5, 4, 3, 6}).In<int64_t>({1}, {2}).Run());
  EXPECT_THAT(axis.values(), ElementsAre(5, 9, 3, 6));
  EXPECT_THAT(axis.values<int64_t>(1), ElementsAre(1, 0, 2, 2));
  ASSERT_OK(nan.Outputs(2).In({4}, {1, NAN, 3, NAN}).In<int64_t>({}, {3}).Run());
  EXPECT_THAT(nan.values<int64_t>(1), ElementsAre(1, 3, 2));
  ASSERT_OK(
      bytes.Int("largest", 0).Outputs(2).In<Float16>({3}, {2, -1, 0}).In<int64_t>({1}, {1}).Run());
  EXPECT_THAT(bytes.values<Float16>(), ElementsAre(-1));
}

TEST(TopK, RefusalsAndItems) {
  EXPECT_REFUSED(OpCall("TopK").In({2}, {1}).In<int64_t>({1}, {3}).Run(), MOSAIC_E_BAD_MODEL,
                 "K is 3, axis 0 of shape [2] has fewer elements");
  EXPECT_REFUSED(OpCall("TopK").In({2}, {1}).In<int64_t>({1}, {-1}).Run(), MOSAIC_E_BAD_MODEL,
                 "K is -1");
  EXPECT_REFUSED(OpCall("TopK").In({2}, {1}).In<int64_t>({2}, {1, 1}).Run(), MOSAIC_E_BAD_MODEL,
                 "one element");
  EXPECT_REFUSED(OpCall("TopK").Strings({1}, {"a"}).In<int64_t>({1}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "string");
  OpCall within("TopK"), across("TopK"), counted("TopK");
  EXPECT_INFERRED(within.Outputs(2), "[N, 2]", 0, ItemsFact({N, 5}, 0), SizesFact({2}));
  EXPECT_EQ(within.fact(1).item_axis, 0);
  across.Int("axis", 0);
  EXPECT_INFERRED(across, "[2, 5]", kMixed, ItemsFact({N, 5}, 0), SizesFact({2}));
  EXPECT_EQ(InferredOf(counted, {ItemsFact({N, 5}, 0), SizesFact({N})}).axis, kMixed);
}

TEST(Unique, SortedAndInOrderOfOccurrence) {
  OpCall sorted("Unique"), plain("Unique");
  ASSERT_OK(sorted.Outputs(4).In({2, 3}, {2, 1, 1, 3, 4, 3}).Run());
  EXPECT_THAT(sorted.values(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(sorted.values<int64_t>(1), ElementsAre(1, 0, 3, 4));
  EXPECT_THAT(sorted.values<int64_t>(2), ElementsAre(1, 0, 0, 2, 3, 2));
  EXPECT_THAT(sorted.values<int64_t>(3), ElementsAre(2, 1, 2, 1));
  ASSERT_OK(plain.Int("sorted", 0).Outputs(4).Strings({4}, {"b", "a", "b", "c"}).Run());
  EXPECT_THAT(plain.strings(), ElementsAre("b", "a", "c"));
  EXPECT_THAT(plain.values<int64_t>(1), ElementsAre(0, 1, 3));
  EXPECT_THAT(plain.values<int64_t>(2), ElementsAre(0, 1, 0, 2));
  EXPECT_THAT(plain.values<int64_t>(3), ElementsAre(2, 1, 1));
}

TEST(Unique, SlicesNanAndNothing) {
  OpCall columns("Unique"), nan("Unique"), nothing("Unique");
  ASSERT_OK(columns.Int("axis", 1).Outputs(3).In({2, 3}, {2, 1, 2, 0, 9, 0}).Run());
  EXPECT_EQ(columns.shape(), (Shape{2, 2}));
  EXPECT_THAT(columns.values(), ElementsAre(1, 2, 9, 0));
  EXPECT_THAT(columns.values<int64_t>(2), ElementsAre(1, 0, 1));
  ASSERT_OK(nan.Outputs(4).In({4}, {NAN, 1, NAN, 0}).Run());
  EXPECT_THAT(nan.values<int64_t>(3), ElementsAre(1, 1, 2));
  ASSERT_OK(nothing.Outputs(4).In({0}, {0}).Run());
  EXPECT_EQ(nothing.shape(3), Shape{0});
  EXPECT_REFUSED(OpCall("Unique").Int("axis", 1).In({2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "axis 1 is out of range");
}

TEST(Unique, OfManyEqualsADefinition) {
  const std::vector<float> x = Draw(20000, 3000);
  for (int64_t sorted : {0, 1}) {
    OpCall call("Unique");
    ASSERT_OK(call.Int("sorted", sorted).Outputs(4).In({20000}, x).Run());
    std::vector<float> want = x;
    std::sort(want.begin(), want.end());
    want.erase(std::unique(want.begin(), want.end()), want.end());
    std::vector<float> got = call.values();
    const auto indices = call.values<int64_t>(1), inverse = call.values<int64_t>(2);
    ASSERT_EQ(got.size(), want.size());
    EXPECT_EQ(std::is_sorted(got.begin(), got.end()), sorted == 1);
    EXPECT_EQ(std::is_sorted(indices.begin(), indices.end()), sorted == 0);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(got[static_cast<size_t>(inverse[i])], x[i]);
    for (size_t g = 0; g < got.size(); ++g) {
      ASSERT_EQ(std::find(x.begin(), x.end(), got[g]) - x.begin(), indices[g]);
      ASSERT_EQ(std::count(x.begin(), x.end(), got[g]), call.output(3).data<int64_t>()[g]);
    }
    std::sort(got.begin(), got.end());
    EXPECT_EQ(got, want);
  }
}

TEST(NonZero, Coordinates) {
  OpCall call("NonZero"), scalar("NonZero"), none("NonZero"), many("NonZero");
  ASSERT_OK(call.In<Bool>({2, 2}, {true, false, true, true}).Run());
  EXPECT_EQ(call.shape(), (Shape{2, 3}));
  EXPECT_THAT(call.values<int64_t>(), ElementsAre(0, 1, 1, 0, 0, 1));
  ASSERT_OK(scalar.In({}, {3}).Run());
  EXPECT_EQ(scalar.shape(), (Shape{1, 1}));
  EXPECT_THAT(scalar.values<int64_t>(), ElementsAre(0));
  ASSERT_OK(none.In({0, 4}, {1}).Run());
  EXPECT_EQ(none.shape(), (Shape{2, 0}));
  const std::vector<float> x = Draw(50000, 3);
  ASSERT_OK(many.In({50000}, x).Run());
  std::vector<int64_t> want;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] != 0) want.push_back(static_cast<int64_t>(i));
  }
  EXPECT_EQ(many.values<int64_t>(), want);
  OpCall items("NonZero");
  EXPECT_EQ(InferredOf(items, {ItemsFact({N, 5}, 0)}).axis, kMixed);
  EXPECT_REFUSED(OpCall("NonZero").Strings({1}, {"a"}).Run(), MOSAIC_E_UNSUPPORTED, "string");
}

TEST(Compress, AlongAnAxisAndFlat) {
  OpCall axis("Compress"), flat("Compress"), many("Compress");
  ASSERT_OK(
      axis.Int("axis", -1).In({2, 3}, {1, 2, 3, 4, 5, 6}).In<Bool>({3}, {false, true, true}).Run());
  EXPECT_THAT(axis.values(), ElementsAre(2, 3, 5, 6));
  ASSERT_OK(flat.Strings({2, 2}, {"a", "b", "c", "d"}).In<Bool>({3}, {false, true, true}).Run());
  EXPECT_THAT(flat.strings(), ElementsAre("b", "c"));
  const std::vector<float> x = Draw(30000, 1000);
  ASSERT_OK(many.Int("axis", 0).In({10000, 3}, x).In<Bool>({10000}, {true, false, false}).Run());
  ASSERT_EQ(many.shape(), (Shape{3334, 3}));
  for (size_t i = 0; i < 3334; ++i) ASSERT_EQ(many.values()[3 * i + 1], x[9 * i + 1]);
  EXPECT_REFUSED(OpCall("Compress").In({2}, {1}).In({2}, {1}).Run(), MOSAIC_E_UNSUPPORTED,
                 "a condition of type float32");
  EXPECT_REFUSED(OpCall("Compress").In({2}, {1}).In<Bool>({1, 2}, {true}).Run(), MOSAIC_E_BAD_MODEL,
                 "one dimension");
  OpCall within("Compress"), across("Compress");
  within.Int("axis", 1);
  EXPECT_EQ(InferredOf(within, {ItemsFact({N, 5}, 0), SharedFact({5}, MOSAIC_BOOL)}).axis, 0);
  across.Int("axis", 0);
  EXPECT_EQ(InferredOf(across, {ItemsFact({N, 5}, 0), SharedFact({5}, MOSAIC_BOOL)}).axis, kMixed);
}

// The operator by its words.
std::vector<int64_t> Suppressed(const std::vector<float>& boxes, const std::vector<float>& scores,
                                size_t most, float overlap, float least) {
  std::vector<size_t> order(scores.size()), chosen;
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t i : order) {
    if (chosen.size() == most || !(scores[i] > least)) break;
    const float* a = &boxes[4 * i];
    bool free = true;
    for (size_t j : chosen) {
      const float* b = &boxes[4 * j];
      const float h = std::min(a[2], b[2]) - std::max(a[0], b[0]);
      const float w = std::min(a[3], b[3]) - std::max(a[1], b[1]);
      const float both = h > 0 && w > 0 ? h * w : 0;
      const float all = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;
      free = free && !(both / all > overlap);
    }
    if (free) chosen.push_back(i);
  }
  std::vector<int64_t> rows;
  for (size_t i : chosen) {
    rows.insert(rows.end(), {0, 0, static_cast<int64_t>(i)});
  }
  return rows;
}

TEST(NonMaxSuppression, EqualsItsDefinition) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> place(0, 10), size(0.5F, 2), score(0, 1);
  const size_t n = 3000;
  std::vector<float> boxes, scores;
  for (size_t i = 0; i < n; ++i) {
    const float y = place(random), x = place(random);
    boxes.insert(boxes.end(), {y, x, y + size(random), x + size(random)});
    scores.push_back(std::round(score(random) * 100) / 100);  // with ties
  }
  for (int64_t most : {0, 5, 100000}) {
    OpCall call("NonMaxSuppression");
    ASSERT_OK(call.In({1, 3000, 4}, boxes)
                  .In({1, 1, 3000}, scores)
                  .In<int64_t>({1}, {most})
                  .In({1}, {0.3F})
                  .In({1}, {0.2F})
                  .Run());
    EXPECT_EQ(call.values<int64_t>(),
              Suppressed(boxes, scores, static_cast<size_t>(most), 0.3F, 0.2F));
  }
}

TEST(NonMaxSuppression, BatchesClassesDefaultsAndRefusals) {
  OpCall call("NonMaxSuppression"), none("NonMaxSuppression");
  ASSERT_OK(call.Int("center_point_box", 1)
                .In({2, 2, 4}, {0, 0, 2, 2, 5, 5, 2, 2, 0, 0, 2, 2, 0.1F, 0, 2, 2})
                .In({2, 2, 2}, {1, 2, NAN, 1, 3, 1, 1, 3})
                .In<int64_t>({}, {9})
                .In({}, {0.5F})
                .Run());
  EXPECT_THAT(call.values<int64_t>(), ElementsAre(0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1));
  ASSERT_OK(none.In({1, 2, 4}, {0, 0, 1, 1}).In({1, 1, 2}, {1}).Run());
  EXPECT_EQ(none.shape(), (Shape{0, 3}));
  EXPECT_REFUSED(OpCall("NonMaxSuppression").In({1, 2, 4}, {1}).In({1, 1, 3}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "do not belong together");
  EXPECT_REFUSED(OpCall("NonMaxSuppression").In<double>({1, 2, 4}, {1}).In({1, 1, 2}, {1}).Run(),
                 MOSAIC_E_UNSUPPORTED, "boxes of type float64");
  EXPECT_REFUSED(OpCall("NonMaxSuppression")
                     .Int("center_point_box", 2)
                     .In({1, 2, 4}, {1})
                     .In({1, 1, 2}, {1})
                     .Make(),
                 MOSAIC_E_BAD_MODEL, "center_point_box");
}

}  // namespace
}  // namespace mosaic
