#include "core/kernel/integer_rows.h"

#include "core/kernel/integer_product.h"

#define MOSAIC_KERNEL "core/kernel/vector/integer_rows.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void FinishIntegers(const IntegerRow& row, int32_t* out) {
  MOSAIC_DISPATCH(RunFinishIntegers, row, out);
}

void FinishScaled(const IntegerRow& row, const float* scale, const float* bias, float* out) {
  MOSAIC_DISPATCH(RunFinishScaled, row, scale, bias, out);
}

void FinishBytes(const IntegerRow& row, const ByteSteps& steps, uint8_t* out) {
  MOSAIC_DISPATCH(RunFinishBytes, row, steps, out);
}

uint32_t PackIntegerRow(const uint8_t* a, int64_t step, bool moved, int64_t k, uint8_t* row) {
  return MOSAIC_DISPATCH(RunPackIntegerRow, a, step, moved, k, row);
}

}  // namespace mosaic
