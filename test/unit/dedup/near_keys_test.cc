#include "core/dedup/near_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>
#include <vector>

namespace mosaic {
namespace {

constexpr MosaicNearSettings kSettings = {3, 8, 0.04f};
constexpr MosaicGeometry kRows = {MOSAIC_FLOAT, MOSAIC_LAYOUT_ROW, 10, 100};

std::vector<float> RandomBlock(uint32_t seed, float scale = 0.3f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> block(1000);
  for (float& v : block) v = normal(random);
  return block;
}

// Those of the tables there are; the others have none.
std::vector<int32_t> Keys(NearKeys* keys, const MosaicGeometry& g, const std::vector<float>& block) {
  std::vector<int32_t> result(MOSAIC_NEAR_TABLES, -1);
  keys->Of(g, block.data(), result.data());
  const auto end = result.begin() + kSettings.tables;
  EXPECT_TRUE(std::all_of(end, result.end(), [](int32_t key) { return key == 0; }));
  return {result.begin(), end};
}

TEST(NearKeys, EqualBlocksHaveEqualKeys) {
  NearKeys keys(kSettings, 1), again(kSettings, 1);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto block = RandomBlock(seed);
    const auto of_block = Keys(&keys, kRows, block);
    EXPECT_EQ(of_block, Keys(&again, kRows, block));
    EXPECT_EQ(std::count(of_block.begin(), of_block.end(), 0), 0);
  }
}

TEST(NearKeys, OneDomainsKeysAreNotAnothers) {
  NearKeys one(kSettings, 1), two(kSettings, 2);
  for (uint32_t seed = 0; seed < 100; ++seed) {
    const auto block = RandomBlock(seed);
    const auto a = Keys(&one, kRows, block), b = Keys(&two, kRows, block);
    for (size_t t = 0; t < a.size(); ++t) EXPECT_NE(a[t], b[t]) << "seed " << seed;
  }
}

TEST(NearKeys, GeometriesAndTablesDiffer) {
  NearKeys keys(kSettings, 1);
  const std::vector<float> same(1000, 0.5f);
  std::set<int32_t> all;
  for (uint16_t rows : {5, 10, 20}) {
    const MosaicGeometry g = {MOSAIC_FLOAT, MOSAIC_LAYOUT_ROW, rows, 1000u / rows};
    for (int32_t key : Keys(&keys, g, same)) EXPECT_TRUE(all.insert(key).second);
  }
}

TEST(NearKeys, NothingToTellABlockByIsNoKey) {
  NearKeys keys(kSettings, 1);
  const std::vector<int32_t> none(kSettings.tables, 0);
  EXPECT_EQ(Keys(&keys, kRows, std::vector<float>(1000, 0.0f)), none);
  EXPECT_EQ(Keys(&keys, kRows, std::vector<float>(1000, 0.005f)), none);
  EXPECT_EQ(Keys(&keys, kRows, std::vector<float>(1000, std::numeric_limits<float>::quiet_NaN())),
            none);
}

TEST(NearKeys, FewerTablesAreTheFirst) {
  NearKeys two({2, 8, 0.04f}, 1);
  const auto keys = Keys(&two, kRows, RandomBlock(3));
  EXPECT_NE(keys[0], 0);
  EXPECT_NE(keys[1], 0);
  EXPECT_EQ(keys[2], 0);
}

// A block with a third of its rows replaced is found by the others' samples; strangers hardly ever.
TEST(NearKeys, FindsWhatIsNearAndNotStrangers) {
  NearKeys keys(kSettings, 1);
  int near = 0, strange = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    auto block = RandomBlock(seed);
    const auto before = Keys(&keys, kRows, block);
    const auto other = RandomBlock(seed + 1000);
    std::copy(other.begin(), other.begin() + 300, block.begin());
    for (float& v : block) v += 1e-4f;
    const auto after = Keys(&keys, kRows, block), stranger = Keys(&keys, kRows, other);
    bool meets = false, meets_stranger = false;
    for (size_t t = 0; t < before.size(); ++t) {
      meets = meets || before[t] == after[t];
      meets_stranger = meets_stranger || before[t] == stranger[t];
    }
    near += meets;
    strange += meets_stranger;
  }
  EXPECT_GE(near, 190);
  EXPECT_LE(strange, 4);
}

TEST(NearKeys, SettingsOutOfRangeAreNamed) {
  EXPECT_TRUE(CheckNearSettings(kSettings).ok());
  EXPECT_EQ(CheckNearSettings({0, 8, 0.04f}).message(), "near_tables must be 1 to 8");
  EXPECT_EQ(CheckNearSettings({9, 8, 0.04f}).message(), "near_tables must be 1 to 8");
  EXPECT_EQ(CheckNearSettings({3, 0, 0.04f}).message(), "near_hashes must be 1 to 64");
  EXPECT_EQ(CheckNearSettings({3, 65, 0.04f}).message(), "near_hashes must be 1 to 64");
  for (float width : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                      std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(CheckNearSettings({3, 8, width}).message(), "near_width must be a positive number");
  }
}

}  // namespace
}  // namespace mosaic
