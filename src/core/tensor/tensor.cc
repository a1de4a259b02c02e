#include "core/tensor/tensor.h"

#include <cstring>

#include "core/tensor/arena.h"

namespace mosaic {
namespace {

class SequenceStorage : public Storage {
 public:
  SequenceStorage(std::vector<Tensor> items, const Tensor& held) : items_(std::move(items)), held_(held) {}
  const std::vector<Tensor>& items() const { return items_; }

 private:
  std::vector<Tensor> items_;
  Tensor held_;
};

}  // namespace

int64_t NumElements(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

bool ShapeFits(const Shape& shape, int dtype) {
  int64_t bytes = DTypeSize(dtype);
  if (bytes == 0) return false;
  bool empty = false;
  for (int64_t d : shape) {
    if (d < 0) return false;
    if (d == 0) empty = true;
  }
  if (empty) return true;
  for (int64_t d : shape) {
    if (d > kMaxTensorBytes / bytes) return false;
    bytes *= d;
  }
  return true;
}

Tensor Tensor::Borrow(int dtype, const Shape& shape, const void* data) {
  return Tensor(dtype, shape, NumElements(shape), data, nullptr);
}

Tensor Tensor::Sequence(std::vector<Tensor> items) { return Sequence(std::move(items), Tensor()); }

Tensor Tensor::Sequence(std::vector<Tensor> items, const Tensor& held) {
  const Shape length = {static_cast<int64_t>(items.size())};
  return Tensor(MOSAIC_SEQUENCE, length, length[0], nullptr, new SequenceStorage(std::move(items), held));
}

const std::vector<Tensor>& Tensor::items() const {
  return static_cast<const SequenceStorage*>(owner_)->items();
}

Tensor Tensor::Reshaped(const Shape& shape) const {
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::Slice(int64_t begin, int64_t count) const {
  Tensor t = *this;
  const int64_t per_index = dim(0) == 0 ? 0 : size_ / dim(0);
  t.shape_[0] = count;
  t.size_ = per_index * count;
  t.data_ = static_cast<const char*>(data_) + per_index * begin * DTypeSize(dtype_);
  return t;
}

Tensor Tensor::CopyIn(Arena* arena) const {
  if (dtype_ == MOSAIC_SEQUENCE) return *this;
  Tensor t = arena->New(dtype_, shape_);
  if (bytes() > 0) std::memcpy(t.mutable_raw(), data_, static_cast<size_t>(bytes()));
  return t;
}

}  // namespace mosaic
