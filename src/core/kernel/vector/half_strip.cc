#include "core/kernel/half_strip.h"

#include "core/util/dtype.h"

#define MOSAIC_KERNEL "core/kernel/vector/half_strip.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void WidenHalfStrip(const void* in, int64_t rows, float* out) {
  const uint16_t* pairs = static_cast<const uint16_t*>(in);
  MOSAIC_DISPATCH(WidenPairs, pairs, rows, out);
}

}  // namespace mosaic
