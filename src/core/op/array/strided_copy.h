// Base of the operators whose result is a strided view of their first input, made dense:
// Transpose, Slice, Expand, Tile. A unit is kCopyChunk elements.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "core/op/op.h"
#include "core/tensor/strided.h"

namespace mosaic {

class StridedCopyOp : public Op {
 public:
  static constexpr int64_t kCopyChunk = 4096;

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    CopyStrided(c.state<StridedWalk>(), DTypeSize(c.inputs[0].dtype()), c.inputs[0].raw(),
                c.outputs[0].mutable_raw(), begin * kCopyChunk,
                std::min(end * kCopyChunk, c.outputs[0].size()));
    return Status();
  }

 protected:
  // Start's end. The elements of the result are those of "walk_shape" (same number, row-major),
  // which lie at the strides in the input, from element "base" on.
  static Status StartCopy(Call& c, const Shape& walk_shape, const Strides& strides,
                          int64_t base = 0) {
    c.NewState<StridedWalk>(walk_shape, std::vector<StridedWalk::Operand>{{strides, base}});
    c.OnePhase((c.outputs[0].size() + kCopyChunk - 1) / kCopyChunk, kCopyChunk);
    return Status();
  }
};

}  // namespace mosaic
