// Elements made of those of another array and differences of a few bits: what decodes a low-bit
// delta (core/codec/low_bits.h).
//
// out = base + level[code] * scale, rounded after the product and after the sum, never fused; where
// base is 0, out is base. Every instruction set makes the same bits.
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int kLowBitsRun = 64;     // consecutive elements that have a scale in common
constexpr int kLowBitsPeriod = 32;  // or those of a column: scales repeat after so many
constexpr int kLowBitsSlack = 16;   // bytes that may be read behind the codes

struct LowBits {
  int bits;        // of a code: 1, 2, 4 or 8
  bool by_column;  // element i has scales[i % kLowBitsPeriod], else scales[i / kLowBitsRun]
  const float* scales;
  const float* levels;   // 16, repeated where there are fewer; not used with 8 bits
  const uint8_t* codes;  // of the lowest bits of the first byte first; 8 bits: two's complement
  // What is fetched into the cache meanwhile: a line for each 16 elements, so many bytes apart.
  const char* ahead = nullptr;
  int ahead_step = 0;
};

// Any addresses.
void UnpackLowBits(const LowBits& d, const float* base, int64_t n, float* out);
// Elements begin .. end, one by one: the oracle of tests, and what is left of 16.
void UnpackLowBitsReference(const LowBits& d, const float* base, int64_t begin, int64_t end,
                            float* out);

// Gives each of n differences the code of the level that is nearest with this scale: sums of
// difference times level, of squares of levels, and of squares of what is left.
struct LowBitsFit {
  float product, squares, left;
};
LowBitsFit FitLowBits(int bits, const float* d, int64_t n, float scale, uint8_t* codes);

// The 16 levels of codes of so many bits; null where there are no such codes, or 8.
const float* LowBitsLevels(int bits);

}  // namespace mosaic
