// Element types: names, sizes, half-precision conversion.
#pragma once

#include <cstdint>
#include <cstring>

#include "mosaic/page_format.h"

namespace mosaic {

using DType = MosaicDtype;

// Bytes of one element; 0 for a type we do not have.
int DTypeSize(int dtype);
// Bits of an element in a file: of types of less than a byte, several share one there, the first in
// the low bits.
int DTypeBits(int dtype);
// numpy's name: "float32", "int64", "bool", "bfloat16"; "?" for a type we do not have.
const char* DTypeName(int dtype);
bool IsFloat(int dtype);  // float16, bfloat16, float32, float64

// bfloat16 <-> float32; rounding to nearest even, NaN stays NaN.
inline float BFloat16ToFloat(uint16_t h) {
  uint32_t u = static_cast<uint32_t>(h) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
uint16_t FloatToBFloat16(float f);

// IEEE 754 binary16 <-> float32; rounding to nearest even, subnormals kept.
float Float16ToFloat(uint16_t h);
uint16_t FloatToFloat16(float f);

}  // namespace mosaic
