// Sums of products of 16-bit integers: differences of bytes and their zero points.
#pragma once

#include <cstdint>

namespace mosaic {

// out[r] = sum of a[i] * b[r * pitch + i], 0 <= i < k, for r < rows. Exact modulo 2^32.
// REQUIRES: elements are within -255..255.
void IntegerDots(const int16_t* a, const int16_t* b, int64_t pitch, int64_t rows, int64_t k,
                 int32_t* out);

}  // namespace mosaic
