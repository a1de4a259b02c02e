// Activations for products with weights of bfloat16: rounded to nearest even, as
// BFloat16ToFloat(FloatToBFloat16(x)) does it (core/util/dtype.h).
#pragma once

#include <cstdint>

#include "core/kernel/fast/isa.h"

namespace mosaic {

// out[i]: float32 with the value of in[i] rounded. On all instruction sets the same.
void RoundToBFloat16(Isa isa, const float* in, int64_t n, float* out);

// out[i]: the 32 bits of a pair, in[2 * i] rounded in the lower half and in[2 * i + 1] in the
// upper; with an odd n, 0 is there. CPUs that can multiply pairs round subnormal numbers to 0, as
// which they would be taken anyway.
void PairBFloat16(Isa isa, const float* in, int64_t n, float* out);

}  // namespace mosaic
