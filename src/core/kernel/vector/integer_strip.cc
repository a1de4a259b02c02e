#include "core/kernel/integer_strip.h"

#define MOSAIC_KERNEL "core/kernel/vector/integer_strip.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void WidenIntegerStrip(const IntegerStrip& strip, const uint8_t* q, int64_t rows, float* w) {
  if (strip.bits == 4) {
    MOSAIC_DISPATCH(WidenHalves, strip, q, rows, w);
  } else if (strip.is_signed) {
    MOSAIC_DISPATCH(WidenBytes, strip, reinterpret_cast<const int8_t*>(q), rows, w);
  } else {
    MOSAIC_DISPATCH(WidenBytes, strip, q, rows, w);
  }
}

}  // namespace mosaic
