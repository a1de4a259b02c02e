// Strips of float16 as strips of float32, exactly.
#pragma once

#include <cstdint>

namespace mosaic {

// rows of 64 bytes that hold a pair of k each (page_format.h) become 2 * rows of 16 floats, in the
// order of k. Each number is that of float32; subnormal ones too. out: 64-byte aligned, apart from
// in.
void WidenHalfStrip(const void* in, int64_t rows, float* out);

}  // namespace mosaic
