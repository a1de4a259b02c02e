#include "core/op/array/index_tuples.h"

namespace mosaic {

IndexTuples IndexTuples::Of(const Shape& data, const Shape& indices, int batch_dims) {
  IndexTuples t;
  const size_t b = static_cast<size_t>(batch_dims);
  t.first = batch_dims;
  t.depth = static_cast<int>(indices.back());
  t.count = 1;
  for (size_t d = 0; d + 1 < indices.size(); ++d) {
    t.count *= indices[d];
    if (d >= b) t.per_batch *= indices[d];
  }
  const size_t end = b + static_cast<size_t>(t.depth);
  for (size_t d = b; d < end; ++d) t.sizes.push_back(data[d]);
  for (size_t d = end; d < data.size(); ++d) t.slice *= data[d];
  if (b > 0) {
    t.batch = t.slice;
    for (int64_t size : t.sizes) t.batch *= size;
  }
  return t;
}

Status IndexTuples::Offsets(const Tensor& indices, int64_t begin, int64_t end, int64_t* out) const {
  Status status;
  Dispatch(IndexTypes(), indices.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const T* tuple = indices.data<T>() + begin * depth;
    for (int64_t i = begin; i < end; ++i, tuple += depth) {
      int64_t at = 0;
      for (int k = 0; k < depth; ++k) {
        const int64_t index = tuple[k], size = sizes[static_cast<size_t>(k)];
        if (index < -size || index >= size) {
          status = IndexOutOfRange(index, first + k, size);
          return;
        }
        at = at * size + (index < 0 ? index + size : index);
      }
      out[i] = at * slice + (batch == 0 ? 0 : i / per_batch * batch);
    }
  });
  return status;
}

Status CheckIndexTuples(InferContext& c, int64_t batch_dims, int64_t* depth) {
  const Dims &data = c.dims(0), &indices = c.dims(1);
  *depth = -1;
  if (data.empty() || indices.empty()) {
    return Status::BadModel("data and indices must have a dimension, have shapes " +
                            ShapeString(data) + " and " + ShapeString(indices));
  }
  const int64_t fewest = static_cast<int64_t>(std::min(data.size(), indices.size()));
  if (batch_dims < 0 || batch_dims >= fewest) {
    return Status::BadModel("batch_dims " + std::to_string(batch_dims) +
                            " is out of range for shapes " + ShapeString(data) + " and " +
                            ShapeString(indices));
  }
  for (int64_t d = 0; d < batch_dims; ++d) {
    const size_t i = static_cast<size_t>(d);
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(data[i], indices[i], "batch dimensions of data and indices differ"));
  }
  if (!indices.back().is_number()) return Status();
  *depth = indices.back().number();
  if (*depth < 1 || *depth > static_cast<int64_t>(data.size()) - batch_dims) {
    return Status::BadModel("indices of shape " + ShapeString(indices) +
                            " do not fit data of shape " + ShapeString(data));
  }
  return Status();
}

}  // namespace mosaic
