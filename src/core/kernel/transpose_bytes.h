// A matrix of bytes, transposed: out[c * out_step + r] = in[r * in_step + c] ^ flip.
#pragma once

#include <cstdint>

namespace mosaic {

void TransposeBytes(const uint8_t* in, int64_t in_step, int64_t rows, int64_t columns, uint8_t flip,
                    uint8_t* out, int64_t out_step);

}  // namespace mosaic
