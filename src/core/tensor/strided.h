// Walks over tensors that are not, or not all, dense: broadcast operands, transposed, sliced,
// repeated ones.
//
// A StridedWalk pairs the elements of a row-major shape with those of any number of operands, each
// of which lies at a linear function of the coordinates: base + sum(coordinate[d] * stride[d]).
// Stride 0 repeats, a negative stride runs backwards. Dimensions that can be joined are joined, so
// that the innermost runs are long. Any range of elements can be walked on its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/tensor/shape.h"

namespace mosaic {

using Strides = Shape;  // in elements

// Strides of a dense row-major tensor.
Strides RowMajorStrides(const Shape& shape);
// Strides of a dense tensor of "shape" seen under the shape "out" that it broadcasts to.
Strides BroadcastStrides(const Shape& shape, const Shape& out);

class StridedWalk {
 public:
  struct Operand {
    Strides strides;  // one per dimension of the shape
    int64_t base = 0;
  };

  StridedWalk(const Shape& shape, std::vector<Operand> operands);

  // Stride of an operand within a run.
  int64_t run_stride(size_t operand) const { return operands_[operand].strides.back(); }

  // Calls f(at, offsets, n) for runs that together are the elements [begin, end): n elements from
  // at on, which in operand i are those at offsets[i] + j * run_stride(i), 0 <= j < n.
  template <typename F>
  void ForEachRun(int64_t begin, int64_t end, F&& f) const;

 private:
  Shape dims_;
  std::vector<Operand> operands_;
};

template <typename F>
void StridedWalk::ForEachRun(int64_t begin, int64_t end, F&& f) const {
  if (begin >= end) return;
  const size_t rank = dims_.size(), count = operands_.size();
  Shape coordinate(rank);
  int64_t few[4];
  std::vector<int64_t> many(count > 4 ? count : 0);
  int64_t* offset = count > 4 ? many.data() : few;
  int64_t rest = begin;
  for (size_t d = rank; d-- > 0;) {
    coordinate[d] = rest % dims_[d];
    rest /= dims_[d];
  }
  for (size_t i = 0; i < count; ++i) {
    offset[i] = operands_[i].base;
    for (size_t d = 0; d < rank; ++d) offset[i] += coordinate[d] * operands_[i].strides[d];
  }
  for (int64_t at = begin; at < end;) {
    const int64_t n = std::min(dims_[rank - 1] - coordinate[rank - 1], end - at);
    f(at, static_cast<const int64_t*>(offset), n);
    at += n;
    // Step to the start of the next run: n along the innermost dimension, then carry.
    int64_t step = n;
    for (size_t d = rank; d-- > 0;) {
      coordinate[d] += step;
      for (size_t i = 0; i < count; ++i) offset[i] += step * operands_[i].strides[d];
      if (coordinate[d] < dims_[d]) break;
      for (size_t i = 0; i < count; ++i) offset[i] -= dims_[d] * operands_[i].strides[d];
      coordinate[d] = 0;
      step = 1;
    }
  }
}

// Copies the elements of a strided view of src to dst, elements [begin, end) of the view.
// REQUIRES: walk has one operand, src.
void CopyStrided(const StridedWalk& walk, int element_size, const void* src, void* dst,
                 int64_t begin, int64_t end);

}  // namespace mosaic
