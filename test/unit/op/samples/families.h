// The generators of the families, and what they share.
#pragma once

#include <vector>

#include "op/samples/sample.h"

namespace mosaic::samples {

using GeneratorList = std::vector<Generator>;

void AddMath(GeneratorList* out);
void AddReductions(GeneratorList* out);
void AddArrays(GeneratorList* out);
void AddIndexing(GeneratorList* out);
void AddProducts(GeneratorList* out);
void AddLayers(GeneratorList* out);
void AddAttention(GeneratorList* out);
void AddQuantised(GeneratorList* out);
void AddClassical(GeneratorList* out);
void AddOthers(GeneratorList* out);

// Mostly float32.
inline int FloatType(Draw& d) {
  return d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_BFLOAT16});
}
inline int SingleType(Draw& d) { return d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_FLOAT16, MOSAIC_BFLOAT16}); }
inline int NumericType(Draw& d) {
  return d.Of({MOSAIC_FLOAT, MOSAIC_FLOAT, MOSAIC_DOUBLE, MOSAIC_FLOAT16, MOSAIC_BFLOAT16, MOSAIC_INT8, MOSAIC_INT16,
               MOSAIC_INT32, MOSAIC_INT64, MOSAIC_UINT8, MOSAIC_UINT16, MOSAIC_UINT32, MOSAIC_UINT64});
}
inline int IntegerType(Draw& d) {
  return d.Of({MOSAIC_INT8, MOSAIC_INT16, MOSAIC_INT32, MOSAIC_INT64, MOSAIC_UINT8, MOSAIC_UINT16, MOSAIC_UINT32,
               MOSAIC_UINT64});
}
inline int AnyType(Draw& d) { return d.Rarely() ? int{MOSAIC_BOOL} : NumericType(d); }
inline int64_t Axis(Draw& d, const Shape& shape) {
  const int64_t rank = static_cast<int64_t>(shape.size());
  return rank == 0 ? 0 : d.Int(-rank, rank - 1);
}
inline size_t Positive(int64_t axis, const Shape& shape) {
  return static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
}

}  // namespace mosaic::samples
