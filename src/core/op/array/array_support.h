// What the operators of this folder share: target shapes, where repeated items lie, chunks.
#pragma once

#include <vector>

#include "core/op/op_support.h"

namespace mosaic {

using IndexTypes = Types<int32_t, int64_t>;

// The dimensions that the elements of integer input i stand for ("what" names it). In symbolic
// mode a shape of which only the length is known has new dimensions. *ranked false: nothing is
// known (in concrete mode the operator is asked again when the elements are there).
Status TargetShape(InferContext& c, size_t i, const char* what, Dims* out, bool* ranked);

// The elements of integer input i as numbers; *known false where they are not all known yet.
Status NumbersInput(const InferContext& c, size_t i, const char* what, std::vector<int64_t>* out,
                    bool* known);
// How many elements a list has whose elements may not be known; -1: not known either.
int64_t LengthOf(const Fact& f);

// The axis that counts the items, where it is one alone and the size of each item does not depend
// on how many there are; kShared: no dimension counts items; else kMixed.
int AxisOfItems(const InferContext& c, const Dims& dims);
// Output 0 repeats or makes elements that do not depend on the items: states where they lie.
void ItemsRepeated(InferContext& c);
// Output 0 keeps items of input 0 apart, at "axis", unless its other dimensions count them too.
void ItemsKept(InferContext& c, int axis);

// Calls f(TypeTag<T>()) with a type of the size of dtype's elements: for operators that only move
// them.
template <typename F>
void DispatchSize(int dtype, F&& f) {
  switch (DTypeSize(dtype)) {
    case 1:
      return f(TypeTag<uint8_t>());
    case 2:
      return f(TypeTag<uint16_t>());
    case 4:
      return f(TypeTag<uint32_t>());
    case 8:
      return f(TypeTag<uint64_t>());
    default:
      return f(TypeTag<StringElement>());
  }
}

// Units of chunk elements.
inline int64_t Chunks(int64_t elements, int64_t chunk) { return (elements + chunk - 1) / chunk; }

// An array seen as outer x size x inner around one axis.
struct AxisView {
  int axis = 0;
  int64_t outer = 1, size = 1, inner = 1;
};
// Errors as NormalizeAxis.
Status ViewAxis(const Shape& shape, int64_t axis, AxisView* out);

// A message for an index that is not one of size.
Status IndexOutOfRange(int64_t index, int axis, int64_t size);

}  // namespace mosaic
