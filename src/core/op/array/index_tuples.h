// Tuples of indices into the leading dimensions of an array: what GatherND and ScatterND share.
//
// The last dimension of "indices" is a tuple. Tuples are checked and made into offsets in a phase
// of its own.
#pragma once

#include "core/op/array/array_support.h"

namespace mosaic {

struct IndexTuples {
  static constexpr int64_t kChunk = 4096;  // tuples of a unit

  int64_t count = 0;      // tuples
  int depth = 0;          // indices of a tuple
  int64_t slice = 1;      // elements that a tuple names
  Shape sizes;            // the dimensions that are indexed: [first, first + depth)
  int first = 0;          // the first of them
  int64_t per_batch = 1;  // tuples of a batch
  int64_t batch = 0;      // elements of the data from one batch to the next; 0: no batches

  // REQUIRES: the shapes fit (CheckIndexTuples).
  static IndexTuples Of(const Shape& data, const Shape& indices, int batch_dims);
  // Offsets, in elements of the data, of the tuples [begin, end). Errors: INVALID.
  Status Offsets(const Tensor& indices, int64_t begin, int64_t end, int64_t* out) const;
};

// What is known to be wrong about data, indices and batch_dims. REQUIRES: both are ranked. *depth:
// the length of a tuple, or -1.
Status CheckIndexTuples(InferContext& c, int64_t batch_dims, int64_t* depth);

}  // namespace mosaic
