// Which scale and zero point an element of a quantised array has: one for all, one for each index
// of an axis, or one for each block of block_size indexes of the axis.
#pragma once

#include <algorithm>
#include <string>

#include "core/op/op_support.h"
#include "core/tensor/small_types.h"

namespace mosaic {

struct ScaleAxis {
  int64_t inner = 1;   // elements behind the axis
  int64_t size = 1;    // of the axis
  int64_t block = 0;   // 0: none
  int64_t scales = 1;  // along the axis
  bool one = true;     // one scale for all

  int64_t IndexOf(int64_t element) const {
    if (one) return 0;
    const int64_t at = element / inner % size;
    if (block == 0) return at;
    return (element / inner / size * scales + at / block) * inner + element % inner;
  }
};

// Checks the shapes of x (input 0), the scale (1) and the zero point (2) and states shape and items
// of output 0, of this type.
inline Status InferScaled(InferContext& c, int dtype, int64_t axis, int64_t block) {
  if (block < 0) return Status::BadModel("block_size is " + std::to_string(block));
  if (!c.in(0).ranked || !c.in(1).ranked) {
    c.SetUnranked(0, dtype);
    return Status();
  }
  const Dims &x = c.dims(0), &scale = c.dims(1);
  MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, x));
  const bool one = scale.empty() || (scale.size() == 1 && scale[0].Is(1) && block == 0);
  if (c.Has(2) && c.in(2).ranked) {
    const Dims& zero = c.dims(2);
    const std::string what =
        "scale and zero point have shapes " + ShapeString(scale) + " and " + ShapeString(zero);
    // Those of one element may be of either rank.
    if (one ? zero.size() > 1 : zero.size() != scale.size()) return Status::BadModel(what);
    for (size_t d = 0; d < zero.size(); ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(zero[d], one ? Dim(1) : scale[d], what));
    }
  }
  if (one) {
    c.ItemsOf(0);
    return Status();
  }
  int at = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, c.in(0).rank(), &at));
  const size_t a = static_cast<size_t>(at);
  if (block == 0 ? scale.size() != 1 : scale.size() != x.size()) {
    return Status::BadModel("a scale of shape " + ShapeString(scale) +
                            " does not fit an input of " + ShapeString(x));
  }
  Dims want = x;
  want[a] = CeilDiv(x[a], std::max<int64_t>(block, 1));
  if (block == 0) want = {x[a]};
  for (size_t d = 0; d < want.size(); ++d) {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(
        scale[d], want[d],
        "a scale of shape " + ShapeString(scale) + " does not fit an input of " + ShapeString(x)));
  }
  c.ItemsOf(0, c.item_axis(0) != at);
  return Status();
}

inline Status MakeScaleAxis(const Shape& x, const Shape& scale, int64_t axis, int64_t block,
                            ScaleAxis* s) {
  s->one = scale.empty() || (scale.size() == 1 && scale[0] == 1 && block == 0);
  if (s->one) return Status();
  int at = 0;
  MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, static_cast<int>(x.size()), &at));
  s->size = x[static_cast<size_t>(at)];
  s->block = block;
  s->scales = block == 0 ? s->size : scale[static_cast<size_t>(at)];
  for (size_t d = static_cast<size_t>(at) + 1; d < x.size(); ++d) s->inner *= x[d];
  return Status();
}

}  // namespace mosaic
