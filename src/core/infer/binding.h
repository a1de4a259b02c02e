// How a SQL array becomes an input of a model.
//
// The item of an input is its shape without the batch dimension. Dimension 0 is the batch dimension
// if the input has rank >= 2 and dimension 0 is symbolic or 1; else the input has none and is its
// own item. With r = rank of the item, an array of
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

// Errors (INVALID) name model, input, and expected and actual lengths.
Status BindArray(const std::string& model, const Value& input,
                 const std::vector<int64_t>& array_dims, MosaicBinding* out);

}  // namespace mosaic
