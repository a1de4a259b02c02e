// The ladder: steps along the convex hull, in the order of what they cost; and its gate, which
// finds a poisonous tensor whether its sample tells of it or not, and accepts only what it
// measured.
#include "core/dedup/ladder.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <iostream>
#include <limits>
#include <random>

#include "core/dedup/ladder_gate.h"

namespace mosaic {
namespace {

LadderBlock Block(int tensor, int64_t index, const std::vector<Rung>& rungs) {
  LadderBlock b;
  b.tensor = tensor;
  b.index = index;
  b.bytes = 1000;
  for (const Rung& r : rungs) b.rung[static_cast<size_t>(b.rungs++)] = r;
  return b;
}

int Bits(const Rung* r) { return r == nullptr ? 99 : r->bits; }

Selection Steps(const std::vector<size_t>& chunks, size_t n) {
  Selection s(chunks.size());
  for (size_t c = 0; c < s.size(); ++c) {
    s[c] = std::min(n, chunks[c]);
    n -= s[c];
  }
  return s;
}

TEST(LadderTest, StepsGoDownTheHull) {
  Ladder ladder;
  // 4 bits lie above the line from 8 to 1: 8 and 1 are stepped on, then what costs most, no bits.
  ladder.Add(Block(0, 0, {{8, 300, 1}, {4, 200, 50}, {1, 100, 60}, {0, 0, 1000}}));
  ladder.Add(Block(1, 0, {{8, 300, 1}, {0, 0, 2}}));
  const auto chunks = ladder.Order({1, 10});
  ASSERT_EQ(chunks.size(), 5U);
  const int expected[][2] = {{99, 99}, {8, 99}, {8, 8}, {8, 0}, {1, 0}, {0, 0}};
  for (size_t n = 0; n <= 5; ++n) {
    const auto at = ladder.At(Steps(chunks, n));
    EXPECT_EQ(Bits(at[0]), expected[n][0]) << n;
    EXPECT_EQ(Bits(at[1]), expected[n][1]) << n;
  }
  EXPECT_EQ(Bits(ladder.Lowest(0)[0]), 0);
  EXPECT_EQ(Bits(ladder.Lowest(0)[1]), 99);
  // A step that is given up takes the later ones of its block with it.
  Selection gap = Steps(chunks, 5);
  gap[0] = 0;
  EXPECT_EQ(Bits(ladder.At(gap)[0]), 99);
  EXPECT_EQ(Bits(ladder.At(gap)[1]), 0);
}

// A block at several places of the model takes its bytes once, and so does what it becomes.
TEST(LadderTest, ABlockIsFreedWhereItIsNowhereLeft) {
  const auto freed = [](int64_t places, std::array<uint32_t, 2> bases, int a, int b) {
    Ladder ladder;
    for (size_t i = 0; i < 2; ++i) {
      LadderBlock block = Block(static_cast<int>(i), 0, {{4, 200, 50}, {2, 150, 90}, {0, 0, 1000}});
      block.block = 5;
      block.places = places;
      block.base = bases[i];
      block.stored = block.bytes;
      ladder.Add(block);
    }
    LadderBlock other = Block(2, 0, {{0, 0, 1}});
    other.block = 4;
    other.stored = 700;
    ladder.Add(other);
    ladder.Group();
    const auto rung = [&](size_t i, int r) {
      return r < 0 ? nullptr : &ladder.blocks()[i].rung[static_cast<size_t>(r)];
    };
    return ladder.FreedBytes({rung(0, a), rung(1, b), nullptr});
  };
  EXPECT_EQ(freed(2, {7, 7}, -1, -1), 0);
  EXPECT_EQ(freed(2, {7, 7}, 0, -1), -200);
  EXPECT_EQ(freed(2, {7, 7}, 0, 0), 1000 - 200);
  EXPECT_EQ(freed(2, {7, 8}, 0, 0), 1000 - 200 - 200);
  EXPECT_EQ(freed(2, {7, 7}, 0, 1), 1000 - 200 - 150);
  EXPECT_EQ(freed(2, {7, 7}, 0, 2), 1000 - 200);
  EXPECT_EQ(freed(2, {7, 7}, 2, 2), 1000);
  EXPECT_EQ(freed(3, {7, 7}, 2, 2), 0);
  EXPECT_EQ(freed(3, {7, 7}, 0, 2), -200);
}

// One that loses nothing is put wherever the block is.
TEST(LadderTest, ALosslessDifferenceStandsForAllPlacesOfItsBlock) {
  Ladder ladder;
  for (int i = 0; i < 2; ++i) {
    LadderBlock block = Block(i, 0, {{4, 200, 50}});
    block.block = 5;
    block.places = 3;
    block.stored = 1000;
    block.bytes = 600;
    block.lossless = true;
    ladder.Add(block);
  }
  ladder.Group();
  const Rung* low = &ladder.blocks()[0].rung[0];
  EXPECT_EQ(ladder.FreedBytes({nullptr, nullptr}), 1000 - 600);
  EXPECT_EQ(ladder.FreedBytes({low, nullptr}), 1000 - 600 - 200);
  EXPECT_EQ(ladder.FreedBytes({low, &ladder.blocks()[1].rung[0]}), -200);
}

TEST(LadderTest, WhatCostsNothingGoesToTheLowestRungFirst) {
  Ladder ladder;
  ladder.Add(Block(0, 0, {{8, 300, 1}, {0, 0, 5}}));
  ladder.Add(Block(1, 0, {{8, 300, 0}, {4, 200, 0}, {0, 0, 0}}));
  ladder.Add(Block(2, 0, {{8, 300, 1}, {0, 0, 5}}));
  const auto chunks = ladder.Order({1, 1, std::numeric_limits<double>::infinity()});
  EXPECT_EQ(Bits(ladder.At(Steps(chunks, 1))[1]), 0);
  // what must not move goes last
  EXPECT_EQ(Bits(ladder.At(Steps(chunks, 3))[0]), 0);
  EXPECT_EQ(Bits(ladder.At(Steps(chunks, 3))[2]), 99);
}

TEST(LadderTest, OutputSample) {
  OutputSample sample;
  const float a[] = {1, 2, 3}, b[] = {1, 4, 3}, nan[] = {std::nanf(""), 2, 3};
  sample.Keep();
  sample.Row(a, 3);
  sample.Row(a, 2);
  sample.Compare();
  sample.Row(b, 3);
  sample.Row(a, 2);
  sample.Row(b, 3);  // beyond what was kept
  EXPECT_EQ(sample.difference(), 4);
  sample.Compare();
  sample.Row(a, 2);
  EXPECT_TRUE(std::isinf(sample.difference()));
  sample.Compare();
  sample.Row(nan, 3);
  sample.Row(a, 2);
  EXPECT_TRUE(std::isinf(sample.difference()));
}

TEST(LadderTest, OutputSampleEndsWhereARowDoesNotFit) {
  OutputSample sample;
  const std::vector<float> large(OutputSample::kFloats, 1);
  const float a[] = {1, 2, 3}, b[] = {4, 5};
  const auto rows = [&] {
    sample.Row(a, 3);
    sample.Row(large.data(), static_cast<int64_t>(large.size()));
    sample.Row(b, 2);  // would fit
  };
  sample.Keep();
  rows();
  sample.Compare();
  rows();
  EXPECT_EQ(sample.difference(), 0);
}

// A model whose metric falls with the errors of its tensors, with those of one a thousand times as
// much; a sample of the rows tells that to a factor of 3. One block may be poisonous: at any rung
// it breaks the bound, and no sample tells.
struct World {
  std::mt19937 rng;
  std::vector<double> truth;  // of each tensor: drop of the metric for an error
  size_t poison = SIZE_MAX;
  Ladder ladder;

  World(unsigned seed, bool poisonous) : rng(seed), truth(12) {
    for (double& t : truth) t = std::pow(10.0, -4 - static_cast<double>(rng() % 200) / 100);
    truth[rng() % truth.size()] *= 1000;
    for (size_t t = 0; t < truth.size(); ++t) {
      for (int64_t i = 0; i < 50; ++i) {
        const float e = std::exp(-static_cast<float>(rng() % 300) / 100);
        ladder.Add(Block(static_cast<int>(t), i,
                         {{8, 300, e * 4e-5F},
                          {4, 160, e * 0.009F},
                          {2, 90, e * 0.12F},
                          {1, 60, e * 0.36F},
                          {0, 0, e}}));
      }
    }
    if (poisonous) poison = rng() % ladder.blocks().size();
  }
  double Drop(const LadderGate& g, const std::vector<const Rung*>& state, bool with_poison) const {
    double drop = 0;
    for (size_t i = 0; i < state.size(); ++i) {
      if (state[i] == nullptr) continue;
      const auto t = static_cast<size_t>(g.blocks()[i].tensor);
      drop += truth[t] * static_cast<double>(state[i]->error);
      if (i == poison && with_poison) drop += 0.02;
    }
    return drop;
  }
  double Noise() { return std::pow(3.0, static_cast<double>(rng() % 201) / 100 - 1); }
};

size_t Saved(const LadderGate& g, const std::vector<const Rung*>& state) {
  size_t saved = 0;
  for (size_t i = 0; i < state.size(); ++i) {
    if (state[i] != nullptr) saved += g.blocks()[i].bytes - state[i]->bytes;
  }
  return saved;
}

struct Measured {
  size_t saved, evaluations, samples;
  std::vector<const Rung*> accepted;
};

Measured Measure(World* world, bool exactly) {
  GateSettings settings;
  settings.max_drop = 0.01;
  LadderGate g(world->ladder, world->truth.size(), settings);
  size_t samples = 0;
  std::vector<const Rung*> last_kept(g.blocks().size(), nullptr);
  for (LadderGate::Asks asks; (asks = g.Next()) != LadderGate::Asks::kNothing;) {
    const double drop = world->Drop(g, g.candidate(), asks == LadderGate::Asks::kMetric);
    const double seen = asks == LadderGate::Asks::kMetric ? 0
                        : exactly                         ? drop
                                                          : drop * world->Noise();
    const auto out = static_cast<float>(std::sqrt(seen));
    g.sample()->Row(&out, 1);
    if (asks == LadderGate::Asks::kSample) {
      g.ReportSample();
      ++samples;
      continue;
    }
    if (drop <= 0.01 + 1e-12) last_kept = g.candidate();
    g.Report(0.9 - drop);
  }
  EXPECT_EQ(g.accepted(), last_kept);
  EXPECT_LE(world->Drop(g, g.accepted(), true), 0.01 + 1e-12);
  if (world->poison < last_kept.size()) {
    EXPECT_EQ(last_kept[world->poison], nullptr);
  }
  return {Saved(g, g.accepted()), g.gate().points().size(), samples, last_kept};
}

TEST(LadderGateTest, GoesAsFarAsWithPerfectKnowledge) {
  double worst = 1;
  size_t most = 0;
  for (unsigned round = 0; round < 40; ++round) {
    World perfect(round, false), world(round, round % 2 == 1);
    const Measured best = Measure(&perfect, true), run = Measure(&world, false);
    EXPECT_EQ(run.samples, world.truth.size());
    worst = std::min(worst, static_cast<double>(run.saved) / static_cast<double>(best.saved));
    most = std::max(most, run.evaluations);
  }
  std::cout << "saved at least " << worst << " of what is possible, in " << most
            << " evaluations\n";
  EXPECT_GT(worst, 0.8);
  EXPECT_LE(most, 40U);
}

TEST(LadderGateTest, WithoutMeasuringAllGoDown) {
  World world(1, false);
  LadderGate g(world.ladder, world.truth.size(), GateSettings());
  g.AcceptAll();
  EXPECT_EQ(g.Next(), LadderGate::Asks::kNothing);
  for (const Rung* r : g.accepted()) EXPECT_EQ(Bits(r), 0);
}

TEST(LadderGateTest, NothingIsTriedWhereThereIsNothing) {
  LadderGate g(Ladder(), 3, GateSettings());
  EXPECT_EQ(g.Next(), LadderGate::Asks::kMetric);
  g.Report(0.5);
  EXPECT_EQ(g.Next(), LadderGate::Asks::kNothing);
  EXPECT_TRUE(g.accepted().empty());
}

}  // namespace
}  // namespace mosaic
