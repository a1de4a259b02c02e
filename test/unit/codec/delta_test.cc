// Deltas come back to the bit on every instruction set, are as short as the differences allow, and
// damage is found.
#include "core/codec/delta.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <random>
#include <vector>

#include "core/kernel/fast/isa.h"
#include "mosaic/page_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {
namespace {

using Bytes = std::vector<uint8_t>;

struct Pair {
  Bytes base, block;
  int element_bytes;
};

uint16_t ToBfloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  return static_cast<uint16_t>(bits >> 16);
}

void Put(Bytes* out, size_t i, int element_bytes, float x) {
  const uint16_t half = ToBfloat16(x);
  if (element_bytes == 4) {
    std::memcpy(out->data() + 4 * i, &x, 4);
  } else {
    std::memcpy(out->data() + 2 * i, &half, 2);
  }
}

// A fine-tune: base N(0, 0.05); changed groups of 16 get base (1 + 1e-5 u) + N(0, sd).
Pair FineTune(std::mt19937* rng, uint32_t bytes, int element_bytes, float sd, double changed) {
  std::normal_distribution<float> gauss;
  std::uniform_real_distribution<float> uniform(-1, 1);
  Pair p{Bytes(bytes), Bytes(bytes), element_bytes};
  bool equal = false;
  for (size_t i = 0; i < bytes / static_cast<size_t>(element_bytes); ++i) {
    if (i % 16 == 0) equal = std::uniform_real_distribution<double>(0, 1)(*rng) >= changed;
    const float b = 0.05F * gauss(*rng);
    const float x = b * (1 + 1e-5F * uniform(*rng)) + sd * gauss(*rng);
    Put(&p.base, i, element_bytes, b);
    Put(&p.block, i, element_bytes, equal ? b : x);
  }
  return p;
}

uint32_t Size(const Pair& p) { return static_cast<uint32_t>(p.base.size()); }

Bytes Encode(const Pair& p, uint32_t limit, int32_t base_id = 7) {
  Bytes out(limit, 0xaa);
  out.resize(EncodeDelta(p.block.data(), p.base.data(), Size(p), p.element_bytes, base_id, limit,
                         out.data()));
  return out;
}

void ExpectComesBack(const Pair& p, const Bytes& delta) {
  const Isa before = ActiveIsa();
  Bytes back(p.block.size(), 0x55);
  ASSERT_TRUE(DecodeDeltaReference(delta.data(), static_cast<uint32_t>(delta.size()), p.base.data(),
                                   Size(p), back.data()));
  EXPECT_EQ(back, p.block);
  for (Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512}) {
    if (!IsaSupported(isa)) continue;
    SetIsa(isa);
    std::fill(back.begin(), back.end(), 0x55);
    EXPECT_TRUE(DecodeDelta(delta.data(), static_cast<uint32_t>(delta.size()), p.base.data(),
                            Size(p), back.data()));
    EXPECT_EQ(back, p.block) << IsaName(isa);
  }
  SetIsa(before);
}

constexpr uint32_t kLargest = MOSAIC_MAX_PAYLOAD;

TEST(DeltaTest, ComesBack) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  for (int round = 0; round < 100; ++round) {
    const int element_bytes = rng() % 2 == 0 ? 4 : 2;
    const uint32_t bytes = 32 * (4 + rng() % 249);
    const float sd = std::pow(10.0F, -2 - static_cast<float>(rng() % 50) / 10);
    Pair p = FineTune(&rng, bytes, element_bytes, sd, rng() % 3 == 0 ? 0.3 : 1);
    // A few that have nothing to do with their base: other signs, NaN, infinity, zeros, denormals.
    const float odd[] = {std::numeric_limits<float>::quiet_NaN(),
                         INFINITY,
                         -INFINITY,
                         0.0F,
                         -0.0F,
                         1e-41F,
                         -1e-41F,
                         3e38F};
    for (unsigned i = 0; i < rng() % 30; ++i) {
      Put(rng() % 2 == 0 ? &p.block : &p.base,
          rng() % (bytes / static_cast<unsigned>(element_bytes)), element_bytes, odd[rng() % 8]);
    }
    const Bytes delta = Encode(p, kLargest);
    ASSERT_GE(delta.size(), static_cast<size_t>(MOSAIC_MIN_PAYLOAD));
    EXPECT_EQ(delta.size() % 32, 0U);
    ExpectComesBack(p, delta);
    // Just what it takes is enough, less is not.
    EXPECT_EQ(Encode(p, static_cast<uint32_t>(delta.size())), delta);
    EXPECT_TRUE(Encode(p, static_cast<uint32_t>(delta.size()) - 32).empty());
  }
}

TEST(DeltaTest, AnyBitsComeBack) {
  std::mt19937 rng(1);
  for (int round = 0; round < 50; ++round) {
    Pair p{Bytes(2016), Bytes(2016), round % 2 == 0 ? 4 : 2};
    for (uint8_t& b : p.base) b = static_cast<uint8_t>(rng());
    for (uint8_t& b : p.block) b = static_cast<uint8_t>(rng());
    const Bytes delta = Encode(p, kLargest);
    ASSERT_FALSE(delta.empty());
    ExpectComesBack(p, delta);
  }
}

TEST(DeltaTest, EqualBlocksTakeTheLeast) {
  std::mt19937 rng(2);
  const Pair p = FineTune(&rng, 4032, 4, 0.001F, 0);
  const Bytes delta = Encode(p, 4000);
  EXPECT_EQ(delta.size(), static_cast<size_t>(MOSAIC_MIN_PAYLOAD));
  ExpectComesBack(p, delta);
}

// Bits a weight, header and rounding to 32 bytes included. The entropy of these differences (of the
// width, and the bits below it) is 20.3, 15.9 and 12.6.
TEST(DeltaTest, IsAboutAsShortAsTheEntropy) {
  std::mt19937 rng(3);
  const struct {
    float sd;
    double most;
  } cases[] = {{4e-4F, 21.0}, {2e-5F, 16.5}, {2e-6F, 13.2}};
  for (const auto& c : cases) {
    size_t all = 0;
    for (int i = 0; i < 64; ++i) all += Encode(FineTune(&rng, 4032, 4, c.sd, 1), kLargest).size();
    const double bits = 8.0 * static_cast<double>(all) / (64 * 1008);
    std::cout << "sd " << c.sd << ": " << bits << " bits a weight\n";
    EXPECT_LE(bits, c.most);
  }
}

TEST(DeltaTest, HasItsBase) {
  std::mt19937 rng(4);
  const Bytes delta = Encode(FineTune(&rng, 4032, 4, 1e-4F, 1), 4000, 123456789);
  int32_t base;
  std::memcpy(&base, delta.data() + 4, 4);
  EXPECT_EQ(base, 123456789);
}

TEST(DeltaTest, EveryChangedByteIsFound) {
  std::mt19937 rng(5);
  const Pair p = FineTune(&rng, 1984, 4, 1e-4F, 0.8);
  Bytes delta = Encode(p, kLargest);
  Bytes back(p.block.size());
  const auto decode = [&](const Bytes& d, uint32_t bytes) {
    return DecodeDelta(d.data(), static_cast<uint32_t>(d.size()), p.base.data(), bytes,
                       back.data());
  };
  ASSERT_TRUE(decode(delta, 1984));
  EXPECT_FALSE(decode(delta, 1952)) << "another length";
  for (size_t i = 0; i < delta.size(); ++i) {
    const uint8_t was = delta[i];
    delta[i] = static_cast<uint8_t>(was ^ (1U << rng() % 8));
    EXPECT_FALSE(decode(delta, 1984)) << i;
    delta[i] = was;
  }
  delta.resize(delta.size() - 32);
  EXPECT_FALSE(decode(delta, 1984)) << "cut";
}

// With a checksum that fits: nothing outside is read or written (sanitizers), and what is not
// possible is refused.
TEST(DeltaTest, DamageWithAChecksumThatFits) {
  std::mt19937 rng(6);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    const int element_bytes = round % 2 == 0 ? 4 : 2;
    const Pair p = FineTune(&rng, 1984, element_bytes, 1e-3F, 0.8);
    Bytes delta = Encode(p, kLargest);
    for (int i = 0; i < 3; ++i) {
      const size_t at = rng() % 2 == 0 ? 8 + rng() % 60 : rng() % delta.size();
      delta[at] = static_cast<uint8_t>(rng());
    }
    const uint32_t sum = static_cast<uint32_t>(XXH3_64bits(delta.data() + 4, delta.size() - 4));
    std::memcpy(delta.data(), &sum, 4);
    Bytes back(1984), again(1984);
    const uint32_t n = static_cast<uint32_t>(delta.size());
    const bool ok = DecodeDelta(delta.data(), n, p.base.data(), 1984, back.data());
    ASSERT_EQ(DecodeDeltaReference(delta.data(), n, p.base.data(), 1984, again.data()), ok);
    if (ok) {
      EXPECT_EQ(back, again);
    }
    refused += !ok;
  }
  EXPECT_GT(refused, 150);
}

}  // namespace
}  // namespace mosaic
