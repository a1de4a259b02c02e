// Groups of 16 elements made of those of another array and packed differences: what decodes a delta
// (core/codec/delta.h).
//
// An element's difference has width(class + level) bits, where its class follows from the exponent
// of the other array's element, max_exponent - exponent, and the level is its group's. Differences
// are those of the bit patterns, the sign moved to the lowest bit (0, -1, 1, -2, ...), packed from
// the lowest bit of the first byte on, element by element.
#pragma once

#include <cstdint>

#include "mosaic/page_format.h"

namespace mosaic {

constexpr int kDeltaGroup = 16;
constexpr int kDeltaClasses = 32;  // elements whose exponent is further below are of the last
// The level at which the classes' widths hold. Level 0: the elements are equal, and have no bits.
constexpr int kDeltaLevelZero = 8;
// So many bytes may be read behind what is packed.
constexpr int kDeltaSlack = 128;

struct DeltaGroups {
  int count;                      // of whole groups
  int max_exponent;               // of class 0
  int32_t widths[kDeltaClasses];  // of each class, 0 to the bits of an element
  const uint8_t* levels;          // 4 bits a group, the lower half of a byte first
  const uint8_t* bits;            // kDeltaSlack bytes behind bit_end can be read
  int64_t bit_end;                // number of packed bits
  const char* ahead = nullptr;    // what is fetched into the cache meanwhile: as long as the block
};

inline int DeltaLevel(const uint8_t* levels, int64_t group) {
  return levels[group / 2] >> 4 * (group % 2) & 15;
}

inline int DeltaWidth(int width_of_class, int level, int element_bits) {
  const int w = width_of_class + level - kDeltaLevelZero;
  return w < 0 ? 0 : w > element_bits ? element_bits : w;
}

// The exponent's bits of a float32, and of a bfloat16. (Of a float16 they are exponent and the
// three bits below, which tells its elements apart as well.)
inline int DeltaExponent(uint32_t x) { return static_cast<int>(x >> 23 & 255); }
inline int DeltaExponent(uint16_t x) { return x >> 7 & 255; }

inline int DeltaClass(int max_exponent, int exponent) {
  const int c = max_exponent - exponent;
  return c < 0 ? 0 : c >= kDeltaClasses ? kDeltaClasses - 1 : c;
}

// Makes 16 x count elements; any addresses. Returns the number of bits used; more than bit_end
// where there are not enough, and then what it made means nothing.
int64_t UnpackDelta(const DeltaGroups& groups, const uint32_t* base, uint32_t* out);
int64_t UnpackDelta(const DeltaGroups& groups, const uint16_t* base, uint16_t* out);

// Elements begin .. end of any groups from bit "at" on, one by one: the oracle of tests, and what
// is left of a group. Returns the bit behind them.
int64_t UnpackDeltaReference(const DeltaGroups& groups, const uint32_t* base, int64_t begin,
                             int64_t end, int64_t at, uint32_t* out);
int64_t UnpackDeltaReference(const DeltaGroups& groups, const uint16_t* base, int64_t begin,
                             int64_t end, int64_t at, uint16_t* out);

}  // namespace mosaic
