// From the vectors of a text's tokens to one vector of the text, as sentence-transformers have it.
#pragma once

#include <cstdint>

namespace mosaic::text {

enum class Pooling {
  kMean,  // of all tokens
  kCls,   // the first token
  kMax,   // the largest of each column
  kLast   // the last token
};

// rows: count x width, row-major; out: width. Sums are formed in double and rounded once, in the order of the rows.
// No rows: zeros. NaN stays NaN.
void Pool(Pooling pooling, const float* rows, int64_t count, int64_t width, float* out);

// Divides a vector by its Euclidean length, or by 1e-12 where that is more, as PyTorch's normalize() does.
void Normalize(float* vector, int64_t width);

}  // namespace mosaic::text
