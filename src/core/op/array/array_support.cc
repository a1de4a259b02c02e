#include "core/op/array/array_support.h"

namespace mosaic {

int64_t LengthOf(const Fact& f) {
  if (!f.ranked) return -1;
  const Dim n = Product(f.dims);
  return n.is_number() ? n.number() : -1;
}

namespace {

// A list of integers that has to do with dimensions.
Status CheckList(const InferContext& c, size_t i, const char* what) {
  MOSAIC_RETURN_IF_ERROR(CheckType<IndexTypes>(c.dtype(i), what));
  if (!c.in(i).ranked) return Status();
  if (c.in(i).rank() > 1) {
    return Status::BadModel(std::string(what) + " must have one dimension, has shape " +
                            ShapeString(c.dims(i)));
  }
  if (LengthOf(c.in(i)) > 2 * MOSAIC_MAX_DIMS) {
    return Status::Limit(std::string(what) + " has " + std::to_string(LengthOf(c.in(i))) +
                         " elements; arrays have at most " + std::to_string(MOSAIC_MAX_DIMS) +
                         " dimensions");
  }
  return Status();
}

}  // namespace

Status TargetShape(InferContext& c, size_t i, const char* what, Dims* out, bool* ranked) {
  MOSAIC_RETURN_IF_ERROR(CheckList(c, i, what));
  *ranked = c.Known(i, out);
  const int64_t length = LengthOf(c.in(i));
  if (!*ranked && !c.concrete() && length >= 0) {
    out->resize(static_cast<size_t>(length));
    for (Dim& d : *out) d = c.NewDim();
    *ranked = true;
  }
  return Status();
}

Status NumbersInput(const InferContext& c, size_t i, const char* what, std::vector<int64_t>* out,
                    bool* known) {
  MOSAIC_RETURN_IF_ERROR(CheckList(c, i, what));
  Dims dims;
  *known = c.Known(i, &dims);
  out->clear();
  for (const Dim& d : dims) {
    *known = *known && d.is_number();
    if (*known) out->push_back(d.number());
  }
  return Status();
}

int AxisOfItems(const InferContext& c, const Dims& dims) {
  int axis = kShared;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (!c.CountsItems(dims[d])) continue;
    const std::optional<Dim> each = dims[d].DividedBy(c.items());
    if (axis != kShared || !each || c.CountsItems(*each)) return kMixed;
    axis = static_cast<int>(d);
  }
  return axis;
}

void ItemsRepeated(InferContext& c) {
  if (!c.concrete() && !c.itemised()) c.out(0).item_axis = AxisOfItems(c, c.out(0).dims);
}

void ItemsKept(InferContext& c, int axis) {
  if (c.itemised()) c.ItemsAt(0, AxisOfItems(c, c.out(0).dims) == axis ? axis : kMixed);
}

Status ViewAxis(const Shape& shape, int64_t axis, AxisView* out) {
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, static_cast<int>(shape.size()), &out->axis));
  const size_t a = static_cast<size_t>(out->axis);
  out->outer = out->inner = 1;
  out->size = shape[a];
  for (size_t d = 0; d < a; ++d) out->outer *= shape[d];
  for (size_t d = a + 1; d < shape.size(); ++d) out->inner *= shape[d];
  return Status();
}

Status IndexOutOfRange(int64_t index, int axis, int64_t size) {
  return Status::Invalid("index " + std::to_string(index) + " is out of range for axis " +
                         std::to_string(axis) + " of size " + std::to_string(size));
}

}  // namespace mosaic
