#include "core/kernel/vector/transpose.h"

#define MOSAIC_KERNEL "core/kernel/vector/transpose.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void TransposeWords(const float* in, int64_t in_step, int64_t rows, int64_t columns, float* out,
                    int64_t out_step) {
  MOSAIC_DISPATCH(RunTransposeWords, in, in_step, rows, columns, out, out_step);
}

}  // namespace mosaic
