#include "core/dedup/lsh.h"

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "core/dedup/lsh_index.h"
#include "run/fake_store.h"

namespace mosaic {
namespace {

using testing::RandomFloats;
using testing::Seed;

MosaicGeometry Geometry(int layout, int rows, int cols) {
  MosaicGeometry g{};
  g.dtype = MOSAIC_FLOAT;
  g.layout = static_cast<uint8_t>(layout);
  g.rows = static_cast<uint16_t>(rows);
  g.cols = static_cast<uint32_t>(cols);
  return g;
}

std::vector<uint64_t> KeysOf(const LshFamily& family, const std::vector<float>& values) {
  std::vector<uint64_t> keys(static_cast<size_t>(family.tables()));
  family.Keys(values.data(), keys.data());
  return keys;
}

int Shared(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  int n = 0;
  for (size_t i = 0; i < a.size(); ++i) n += a[i] != 0 && a[i] == b[i];
  return n;
}

// More than a store has, so that a test sees more samples.
LshSettings EightTables() {
  LshSettings s;
  s.tables = 8;
  return s;
}

// Tables of k hashes collide with p(c)^k, p as published, whatever the direction of the difference.
TEST(LshTest, CollisionsFollowTheory) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  constexpr int kFamilies = 600, kRows = 8, kCols = 64;
  const MosaicGeometry g = Geometry(MOSAIC_LAYOUT_ROW, kRows, kCols);
  for (int hashes : {1, 3}) {
    for (double c : {0.05, 0.25, 1.0, 3.0}) {
      int collisions = 0;
      for (int f = 0; f < kFamilies; ++f) {
        LshSettings s = EightTables();
        s.hashes = hashes;
        s.seed = rng();
        const LshFamily family(g, s);
        ASSERT_EQ(family.tables(), kRows);
        const auto a = RandomFloats(&rng, kRows * kCols);
        auto b = a;
        const double w = s.width * static_cast<double>(s.tolerance) * std::sqrt(kCols);
        for (int r = 0; r < kRows; ++r) {
          const auto d = RandomFloats(&rng, kCols);
          double norm = 0;
          for (float x : d) norm += static_cast<double>(x) * static_cast<double>(x);
          for (int i = 0; i < kCols; ++i) {
            b[static_cast<size_t>(r * kCols + i)] += static_cast<float>(
                static_cast<double>(d[static_cast<size_t>(i)]) * c * w / std::sqrt(norm));
          }
        }
        collisions += Shared(KeysOf(family, a), KeysOf(family, b));
      }
      const double n = kFamilies * kRows;
      const double expected = std::pow(LshFamily::CollisionProbability(c), hashes);
      const double sigma = std::sqrt(expected * (1 - expected) / n);
      EXPECT_NEAR(collisions / n, expected, 5 * sigma + 0.001) << "c=" << c << " hashes=" << hashes;
    }
  }
}

TEST(LshTest, CollisionProbabilityKnownValues) {
  // 2 * Phi(r) - 1 - 2 / (sqrt(2 pi) r) * (1 - exp(-r^2 / 2)), r = 1 / c.
  EXPECT_NEAR(LshFamily::CollisionProbability(1.0), 0.36874, 1e-4);
  EXPECT_NEAR(LshFamily::CollisionProbability(0.5), 0.60955, 1e-4);
  EXPECT_NEAR(LshFamily::CollisionProbability(1e-3), 1 - 1e-3 * std::sqrt(2 / M_PI), 1e-6);
}

TEST(LshTest, SamplesLieInTheBlockAndDiffer) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int i = 0; i < 300; ++i) {
    const bool strip = rng() % 2 == 0;
    const int rows = 1 + static_cast<int>(rng() % 126);
    const int cols =
        strip ? 16 : 2 + static_cast<int>(rng() % (2016 / static_cast<unsigned>(rows)));
    LshSettings s = EightTables();
    s.tables = 1 + static_cast<int>(rng() % 12);
    s.sample = 16 + static_cast<int>(rng() % 128);
    SCOPED_TRACE(::testing::Message() << rows << "x" << cols << (strip ? " strip" : " row")
                                      << " tables " << s.tables << " sample " << s.sample);
    const LshFamily family(Geometry(strip ? MOSAIC_LAYOUT_STRIP : MOSAIC_LAYOUT_ROW, rows, cols),
                           s);
    ASSERT_GE(family.tables(), 1);
    ASSERT_LE(family.tables(), s.tables);
    std::set<std::vector<int32_t>> distinct;
    for (int t = 0; t < family.tables(); ++t) {
      const auto& sample = family.sample(t);
      ASSERT_FALSE(sample.empty());
      EXPECT_LE(sample.size(), static_cast<size_t>(std::max(s.sample, 1)));
      EXPECT_TRUE(std::is_sorted(sample.begin(), sample.end()));
      EXPECT_EQ(std::set<int32_t>(sample.begin(), sample.end()).size(), sample.size());
      EXPECT_GE(sample.front(), 0);
      EXPECT_LT(sample.back(), rows * cols);
      distinct.insert(sample);
    }
    if (rows > 1 || !strip) {
      EXPECT_EQ(distinct.size(), static_cast<size_t>(family.tables()));
    }
  }
}

// The reason for sampling: rows that were retrained spoil their own tables only.
TEST(LshTest, RetrainedRowsSpoilTheirOwnTablesOnly) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  constexpr int kRows = 10, kCols = 100;
  const LshFamily family(Geometry(MOSAIC_LAYOUT_ROW, kRows, kCols), EightTables());
  for (int trial = 0; trial < 50; ++trial) {
    const auto a = RandomFloats(&rng, kRows * kCols);
    auto b = a;
    std::set<int> retrained;
    while (retrained.size() < 3) retrained.insert(static_cast<int>(rng() % kRows));
    for (int r : retrained) {
      const auto row = RandomFloats(&rng, kCols);
      std::copy(row.begin(), row.end(), b.begin() + r * kCols);
    }
    const auto x = KeysOf(family, a), y = KeysOf(family, b);
    for (int t = 0; t < family.tables(); ++t) {
      const bool spoiled = retrained.count(family.sample(t).front() / kCols) > 0;
      EXPECT_EQ(x[static_cast<size_t>(t)] == y[static_cast<size_t>(t)], !spoiled) << "table " << t;
    }
  }
}

TEST(LshTest, StripsAreSampledByRowsAndByColumns) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const LshFamily family(Geometry(MOSAIC_LAYOUT_STRIP, 63, 16), EightTables());
  const auto a = RandomFloats(&rng, 63 * 16);
  auto column = a;  // an output retrained
  for (int r = 0; r < 63; ++r) column[static_cast<size_t>(r * 16 + 5)] += 1;
  EXPECT_GE(Shared(KeysOf(family, a), KeysOf(family, column)), family.tables() / 2 - 1);
  auto rows = a;  // a fifth of the inputs retrained
  for (int r = 0; r < 12; ++r) {
    for (int c = 0; c < 16; ++c) rows[static_cast<size_t>((20 + r) * 16 + c)] += 1;
  }
  EXPECT_GE(Shared(KeysOf(family, a), KeysOf(family, rows)), 2);
}

TEST(LshTest, NoKeyWhereThereIsNothingToTellBy) {
  const LshFamily family(Geometry(MOSAIC_LAYOUT_ROW, 8, 64), EightTables());
  ASSERT_EQ(family.tables(), 8);
  std::vector<float> values(8 * 64, 0.0f);
  for (int i = 0; i < 64; ++i) values[static_cast<size_t>(i)] = 0.009f;    // below the tolerance
  for (int i = 64; i < 128; ++i) values[static_cast<size_t>(i)] = 0.011f;  // above
  values[128] = std::numeric_limits<float>::quiet_NaN();
  values[192] = std::numeric_limits<float>::infinity();
  for (int i = 256; i < 320; ++i) values[static_cast<size_t>(i)] = 1e30f;  // beyond what is counted
  const auto keys = KeysOf(family, values);
  EXPECT_EQ(keys[0], 0u);
  EXPECT_NE(keys[1], 0u);
  EXPECT_EQ(keys[2], 0u);
  EXPECT_EQ(keys[3], 0u);
  EXPECT_EQ(keys[4], 0u);
  EXPECT_EQ(keys[7], 0u);
}

TEST(LshTest, KeysBelongToGeometryAndTable) {
  const std::vector<float> ones(2000, 1.0f);
  const LshFamily a(Geometry(MOSAIC_LAYOUT_ROW, 10, 100), EightTables());
  const LshFamily b(Geometry(MOSAIC_LAYOUT_ROW, 20, 100), EightTables());
  std::set<uint64_t> keys;
  for (uint64_t k : KeysOf(a, ones)) keys.insert(k);
  for (uint64_t k : KeysOf(b, ones)) keys.insert(k);
  EXPECT_EQ(keys.size(), static_cast<size_t>(a.tables() + b.tables()));
}

// Keys are stored: what they are must not change without a decision to rebuild every index.
TEST(LshTest, KeysAreStable) {
  std::vector<float> values(63 * 16);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) / 50 - 1;
  const LshFamily family(Geometry(MOSAIC_LAYOUT_STRIP, 63, 16), EightTables());
  EXPECT_EQ(KeysOf(family, values),
            KeysOf(LshFamily(Geometry(MOSAIC_LAYOUT_STRIP, 63, 16), EightTables()), values));
  EXPECT_EQ(KeysOf(family, values)[0], 484823011606256324u);
}

TEST(LshIndexTest, ProbesReturnEachBlockOnceInOrder) {
  LshIndex index;
  const uint64_t a[] = {11, 12, 0}, b[] = {11, 13, 0}, c[] = {14, 12, 0};
  index.Add(a, 3, 1);
  index.Add(b, 3, 2);
  index.Add(c, 3, 3);
  EXPECT_EQ(index.entries(), 6u);
  std::vector<uint32_t> ids;
  index.Probe(a, 3, &ids);
  EXPECT_EQ(ids, (std::vector<uint32_t>{1, 2, 3}));
  const uint64_t none[] = {0, 0, 0};
  index.Probe(none, 3, &ids);
  EXPECT_TRUE(ids.empty());
  for (uint32_t id = 10; id < 1000; ++id) index.Add(b, 1, id);
  index.Probe(b, 1, &ids);
  EXPECT_EQ(ids.size(), LshIndex::kMaxBucket);
  EXPECT_EQ(ids.front(), 1u);
}

}  // namespace
}  // namespace mosaic
