// What is followed of integers that number the items of a batch.
//
// Exporters pick what belongs to an item by its number: transformers' masks are
//   mask[arange(batch)[:, None], arange(tokens)],  as GatherND on tuples (item, token), or
//   flatten(mask)[arange(batch)[:, None] * tokens + arange(tokens)],  as Gather
// Such numbers differ from item to item, so that to every other operator they are mixed; but a
// gather that takes with them what is the item's own keeps the items apart.
#pragma once

#include "core/graph/dim.h"

namespace mosaic {

class InferContext;
struct Fact;

// Elements of item k, which lie at index k of the axis, are k * step + r with 0 <= r < below, where r
// is the same for all items. Without an axis: 0 <= element < below.
struct ItemIndex {
  int axis = -1;
  Dim step = 0;
  Dim below = 1;
  bool first_only = false;  // true of elements at index 0 of the last dimension only
};

// ---- each states what output 0 is, where it can be told. REQUIRES: its shape is set. ----
// Range from 0 in steps of 1 to "count".
void IndexOfRange(InferContext& c, const Dim& count);
// Output 0 has the elements of input 0 in the same order (Reshape and its like), or repeats them
// along dimensions of 1 (Expand: lead dimensions come before).
void IndexReshaped(InferContext& c);
void IndexExpanded(InferContext& c, int lead);
// The sum and the product of inputs 0 and 1, broadcast.
void IndexSum(InferContext& c);
void IndexProduct(InferContext& c);
// Tuples: input 0 comes first along the last dimension, at which the inputs are joined.
void IndexOfTuples(InferContext& c);

// Whether input i takes, of "size" elements that belong to the items in turn, only an item's own:
// *axis is then the one of the input that counts items.
bool TakesOwn(const InferContext& c, size_t i, const Dim& size, bool tuples, int* axis);

}  // namespace mosaic
