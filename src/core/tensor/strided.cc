#include "core/tensor/strided.h"

#include <algorithm>

#include "core/tensor/tensor.h"

namespace mosaic {

Strides RowMajorStrides(const Shape& shape) {
  Strides strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

Strides BroadcastStrides(const Shape& shape, const Shape& out) {
  Strides dense = RowMajorStrides(shape), strides(out.size(), 0);
  const size_t lead = out.size() - shape.size();
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] != 1) strides[lead + d] = dense[d];
  }
  return strides;
}

StridedWalk::StridedWalk(const Shape& shape, std::vector<Operand> operands)
    : operands_(std::move(operands)) {
  // Dimensions of size 1 vanish; one that continues its outer neighbour in every operand joins it.
  size_t kept = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    bool joins = kept > 0;
    for (const Operand& o : operands_) {
      joins = joins && o.strides[kept - 1] == o.strides[d] * shape[d];
    }
    if (joins) {
      dims_[kept - 1] *= shape[d];
    } else {
      dims_.push_back(shape[d]);
      ++kept;
    }
    for (Operand& o : operands_) o.strides[kept - 1] = o.strides[d];
  }
  if (kept == 0) dims_.push_back(1);
  for (Operand& o : operands_) o.strides.resize(dims_.size(), 0);
}

namespace {

template <typename T>
void CopyRuns(const StridedWalk& walk, const void* src, void* dst, int64_t begin, int64_t end) {
  const T* from = static_cast<const T*>(src);
  T* to = static_cast<T*>(dst);
  const int64_t stride = walk.run_stride(0);
  walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
    const T* s = from + offset[0];
    if (stride == 1) {
      std::copy(s, s + n, to + at);
    } else {
      for (int64_t i = 0; i < n; ++i) to[at + i] = s[i * stride];
    }
  });
}

}  // namespace

void CopyStrided(const StridedWalk& walk, int element_size, const void* src, void* dst,
                 int64_t begin, int64_t end) {
  switch (element_size) {
    case 1:
      return CopyRuns<uint8_t>(walk, src, dst, begin, end);
    case 2:
      return CopyRuns<uint16_t>(walk, src, dst, begin, end);
    case 4:
      return CopyRuns<uint32_t>(walk, src, dst, begin, end);
    case 8:
      return CopyRuns<uint64_t>(walk, src, dst, begin, end);
    default:
      return CopyRuns<StringElement>(walk, src, dst, begin, end);
  }
}

}  // namespace mosaic
