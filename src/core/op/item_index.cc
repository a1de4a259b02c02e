#include "core/op/item_index.h"

#include <algorithm>
#include <memory>

#include "core/op/infer.h"

namespace mosaic {
namespace {

void State(InferContext& c, ItemIndex index) {
  if (index.step.is_unknown() || index.below.is_unknown()) return;
  // Broadcasting may have made another dimension of it.
  const Fact& y = c.out(0);
  if (index.axis >= 0 && (!y.ranked || index.axis >= y.rank() ||
                          !Same(y.dims[static_cast<size_t>(index.axis)], c.items()))) {
    return;
  }
  c.out(0).index = std::make_shared<const ItemIndex>(std::move(index));
}

// The index of input i, its axis as one of the output that the inputs broadcast to. False: not
// known.
bool Operand(InferContext& c, size_t i, ItemIndex* out) {
  if (c.in(i).index == nullptr || c.in(i).index->first_only) return false;
  *out = *c.in(i).index;
  if (out->axis >= 0) out->axis += c.out(0).rank() - c.in(i).rank();
  return true;
}

// Whether input i is the same along this axis of the output that it is broadcast to.
bool Repeats(InferContext& c, size_t i, int axis) {
  const int at = axis - (c.out(0).rank() - c.in(i).rank());
  return at < 0 || c.dims(i)[static_cast<size_t>(at)].Is(1);
}

bool OneNumber(const InferContext& c, size_t i, Dim* out) {
  Dims numbers;
  if (!c.Known(i, &numbers) || numbers.size() != 1 || c.CountsItems(numbers[0])) return false;
  *out = numbers[0];
  return true;
}

}  // namespace

void IndexOfRange(InferContext& c, const Dim& count) {
  if (c.concrete()) return;
  ItemIndex index;
  if (Same(count, c.items())) {
    index.axis = 0;
    index.step = 1;
  } else if (!c.CountsItems(count)) {
    index.below = count;
  } else {
    return;
  }
  State(c, index);
}

void IndexReshaped(InferContext& c) {
  if (c.in(0).index == nullptr || !c.out(0).ranked) return;
  ItemIndex index = *c.in(0).index;
  if (index.first_only) return;
  if (index.axis >= 0) {
    const Dims &x = c.dims(0), &y = c.out(0).dims;
    const Dim before = Product(x, 0, static_cast<size_t>(index.axis));
    int axis = -1;
    for (size_t a = 0; a < y.size() && axis < 0; ++a) {
      if (Same(Product(y, 0, a), before) && Same(y[a], c.items())) axis = static_cast<int>(a);
    }
    if (axis < 0) return;
    index.axis = axis;
  }
  State(c, index);
}

void IndexExpanded(InferContext& c, int lead) {
  if (c.in(0).index == nullptr) return;
  ItemIndex index = *c.in(0).index;
  if (index.first_only) return;
  if (index.axis >= 0) index.axis += lead;
  State(c, index);
}

void IndexSum(InferContext& c) {
  ItemIndex a, b;
  if (c.concrete() || !Operand(c, 0, &a) || !Operand(c, 1, &b)) return;
  if (a.axis >= 0 && b.axis >= 0 && a.axis != b.axis) return;
  const int axis = std::max(a.axis, b.axis);
  // What does not number the items must not differ from item to item.
  if (axis >= 0 && ((a.axis < 0 && !Repeats(c, 0, axis)) || (b.axis < 0 && !Repeats(c, 1, axis)))) {
    return;
  }
  a.axis = axis;
  a.step = a.step + b.step;
  a.below = a.below + b.below - 1;
  State(c, a);
}

void IndexProduct(InferContext& c) {
  if (c.concrete()) return;
  for (size_t i = 0; i < 2; ++i) {
    ItemIndex a;
    Dim factor;
    if (!Operand(c, i, &a) || !OneNumber(c, 1 - i, &factor)) continue;
    if (!Same(Max(factor, 0), factor)) return;  // may be negative
    a.step = a.step * factor;
    a.below = (a.below - 1) * factor + 1;
    return State(c, a);
  }
}

void IndexOfTuples(InferContext& c) {
  if (c.concrete() || c.in(0).index == nullptr || c.in(0).index->axis < 0) return;
  ItemIndex index = *c.in(0).index;
  const int rank = c.in(0).rank();
  if (index.first_only || index.axis == rank - 1 || !c.dims(0).back().Is(1)) return;
  for (size_t i = 1; i < c.inputs(); ++i) {
    if (c.in(i).item_axis != index.axis) return;  // the rest of a tuple is the item's own too
  }
  index.first_only = true;
  State(c, index);
}

bool TakesOwn(const InferContext& c, size_t i, const Dim& size, bool tuples, int* axis) {
  const ItemIndex* index = c.in(i).index.get();
  if (c.concrete() || index == nullptr || index->axis < 0 || index->first_only != tuples) {
    return false;
  }
  const std::optional<Dim> part = size.DividedBy(c.items());
  if (!part || c.CountsItems(*part) || !Same(index->step, *part)) return false;
  const bool within = Same(index->below, *part) || (index->below.is_number() && part->is_number() &&
                                                    index->below.number() <= part->number());
  *axis = index->axis;
  return within;
}

}  // namespace mosaic
