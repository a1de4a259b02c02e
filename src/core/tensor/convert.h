// Conversion between the types in which floating-point weights are stored, seen and computed.
#pragma once

#include "core/tensor/arena.h"

namespace mosaic {

// Copies count elements, converting them where the types differ. Both arrays are aligned for their
// type. REQUIRES: equal types, or both floating-point (CanConvert).
void ConvertElements(int from_dtype, const void* from, int to_dtype, void* to, int64_t count);
bool CanConvert(int from_dtype, int to_dtype);

// A floating-point tensor as float32: itself where it has that type, else a copy.
Tensor ToFloat32(const Tensor& t, Arena* arena);

}  // namespace mosaic
