#include "core/kernel/window_sum.h"

#define MOSAIC_KERNEL "core/kernel/vector/window_sum.inc"
#include "core/kernel/vector/each_isa.h"

namespace mosaic {

void SumWeightedRows(const float* const* rows, const float* weights, int64_t count, float bias,
                     int64_t n, float* out) {
  MOSAIC_DISPATCH(RunSumWeightedRows, rows, weights, count, bias, n, out);
}

void LargestOfRows(const float* const* rows, int64_t count, int64_t n, float* out) {
  MOSAIC_DISPATCH(RunLargestOfRows, rows, count, n, out);
}

void ScaleRow(double mean, double factor, double bias, int64_t n, float* y) {
  MOSAIC_DISPATCH(RunScaleRow, mean, factor, bias, n, y);
}

void MulAddRow(float factor, float addend, int64_t n, float* y) {
  MOSAIC_DISPATCH(RunMulAddRow, factor, addend, n, y);
}

void AddRow(const float* x, int64_t n, float* y) { MOSAIC_DISPATCH(RunAddRow, x, n, y); }

void AddEveryNth(const float* x, float w, int64_t n, int64_t stride, float* y) {
  MOSAIC_DISPATCH(RunAddEveryNth, x, w, n, stride, y);
}

void PadRows(const StridedRows& from, int64_t rows, int64_t before, int64_t length, float fill,
             float* out) {
  MOSAIC_DISPATCH(RunPadRows, from, rows, before, length, fill, out);
}

}  // namespace mosaic
