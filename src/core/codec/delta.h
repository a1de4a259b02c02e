// A block as its difference to another of the same geometry, its base: what a fine-tune left of a
// block's weights nearly as they were. docs/page_format.md, "Delta", has the bytes. What is encoded
// here is lossless; low_bits.h has the other kind, which is read here too.
//
// The difference is that of the weights' bit patterns as integers, which loses nothing and is small
// where the weights are near: of the same sign and exponent, it counts the steps between them.
// Training moves the weights of a layer by about the same amount, so a small weight moves by more
// of its own steps than a large one: the bits that a difference needs follow from the exponent of
// the base's weight. A table has the width for each exponent of the block; each group of 16 weights
// has a level that is added, or is equal; the few differences that do not fit their width are
// stored as whole weights beside. (FM-Delta and ZipLLM code the same differences with entropy
// coders; here widths are known before the bits are read, so that a group is decoded at once.)
#pragma once

#include <cstdint>

namespace mosaic {

// The delta of a block of "bytes" bytes with elements of 2 or 4 bytes, of which the sign comes
// first, then 8 bits of exponent. Returns its length, a multiple of 32 and at most "limit"; 0 where
// it would be longer. REQUIRES: room for limit at out; limit < bytes, a multiple of 32.
uint32_t EncodeDelta(const void* block, const void* base, uint32_t bytes, int element_bytes,
                     int32_t base_id, uint32_t limit, void* out);

// About how long it would be, by every eighth element.
uint32_t EstimateDelta(const void* block, const void* base, uint32_t bytes, int element_bytes);

// Makes the block of a delta of either kind; false where that is damaged, or not one of a block of
// "bytes" bytes. Reads nothing outside delta[0 .. delta_bytes) and base[0 .. bytes), writes bytes
// at out. As many bytes from "ahead" on (may be null) are fetched into the CPU's cache meanwhile.
bool DecodeDelta(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                 void* out, const void* ahead = nullptr);

// The base of what says that it is a delta of a block of "bytes" bytes; 0 where it does not, or is
// no id. The checksum is not looked at: decoding does.
int32_t DeltaBase(const void* delta, uint32_t delta_bytes, uint32_t bytes);
// Bytes of the block that a delta, whose checksum fits, stands for; 0: it is none.
uint32_t DeltaWhole(const void* delta, uint32_t delta_bytes);

// The same element by element, as the oracle of tests.
bool DecodeDeltaReference(const void* delta, uint32_t delta_bytes, const void* base, uint32_t bytes,
                          void* out);

}  // namespace mosaic
