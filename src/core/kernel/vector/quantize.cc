#include "core/kernel/quantize.h"

#include "mosaic/page_format.h"

#define MOSAIC_KERNEL "core/kernel/vector/quantize.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void Quantize(const float* x, float scale, int zero_point, int dtype, void* q, int64_t n) {
  switch (dtype) {
    case MOSAIC_INT8:
      return MOSAIC_DISPATCH(RunQuantize, x, scale, zero_point, static_cast<int8_t*>(q), n);
    case MOSAIC_UINT8:
      return MOSAIC_DISPATCH(RunQuantize, x, scale, zero_point, static_cast<uint8_t*>(q), n);
    case MOSAIC_INT16:
      return MOSAIC_DISPATCH(RunQuantize, x, scale, zero_point, static_cast<int16_t*>(q), n);
    default:
      return MOSAIC_DISPATCH(RunQuantize, x, scale, zero_point, static_cast<uint16_t*>(q), n);
  }
}

void Range(const float* x, int64_t n, float* least, float* most) {
  MOSAIC_DISPATCH(RunRange, x, n, least, most);
}

void Dequantize(int dtype, const void* q, float scale, int zero_point, float* x, int64_t n) {
  switch (dtype) {
    case MOSAIC_INT8:
      return MOSAIC_DISPATCH(RunDequantize, static_cast<const int8_t*>(q), scale, zero_point, x, n);
    case MOSAIC_UINT8:
      return MOSAIC_DISPATCH(RunDequantize, static_cast<const uint8_t*>(q), scale, zero_point, x,
                             n);
    case MOSAIC_INT16:
      return MOSAIC_DISPATCH(RunDequantize, static_cast<const int16_t*>(q), scale, zero_point, x,
                             n);
    case MOSAIC_UINT16:
      return MOSAIC_DISPATCH(RunDequantize, static_cast<const uint16_t*>(q), scale, zero_point, x,
                             n);
    default:
      return MOSAIC_DISPATCH(RunDequantize, static_cast<const int32_t*>(q), scale, zero_point, x,
                             n);
  }
}

}  // namespace mosaic
