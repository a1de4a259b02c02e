#include "core/kernel/reduce.h"

#define MOSAIC_KERNEL "core/kernel/vector/reduce.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void ReduceRows(Reduction f, const float* x, int64_t row_step, int64_t rows, int64_t n,
                float* out) {
  if (ActiveIsa() == Isa::kReference) {
    for (int64_t r = 0; r < rows; ++r) out[r] = ReduceReference(f, x + r * row_step, 1, n);
    return;
  }
  MOSAIC_DISPATCH(RunReduceRows, {f, x, row_step, n, out}, rows);
}

void ReduceColumns(Reduction f, const float* x, int64_t step, int64_t n, int64_t columns,
                   float* out) {
  if (ActiveIsa() == Isa::kReference) {
    for (int64_t c = 0; c < columns; ++c) out[c] = ReduceReference(f, x + c, step, n);
    return;
  }
  MOSAIC_DISPATCH(RunReduceColumns, {f, x, step, n, out}, columns);
}

}  // namespace mosaic
