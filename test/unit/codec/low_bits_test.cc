// Deltas of few bits: the errors that their levels promise, the same bits on every instruction set,
// zeros kept, and damage found.
#include "core/codec/low_bits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <random>
#include <vector>

#include "core/codec/delta.h"
#include "core/kernel/cast.h"
#include "core/kernel/fast/isa.h"
#include "mosaic/page_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mosaic {
namespace {

using Bytes = std::vector<uint8_t>;

struct Pair {
  Bytes base, block;
  int dtype;
};

uint32_t Size(const Pair& p) { return static_cast<uint32_t>(p.base.size()); }
uint32_t Size(const Bytes& b) { return static_cast<uint32_t>(b.size()); }
int ElementBytes(int dtype) { return dtype == MOSAIC_FLOAT ? 4 : 2; }

Bytes Elements(const std::vector<float>& values, int dtype) {
  Bytes out(values.size() * static_cast<size_t>(ElementBytes(dtype)));
  Cast(MOSAIC_FLOAT, values.data(), dtype, out.data(), static_cast<int64_t>(values.size()));
  return out;
}

// base N(0, 0.05); step(i) is what training added.
template <typename Step>
Pair Tuned(std::mt19937* rng, uint32_t bytes, int dtype, Step step) {
  std::normal_distribution<float> gauss(0, 0.05F);
  std::vector<float> base(bytes / static_cast<uint32_t>(ElementBytes(dtype))), block(base.size());
  for (size_t i = 0; i < base.size(); ++i) {
    base[i] = gauss(*rng);
    block[i] = base[i] + step(i);
  }
  return {Elements(base, dtype), Elements(block, dtype), dtype};
}

Bytes Encode(const Pair& p, int bits, uint32_t limit = MOSAIC_MAX_PAYLOAD) {
  Bytes out(limit, 0xaa);
  out.resize(
      EncodeLowBits(p.block.data(), p.base.data(), Size(p), p.dtype, bits, 7, limit, out.data()));
  return out;
}

// What every instruction set makes of it.
Bytes Made(const Pair& p, const Bytes& delta) {
  const Isa before = ActiveIsa();
  Bytes reference(p.block.size(), 0x55);
  EXPECT_TRUE(
      DecodeDeltaReference(delta.data(), Size(delta), p.base.data(), Size(p), reference.data()));
  for (Isa isa : {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512}) {
    if (!IsaSupported(isa)) continue;
    SetIsa(isa);
    Bytes made(p.block.size(), 0x55);
    EXPECT_TRUE(DecodeDelta(delta.data(), Size(delta), p.base.data(), Size(p), made.data()));
    EXPECT_EQ(made, reference) << IsaName(isa);
  }
  SetIsa(before);
  return reference;
}

double RelativeError(const Pair& p, const Bytes& made) {
  const double left = DifferenceOf(p.block.data(), made.data(), Size(p), p.dtype).squared;
  return std::sqrt(left / DifferenceOf(p.block.data(), p.base.data(), Size(p), p.dtype).squared);
}

// Errors of a normal distribution by Lloyd-Max's levels: 0.603, 0.343, 0.097; scales fitted to 63
// weights take part of it.
TEST(LowBitsTest, ErrorsAndLengths) {
  std::mt19937 rng(1);
  std::normal_distribution<float> gauss(0, 2e-4F);
  const struct {
    int bits;
    double error;
    size_t bytes;
  } cases[] = {{1, 0.603, 192}, {2, 0.343, 320}, {4, 0.098, 576}, {8, 0.008, 1056}};
  for (const auto& c : cases) {
    double worst = 0;
    for (int i = 0; i < 20; ++i) {
      const Pair p = Tuned(&rng, 4032, MOSAIC_FLOAT, [&](size_t) { return gauss(rng); });
      const Bytes delta = Encode(p, c.bits);
      ASSERT_EQ(delta.size(), c.bytes);
      worst = std::max(worst, RelativeError(p, Made(p, delta)));
    }
    std::cout << c.bits << " bits: " << worst << "\n";
    EXPECT_LT(worst, c.error * 1.1 + 0.001) << c.bits;
    EXPECT_GT(worst, c.error * 0.6) << c.bits;
  }
}

// Rows that were not trained on cost nothing where scales are those of runs; columns of different
// size none where they are those of columns.
TEST(LowBitsTest, ScalesFollowTheTraining) {
  std::mt19937 rng(2);
  std::normal_distribution<float> gauss(0, 2e-4F);
  for (int dtype : {MOSAIC_FLOAT, MOSAIC_FLOAT16}) {
    const float size = dtype == MOSAIC_FLOAT ? 1 : 100;  // well above float16's own steps
    const Pair rows = Tuned(&rng, 4032, dtype,
                            [&](size_t i) { return i / 64 % 3 == 0 ? 0.0F : size * gauss(rng); });
    const Bytes by_runs = Encode(rows, 2);
    EXPECT_EQ(by_runs[13], 1);
    EXPECT_LT(RelativeError(rows, Made(rows, by_runs)), 0.38);
    const size_t together = dtype == MOSAIC_FLOAT ? 1 : 2;
    const Pair columns = Tuned(&rng, 4032, dtype, [&](size_t i) {
      return size * gauss(rng) * std::pow(2.0F, -static_cast<float>(i / together % 16) / 2);
    });
    const Bytes by_columns = Encode(columns, 2);
    EXPECT_EQ(by_columns[13], 0);
    EXPECT_LT(RelativeError(columns, Made(columns, by_columns)), 0.38);
  }
}

TEST(LowBitsTest, TheSameBitsOnEveryInstructionSet) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  const int types[] = {MOSAIC_FLOAT, MOSAIC_BFLOAT16, MOSAIC_FLOAT16};
  for (int round = 0; round < 200; ++round) {
    const uint32_t bytes = 32 * (4 + rng() % 249);
    const int dtype = types[rng() % 3], bits = kLowBitsRungs[rng() % 4];
    std::normal_distribution<float> gauss(0, std::pow(10.0F, -static_cast<float>(rng() % 40) / 10));
    Pair p = Tuned(&rng, bytes, dtype, [&](size_t) { return gauss(rng); });
    // zeros of both signs, as filling and as pruned weights are
    const size_t size = static_cast<size_t>(ElementBytes(dtype));
    for (unsigned i = 0; i < rng() % 50; ++i) {
      const size_t at = rng() % (bytes / size) * size;
      std::fill_n(p.base.begin() + static_cast<std::ptrdiff_t>(at), size, 0);
      if (rng() % 2 == 0) p.base[at + size - 1] = 0x80;
    }
    const Bytes delta = Encode(p, bits);
    if (delta.empty()) continue;  // longer than any payload
    EXPECT_EQ(delta.size() % 32, 0U);
    EXPECT_EQ(Encode(p, bits, Size(delta)), delta);
    if (delta.size() > 128) {
      EXPECT_TRUE(Encode(p, bits, Size(delta) - 32).empty());
    }
    EXPECT_EQ(DeltaBase(delta.data(), Size(delta), bytes), 7);
    EXPECT_EQ(DeltaWhole(delta.data(), Size(delta)), bytes);
    const Bytes made = Made(p, delta);
    std::vector<float> base(bytes / size), out(base.size());
    Cast(dtype, p.base.data(), MOSAIC_FLOAT, base.data(), static_cast<int64_t>(base.size()));
    Cast(dtype, made.data(), MOSAIC_FLOAT, out.data(), static_cast<int64_t>(out.size()));
    for (size_t i = 0; i < base.size(); ++i) {
      ASSERT_TRUE(std::isfinite(out[i]));
      if (base[i] == 0) {
        ASSERT_EQ(std::memcmp(&base[i], &out[i], 4), 0) << i;
      }
    }
  }
}

TEST(LowBitsTest, WhatIsNotFiniteIsRefused) {
  std::mt19937 rng(3);
  const Pair p =
      Tuned(&rng, 4032, MOSAIC_FLOAT, [](size_t i) { return i % 2 == 0 ? 1e-3F : -1e-3F; });
  ASSERT_FALSE(Encode(p, 1).empty());
  for (float odd : {std::numeric_limits<float>::quiet_NaN(), HUGE_VALF, -HUGE_VALF}) {
    Pair q = p;
    std::memcpy(q.block.data() + 400, &odd, 4);
    EXPECT_TRUE(Encode(q, 1).empty());
    q = p;
    std::memcpy(q.base.data() + 400, &odd, 4);
    EXPECT_TRUE(Encode(q, 4).empty());
  }
  Pair q = p;  // the difference overflows, then a sum of base and level
  const float large = 3e38F, opposite = -3e38F;
  std::memcpy(q.block.data(), &large, 4);
  std::memcpy(q.base.data(), &opposite, 4);
  EXPECT_TRUE(Encode(q, 2).empty());
  EXPECT_TRUE(
      std::isnan(DifferenceOf(Bytes(128, 0xff).data(), p.base.data(), 128, MOSAIC_FLOAT).largest));
  EXPECT_EQ(
      EncodeLowBits(p.block.data(), p.base.data(), 4032, MOSAIC_INT8, 4, 1, 4032, q.block.data()),
      0U);
}

TEST(LowBitsTest, Damage) {
  std::mt19937 rng(4);
  std::normal_distribution<float> gauss(0, 1e-3F);
  Bytes made(1984), again(1984);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    const Pair p = Tuned(&rng, 1984, round % 2 == 0 ? MOSAIC_FLOAT : MOSAIC_BFLOAT16,
                         [&](size_t) { return gauss(rng); });
    Bytes delta = Encode(p, kLowBitsRungs[rng() % 4]);
    delta[8 + rng() % (rng() % 2 == 0 ? 8 : 60)] = static_cast<uint8_t>(rng());
    const Bytes damaged = delta;
    uint32_t stored;
    std::memcpy(&stored, delta.data(), 4);
    const auto sum = static_cast<uint32_t>(XXH3_64bits(delta.data() + 4, delta.size() - 4));
    if (sum != stored) {
      EXPECT_FALSE(DecodeDelta(delta.data(), Size(delta), p.base.data(), 1984, made.data()));
    }
    std::memcpy(delta.data(), &sum, 4);
    const bool ok = DecodeDelta(delta.data(), Size(delta), p.base.data(), 1984, made.data());
    ASSERT_EQ(DecodeDeltaReference(delta.data(), Size(delta), p.base.data(), 1984, again.data()),
              ok);
    if (ok) {
      EXPECT_EQ(made, again);
    }
    refused += !ok;
  }
  EXPECT_GT(refused, 200);
}

}  // namespace
}  // namespace mosaic
