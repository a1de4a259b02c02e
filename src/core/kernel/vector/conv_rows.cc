#include "core/kernel/conv_rows.h"

#define MOSAIC_KERNEL "core/kernel/vector/conv_rows.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void ConvRow(const ConvRowArgs& args) { MOSAIC_DISPATCH(RunConvRow, args); }

void FinishConvRow(const float* sums, const ConvFinish& f, int64_t n, float* out) {
  MOSAIC_DISPATCH(RunFinishConvRow, sums, f, n, out);
}

}  // namespace mosaic
