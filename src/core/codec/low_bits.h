// A block as a difference of few bits a weight to another of the same geometry, its base: the block
// that comes back is another one, near it, and the same on every machine. docs/page_format.md,
// "Delta".
//
// A weight is that of the base plus one of 2, 4, 16 or 255 levels times a scale, of which each
// column of a strip or each run of 64 weights has one: columns where a layer was trained on as a
// whole, runs where rows of it were (the words that occur). Scales are fitted to their group by
// alternating with the choice of levels. Weights that are 0 in the base stay 0: filling does, and
// so do pruned weights.
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int kLowBitsRungs[] = {1, 2, 4, 8};

// The delta of a block of "bytes" bytes, with so many bits a weight; its length, a multiple of 32.
// 0 where that would be more than "limit", where a weight or a difference is not finite, or the
// type is none of float32, bfloat16, float16. Equal blocks and bases give equal deltas. REQUIRES:
// room for limit at out; bits of kLowBitsRungs.
uint32_t EncodeLowBits(const void* block, const void* base, uint32_t bytes, int dtype, int bits,
                       int32_t base_id, uint32_t limit, void* out);

bool IsLowBits(const void* delta, uint32_t delta_bytes);

// As DecodeDelta (delta.h).
bool DecodeLowBits(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                   bool reference, const void* ahead, void* out);

// Sum of squares and largest of the differences of two blocks' weights, NaN where one is. REQUIRES:
// a type that EncodeLowBits takes.
struct BlockDifference {
  double squared = 0, largest = 0;
};
BlockDifference DifferenceOf(const void* a, const void* b, uint32_t bytes, int dtype);

}  // namespace mosaic
