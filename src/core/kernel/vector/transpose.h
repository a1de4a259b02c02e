// A matrix of 4-byte elements, transposed: out[c * out_step + r] = in[r * in_step + c]. Whole cache
// lines are read and written at once where the CPU has registers for that. The bits are copied,
// what they mean does not matter.
#pragma once

#include <cstdint>

namespace mosaic {

void TransposeWords(const float* in, int64_t in_step, int64_t rows, int64_t columns, float* out,
                    int64_t out_step);

}  // namespace mosaic
