// Linear quantisation of float32 to 8- and 16-bit integers, and back:
//   q = saturate(round(x / scale) + zero_point),  halves to even;  x = (q - zero_point) * scale
//
// An infinity saturates, NaN gives the lowest q. An element depends on itself only; all CPUs agree.
// Where scales differ by channel, a call for each channel's run.
#pragma once

#include <cstdint>

namespace mosaic {

// dtype, of q: int8, uint8, int16 or uint16; zero_point is one of its values. scale is not 0.
void Quantize(const float* x, float scale, int zero_point, int dtype, void* q, int64_t n);
// Lowers *least and raises *most to what x has; NaN is not looked at.
void Range(const float* x, int64_t n, float* least, float* most);
// dtype: also int32.
void Dequantize(int dtype, const void* q, float scale, int zero_point, float* x, int64_t n);

}  // namespace mosaic
