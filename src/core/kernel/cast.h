// Conversion of elements between all element types.
//
// From floating point to integer: truncated, saturated, NaN is 0; between integers the low bits are
// kept; to bool: is it not 0; from bool: any non-zero byte is 1. To a narrower float: to nearest
// even, beyond the largest infinite, subnormal numbers kept, NaN stays NaN (which one may depend on
// the CPU). Double to a 16-bit float goes by float32.
#pragma once

#include <cstdint>

namespace mosaic {

// out[i] = in[i] as type `to`. The types are MosaicDtype of numbers and bool. Any range of elements
// may be converted on its own. The memories do not overlap, but may be the same where the types
// have the same size.
void Cast(int from, const void* in, int to, void* out, int64_t n);

}  // namespace mosaic
