#include "core/dedup/gate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "core/dedup/merge_order.h"
#include "run/fake_store.h"

namespace mosaic {
namespace {

using testing::Seed;

GateSettings Exactly(double max_drop) {
  GateSettings s;
  s.max_drop = max_drop;
  s.resolution = 0;
  return s;
}

// Runs a gate; metric(selection) must be a function. Checks what must hold of every run.
template <typename F>
Gate RunGate(const std::vector<size_t>& layers, const GateSettings& settings, F metric) {
  Gate gate(layers, settings);
  while (gate.Next()) {
    EXPECT_EQ(gate.candidate().size(), layers.size());
    for (size_t l = 0; l < layers.size(); ++l) EXPECT_LE(gate.candidate()[l], layers[l]);
    gate.Report(metric(gate.candidate()));
    EXPECT_LT(gate.points().size(), 10000u);
  }
  // The promise: the accepted state was measured itself, and keeps the bound.
  EXPECT_EQ(metric(gate.accepted()), gate.accepted_metric());
  const double drop =
      (settings.higher_is_better ? 1 : -1) * (gate.baseline() - gate.accepted_metric());
  EXPECT_LE(drop, settings.max_drop + 1e-12);
  EXPECT_TRUE(std::any_of(gate.points().begin(), gate.points().end(), [&](const Gate::Point& p) {
    return p.kept && p.selection == gate.accepted() && p.metric == gate.accepted_metric();
  }));
  return gate;
}

TEST(GateTest, AllAtOnceWhereAllIsGood) {
  const Gate gate = RunGate({1000, 50, 3}, Exactly(0.01), [](const Selection&) { return 0.9; });
  EXPECT_EQ(gate.accepted(), (Selection{1000, 50, 3}));
  EXPECT_EQ(gate.points().size(), 2u);  // the baseline, and all
}

TEST(GateTest, NothingToMergeIsMeasuredOnce) {
  const Gate gate = RunGate({}, Exactly(0.01), [](const Selection&) { return 0.9; });
  EXPECT_EQ(gate.points().size(), 1u);
  EXPECT_EQ(gate.merged(), 0u);
}

TEST(GateTest, AllIsAcceptedUnmeasuredWhereNoMetricIsAskedFor) {
  Gate gate({100, 20}, Exactly(0.0));
  gate.AcceptAll();
  EXPECT_EQ(gate.accepted(), (Selection{100, 20}));
  EXPECT_EQ(gate.merged(), 120u);
  EXPECT_FALSE(gate.Next());
  EXPECT_TRUE(gate.points().empty());
}

TEST(GateTest, NothingKeepsTheBound) {
  const Gate gate = RunGate({100, 20}, Exactly(0.0), [](const Selection& s) {
    return std::accumulate(s.begin(), s.end(), size_t{0}) == 0 ? 0.9 : 0.1;
  });
  EXPECT_EQ(gate.accepted(), (Selection{0, 0}));
  EXPECT_EQ(gate.accepted_metric(), 0.9);
}

TEST(GateTest, ASensitiveLayerDoesNotBlockTheOthers) {
  const Gate gate = RunGate({100, 40, 30, 20}, Exactly(0.01),
                            [](const Selection& s) { return s[1] > 5 || s[2] > 0 ? 0.5 : 0.9; });
  EXPECT_EQ(gate.accepted(), (Selection{100, 5, 0, 20}));
}

// For a monotone metric: the longest prefix, exactly, with few evaluations.
TEST(GateTest, FindsTheLongestPrefixOfAMonotoneMetric) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int trial = 0; trial < 500; ++trial) {
    const size_t n = 1 + rng() % 5000;
    const size_t limit = rng() % (n + 1);
    const Gate gate =
        RunGate({n}, Exactly(0.01), [&](const Selection& s) { return s[0] <= limit ? 0.9 : 0.8; });
    ASSERT_EQ(gate.merged(), limit);
    EXPECT_LE(gate.points().size(), 3 + static_cast<size_t>(std::log2(n)));
  }
}

// Against walking merge by merge: metrics that are anything but monotone, small cases.
TEST(GateTest, NeverStopsBeforeTheFirstFailure) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<size_t> layers(1 + rng() % 4);
    for (size_t& l : layers) l = 1 + rng() % 12;
    // A random drop for each merge, and noise for each state.
    const unsigned noise_seed = rng();
    const double slope = (rng() % 100) * 1e-4, noise = (rng() % 100) * 1e-4;
    const auto metric = [&](const Selection& s) {
      double m = 0.9;
      unsigned hash = noise_seed;
      for (size_t l = 0; l < s.size(); ++l) {
        m -= slope * static_cast<double>(s[l]) * static_cast<double>((noise_seed >> l) % 3);
        hash = hash * 31 + static_cast<unsigned>(s[l]);
      }
      std::minstd_rand state(hash + 1);
      state.discard(3);
      return m - noise * static_cast<double>(state() % 1000) / 1000;
    };
    GateSettings settings = Exactly((rng() % 100) * 1e-3);
    const Gate gate = RunGate(layers, settings, metric);
    const size_t total = std::accumulate(layers.begin(), layers.end(), size_t{0});
    size_t walked = 0;  // merges before the first failure
    for (size_t n = 1; n <= total; ++n, ++walked) {
      Selection s(layers.size());
      size_t left = n;
      for (size_t l = 0; l < layers.size(); ++l) left -= s[l] = std::min(left, layers[l]);
      if (gate.baseline() - metric(s) > settings.max_drop) break;
    }
    EXPECT_GE(gate.merged(), walked) << "trial " << trial;
  }
}

TEST(GateTest, ResolutionBoundsTheEvaluations) {
  GateSettings s = Exactly(0.01);
  s.resolution = 1.0 / 128;
  const Gate gate =
      RunGate({100000}, s, [](const Selection& x) { return x[0] <= 77777 ? 0.9 : 0.8; });
  EXPECT_LE(gate.points().size(), 2u + 8u);
  EXPECT_LE(gate.merged(), 77777u);
  EXPECT_GE(gate.merged(), 77777u - 100000u / 128);
}

TEST(GateTest, StopsAtTheMostEvaluations) {
  GateSettings s = Exactly(0.01);
  s.max_evaluations = 4;
  const Gate gate =
      RunGate({100000}, s, [](const Selection& x) { return x[0] <= 77777 ? 0.9 : 0.8; });
  EXPECT_EQ(gate.points().size(), 4u);
  EXPECT_EQ(gate.merged(), 75000u);
}

// What is believed to be good is tried next if not everything is, and costs nothing if it is not.
TEST(GateTest, BelievesAndVerifies) {
  GateSettings s = Exactly(0.01);
  s.resolution = 1.0 / 128;
  s.believed = 70000;
  const auto limit = [](size_t most) {
    return [most](const Selection& x) { return x[0] + x[1] <= most ? 0.9 : 0.8; };
  };
  const Gate good = RunGate({70000, 30000}, s, limit(70000));
  EXPECT_EQ(good.points()[2].selection, (Selection{70000, 0}));
  EXPECT_TRUE(good.points()[2].kept);
  EXPECT_EQ(good.merged(), 70000u);
  const Gate bad = RunGate({70000, 30000}, s, limit(1000));
  EXPECT_FALSE(bad.points()[2].kept);
  EXPECT_LE(bad.merged(), 1000u);
}

// The points of the curve come first, and decide nothing.
TEST(GateTest, ACurveIsEvenAndEndsWithAll) {
  GateSettings s = Exactly(0.01);
  s.curve_points = 4;
  const auto metric = [](const Selection& x) {
    return 0.9 - 0.001 * static_cast<double>(x[0] + x[1]);
  };
  const Gate gate = RunGate({30, 10}, s, metric);
  const std::vector<Selection> want = {{0, 0}, {10, 0}, {20, 0}, {30, 0}, {30, 10}};
  ASSERT_GE(gate.points().size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_EQ(gate.points()[i].selection, want[i]);
  EXPECT_TRUE(gate.points()[1].kept);
  EXPECT_FALSE(gate.points()[2].kept);
  EXPECT_EQ(gate.accepted(), (Selection{10, 0}));
  s.curve_points = 100;  // more than there are merges
  EXPECT_EQ(RunGate({2, 1}, s, [](const Selection&) { return 0.9; }).points().size(), 4u);
}

// What Undecided() says of the next candidate holds while a search goes on.
TEST(GateTest, TellsWhatTheNextCandidateMayChange) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  int narrow = 0;
  for (int trial = 0; trial < 500; ++trial) {
    const std::vector<size_t> layers = {1 + rng() % 40, 1 + rng() % 40, 1 + rng() % 40,
                                        1 + rng() % 40};
    GateSettings s = Exactly(0.01);
    s.curve_points = rng() % 3 == 0 ? rng() % 9 : 0;
    Gate gate(layers, s);
    std::pair<size_t, size_t> said = {0, layers.size()};
    Selection last(layers.size());
    while (gate.Next()) {
      // A new range begins behind a layer that was given up: with other layers, too.
      const bool new_range = gate.Undecided().second == layers.size();
      for (size_t l = 0; l < layers.size() && !new_range; ++l) {
        const bool may = l >= said.first && l < said.second;
        EXPECT_TRUE(may || gate.candidate()[l] == last[l]);
      }
      last = gate.candidate();
      said = gate.Undecided();
      narrow += said.second - said.first < layers.size();
      gate.Report(rng() % 2 == 0 ? 0.9 : 0.8);
      if (!std::isfinite(gate.baseline())) break;
    }
  }
  EXPECT_GT(narrow, 500);
}

TEST(GateTest, LowerIsBetterWhereItIs) {
  GateSettings s = Exactly(0.5);
  s.higher_is_better = false;
  const Gate gate =
      RunGate({100}, s, [](const Selection& x) { return 2 + 0.01 * static_cast<double>(x[0]); });
  EXPECT_EQ(gate.merged(), 50u);
}

TEST(GateTest, ABoundIsKeptDespiteRounding) {
  // 0.91 - 0.9 > 0.01 in binary.
  const Gate gate =
      RunGate({1}, Exactly(0.01), [](const Selection& x) { return x[0] ? 0.9 : 0.91; });
  EXPECT_EQ(gate.merged(), 1u);
}

TEST(GateTest, NoNumberKeepsNoBound) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Gate gate =
      RunGate({8}, Exactly(1e9), [&](const Selection& x) { return x[0] > 3 ? nan : 0.9; });
  EXPECT_EQ(gate.merged(), 3u);
  Gate without({8}, Exactly(1e9));
  ASSERT_TRUE(without.Next());
  without.Report(nan);
  EXPECT_FALSE(without.Next());
  EXPECT_EQ(without.merged(), 0u);
}

// A model that was made from another one: 0.90, of which it keeps less by itself, and still less
// with more than so many merges.
Gate RunOfOriginal(double itself, size_t most, int64_t max_evaluations) {
  GateSettings settings = Exactly(0.02);
  settings.of_original = true;
  settings.max_evaluations = max_evaluations;
  Gate gate({100}, settings);
  while (gate.Next()) {
    const size_t merged = gate.candidate()[0];
    EXPECT_EQ(merged == 0, gate.points().size() < 2);
    gate.Report(gate.points().empty() ? 0.90 : merged > most ? itself - 0.01 : itself);
  }
  EXPECT_EQ(gate.baseline(), 0.90);
  return gate;
}

TEST(GateTest, TheBoundOfAnOriginalIsForAllThatIsMadeOfIt) {
  const Gate all = RunOfOriginal(0.885, 100, 0);
  EXPECT_TRUE(all.kept());
  EXPECT_EQ(all.points().size(), 3u);  // the original, without merges, with all
  EXPECT_EQ(all.merged(), 100u);
  EXPECT_EQ(all.accepted_metric(), 0.885);
  // What rounding left of the bound, merging may use.
  const Gate some = RunOfOriginal(0.885, 30, 0);
  EXPECT_TRUE(some.kept());
  EXPECT_EQ(some.merged(), 30u);
}

TEST(GateTest, NothingIsTriedOnWhatBreaksTheBoundOfItsOriginal) {
  for (double itself : {0.87, std::numeric_limits<double>::quiet_NaN()}) {
    for (int64_t most : {0, 1}) {  // evaluations
      const Gate gate = RunOfOriginal(itself, 100, most);
      EXPECT_FALSE(gate.kept());
      EXPECT_EQ(gate.points().size(), 2u);
      EXPECT_FALSE(gate.points().back().kept);
      EXPECT_EQ(gate.merged(), 0u);
      EXPECT_EQ(std::isnan(gate.accepted_metric()), std::isnan(itself));
    }
  }
}

TEST(MergeOrderTest, LargestLayerFirstThenLeastImportant) {
  const std::vector<Layer> layers = {{1000, 4}, {9000, 9}, {1000, 2}, {5000, 1}};
  std::vector<Merge> merges;
  const auto add = [&](int tensor, int64_t index, float q3) {
    Merge m;
    m.tensor = tensor;
    m.index = index;
    m.third_quartile = q3;
    merges.push_back(m);
  };
  add(2, 0, 0.1f);
  add(0, 3, 0.5f);
  add(3, 0, 0.0f);  // the only block of its layer
  add(1, 7, 0.4f);
  add(0, 1, 0.2f);
  add(1, 2, 0.4f);
  add(1, 8, 0.1f);
  EXPECT_EQ(OrderMerges(layers, &merges), (std::vector<size_t>{3, 2, 1}));
  std::vector<std::pair<int, int64_t>> order;
  for (const Merge& m : merges) order.push_back({m.tensor, m.index});
  EXPECT_EQ(order,
            (std::vector<std::pair<int, int64_t>>{{1, 8}, {1, 2}, {1, 7}, {0, 1}, {0, 3}, {2, 0}}));
  EXPECT_DOUBLE_EQ(merges[0].importance, 0.25);
  EXPECT_DOUBLE_EQ(merges[2].importance, 1);
  EXPECT_NEAR(merges[3].importance, 0.4, 1e-7);
}

// Of places of the same block, wherever they come to stand, one number: all below that of merges.
TEST(MergeOrderTest, BlocksAreNumbered) {
  std::vector<Merge> merges;
  const uint32_t blocks[] = {70, 4, 70, 900, 4, 5, 70};
  for (const uint32_t block : blocks) {
    Merge m;
    m.tensor = static_cast<int>(merges.size() % 2);
    m.index = static_cast<int64_t>(merges.size());
    m.third_quartile = static_cast<float>(merges.size() * 5 % 7);
    m.block = block;
    merges.push_back(m);
  }
  OrderMerges({{1000, 4}, {9000, 9}}, &merges);
  for (const Merge& a : merges) {
    EXPECT_LT(a.number, 4u);
    for (const Merge& b : merges) EXPECT_EQ(a.number == b.number, a.block == b.block);
  }
}

}  // namespace
}  // namespace mosaic
