// Rows of a convolution's output from rows of its input, plane by plane, with kernels in strips
// (mosaic/page_format.h): no patches, and nothing is transposed.
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int64_t kConvFilters = 16;  // of a strip

// sums[f * pitch + i] = (add: what is there, else 0) + sum over k of w(k, f) * x[offsets[k] + i],
// fused and in ascending k; f < filters (more may be written, up to kConvFilters), i < n rounded up
// to a multiple of 16. So many floats from each offset can be read, and so many sums are written.
// blocks: rows of k of one strip, block_rows in each, k in all.
struct ConvRowArgs {
  const float* x;
  const int32_t* offsets;
  const void* const* blocks;
  int64_t block_rows, k;
  bool add;
  float* sums;
  int64_t pitch, n;
  int64_t filters;  // of the strip
};
void ConvRow(const ConvRowArgs& args);
// What becomes of sums as they are copied: plus bias, then plus added[i] (null: nothing), then,
// with relu, what is below 0 becomes 0. Rounded after each step.
struct ConvFinish {
  float bias;
  const float* added;
  bool relu;
};
void FinishConvRow(const float* sums, const ConvFinish& f, int64_t n, float* out);

}  // namespace mosaic
