// An array seen as vectors along one axis: Softmax, ArgMax and their like work on each alone.
#pragma once

#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {

constexpr int64_t kVectorPart = 32768;  // elements of a vector that a unit looks at

// Vector v has length elements, inner apart, from Begin(v) on. A long one is cut into parts.
struct Vectors {
  int64_t length = 0, inner = 1, count = 0;
  int64_t parts = 1;
  int64_t per_unit = 1;  // vectors of a unit, where parts is 1

  Vectors(const Shape& shape, int axis) {
    length = shape[static_cast<size_t>(axis)];
    for (size_t d = static_cast<size_t>(axis) + 1; d < shape.size(); ++d) inner *= shape[d];
    count = length == 0 ? 0 : NumElements(shape) / length;
    parts = std::max<int64_t>(1, (length + kVectorPart - 1) / kVectorPart);
    per_unit = std::max<int64_t>(1, kVectorPart / 8 / std::max<int64_t>(length, 1));
  }
  int64_t Begin(int64_t v) const { return v / inner * length * inner + v % inner; }
  // Units of a phase that looks at all elements: of per_unit vectors, or of one part.
  int64_t units() const { return parts > 1 ? count * parts : (count + per_unit - 1) / per_unit; }
  // What such a unit costs, from what an element does; a vector has its own cost, however short it
  // is.
  double unit_cost(double element) const {
    return parts > 1 ? element * static_cast<double>(kVectorPart)
                     : static_cast<double>(per_unit) * (element * static_cast<double>(length) + 40);
  }
  // Of a unit where parts > 1: its elements of vector unit / parts.
  int64_t PartBegin(int64_t unit) const { return unit % parts * kVectorPart; }
  int64_t PartEnd(int64_t unit) const { return std::min(PartBegin(unit) + kVectorPart, length); }
};

// Output 0 is of input 0's type and shape, computed along an axis: items are kept apart but for
// those along it.
inline Status InferAlongAxis(InferContext& c, int64_t axis) {
  MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
  if (!c.in(0).ranked) {
    c.SetUnranked(0, c.dtype(0));
    return Status();
  }
  int a = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, c.in(0).rank(), &a));
  MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
  c.ItemsOf(0, c.item_axis(0) != a);
  return Status();
}

}  // namespace mosaic
