// How a SQL array becomes an input of a model.
//
// The item of an input is its shape without the axis that counts items (ItemPlan). Where the model
// mixes items or declares no such axis, dimension 0 still may be left out if the input has rank >=
// 2 and dimension 0 is free or 1: it is then 1. Else the input is its own item. With r = rank of
// the item, an array of
//   1 dimension              is one item, flat;
//   r dimensions, fitting    is one item;
//   r + 1 dimensions         is a batch of items (only with a batch dimension);
//   2 dimensions (r != 1)    is a batch of flat items (where r dimensions do not fit).
// A flat item fixes at most one symbolic dimension, from its length.
#pragma once

#include "core/graph/graph.h"
#include "core/util/status.h"
#include "mosaic/capi.h"

namespace mosaic {

// axis: of the input that counts items, where the model's items are independent; else -1. The
// binding's dims are the shape of the input; batch is set where the array held several items of
// such a model.
// Errors (INVALID) name model, input, and expected and actual lengths.
Status BindArray(const std::string& model, const Value& input, int axis,
                 const std::vector<int64_t>& array_dims, MosaicBinding* out);

}  // namespace mosaic
