// Sixteen columns of small integers side by side as a strip of float32.
#pragma once

#include <cstdint>

namespace mosaic {

// Row k of a strip from 16 integers of a column each: (q - zero) * scale, in float32.
//
// q: rows of 16 bytes. bits: 8, a byte each, or 4, the low halves a row of the strip and the high
// ones the next, so that there are 2 * rows. is_signed: of bytes. w: 16 floats a row.
struct IntegerStrip {
  int bits;
  bool is_signed;
  float zero[16], scale[16];
};
void WidenIntegerStrip(const IntegerStrip& strip, const uint8_t* q, int64_t rows, float* w);

}  // namespace mosaic
