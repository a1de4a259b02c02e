#include "core/kernel/integer_dot.h"

#include <algorithm>

#define MOSAIC_KERNEL "core/kernel/vector/integer_dot.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void IntegerDots(const int16_t* a, const int16_t* b, int64_t pitch, int64_t rows, int64_t k,
                 int32_t* out) {
  MOSAIC_DISPATCH(RunIntegerDots, a, b, pitch, rows, k, out);
}

}  // namespace mosaic
