#include "core/util/dtype.h"

namespace mosaic {

int DTypeSize(int dtype) {
  switch (dtype) {
    case MOSAIC_UINT8:
    case MOSAIC_INT8:
    case MOSAIC_BOOL:
    case MOSAIC_FLOAT8E4M3FN:
    case MOSAIC_FLOAT8E4M3FNUZ:
    case MOSAIC_FLOAT8E5M2:
    case MOSAIC_FLOAT8E5M2FNUZ:
    case MOSAIC_UINT4:
    case MOSAIC_INT4:
    case MOSAIC_FLOAT4E2M1:
    case MOSAIC_FLOAT8E8M0:
    case MOSAIC_UINT2:
    case MOSAIC_INT2:
      return 1;
    case MOSAIC_UINT16:
    case MOSAIC_INT16:
    case MOSAIC_FLOAT16:
    case MOSAIC_BFLOAT16:
      return 2;
    case MOSAIC_FLOAT:
    case MOSAIC_INT32:
    case MOSAIC_UINT32:
      return 4;
    case MOSAIC_DOUBLE:
    case MOSAIC_INT64:
    case MOSAIC_UINT64:
      return 8;
    case MOSAIC_STRING:
      return 16;  // tensor/tensor.h: StringElement
    default:
      return 0;
  }
}

int DTypeBits(int dtype) {
  switch (dtype) {
    case MOSAIC_UINT4:
    case MOSAIC_INT4:
    case MOSAIC_FLOAT4E2M1:
      return 4;
    case MOSAIC_UINT2:
    case MOSAIC_INT2:
      return 2;
    default:
      return 8 * DTypeSize(dtype);
  }
}

const char* DTypeName(int dtype) {
  switch (dtype) {
    case MOSAIC_FLOAT:
      return "float32";
    case MOSAIC_UINT8:
      return "uint8";
    case MOSAIC_INT8:
      return "int8";
    case MOSAIC_UINT16:
      return "uint16";
    case MOSAIC_INT16:
      return "int16";
    case MOSAIC_INT32:
      return "int32";
    case MOSAIC_INT64:
      return "int64";
    case MOSAIC_BOOL:
      return "bool";
    case MOSAIC_FLOAT16:
      return "float16";
    case MOSAIC_DOUBLE:
      return "float64";
    case MOSAIC_UINT32:
      return "uint32";
    case MOSAIC_UINT64:
      return "uint64";
    case MOSAIC_BFLOAT16:
      return "bfloat16";
    case MOSAIC_STRING:
      return "string";
    case MOSAIC_FLOAT8E4M3FN:
      return "float8e4m3fn";
    case MOSAIC_FLOAT8E4M3FNUZ:
      return "float8e4m3fnuz";
    case MOSAIC_FLOAT8E5M2:
      return "float8e5m2";
    case MOSAIC_FLOAT8E5M2FNUZ:
      return "float8e5m2fnuz";
    case MOSAIC_UINT4:
      return "uint4";
    case MOSAIC_INT4:
      return "int4";
    case MOSAIC_FLOAT4E2M1:
      return "float4e2m1";
    case MOSAIC_FLOAT8E8M0:
      return "float8e8m0";
    case MOSAIC_UINT2:
      return "uint2";
    case MOSAIC_INT2:
      return "int2";
    case MOSAIC_SEQUENCE:
      return "sequence";
    default:
      return "?";
  }
}

bool IsFloat(int dtype) {
  return dtype == MOSAIC_FLOAT || dtype == MOSAIC_DOUBLE || dtype == MOSAIC_FLOAT16 ||
         dtype == MOSAIC_BFLOAT16;
}

uint16_t FloatToBFloat16(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  if ((u & 0x7fffffffU) > 0x7f800000U) return static_cast<uint16_t>(u >> 16 | 0x40);  // quiet NaN
  u += 0x7fffU + (u >> 16 & 1);
  return static_cast<uint16_t>(u >> 16);
}

float Float16ToFloat(uint16_t h) {
  uint32_t sign = static_cast<uint32_t>(h & 0x8000U) << 16;
  uint32_t exponent = h >> 10 & 0x1fU, mantissa = h & 0x3ffU, u;
  if (exponent == 0x1f) {
    u = sign | 0x7f800000U | mantissa << 13;
  } else if (exponent != 0) {
    u = sign | (exponent + 112) << 23 | mantissa << 13;
  } else if (mantissa == 0) {
    u = sign;
  } else {  // subnormal: normalise
    exponent = 113;
    while (!(mantissa & 0x400U)) {
      mantissa <<= 1;
      --exponent;
    }
    u = sign | exponent << 23 | (mantissa & 0x3ffU) << 13;
  }
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

uint16_t FloatToFloat16(float f) {
  uint32_t u;
  std::memcpy(&u, &f, 4);
  uint16_t sign = static_cast<uint16_t>(u >> 16 & 0x8000U);
  u &= 0x7fffffffU;
  if (u > 0x7f800000U) return sign | 0x7e00U;           // NaN
  if (u >= 0x477ff000U) return sign | 0x7c00U;          // rounds to infinity
  if (u < 0x33000001U) return sign;                     // rounds to zero
  uint32_t exponent = u >> 23, mantissa = (u & 0x7fffffU) | 0x800000U;
  int shift = exponent >= 113 ? 13 : static_cast<int>(126 - exponent);
  uint32_t half = mantissa >> shift, rest = mantissa & ((1U << shift) - 1), mid = 1U << (shift - 1);
  if (rest > mid || (rest == mid && (half & 1))) ++half;
  // The implicit bit of a normal number carries into the exponent field, as does a rounding carry.
  uint32_t bits = exponent >= 113 ? ((exponent - 113) << 10) + half : half;
  return static_cast<uint16_t>(sign | bits);
}

}  // namespace mosaic
