// A dense, row-major array of a run: an input, an activation, or a constant.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor/shape.h"
#include "core/util/dtype.h"

namespace mosaic {

// The largest array of a run. Beyond it Arena::New throws std::bad_alloc; operators that compute a
// shape from data check it with CheckShape first.
constexpr int64_t kMaxTensorBytes = int64_t{4} << 30;

// Product of the dimensions; 1 for a scalar. REQUIRES: no overflow (a shape that fits, or one made
// of the elements of such a shape).
int64_t NumElements(const Shape& shape);
// No dimension is negative, and the elements take at most kMaxTensorBytes.
bool ShapeFits(const Shape& shape, int dtype);

// An element of a MOSAIC_STRING array. The characters (UTF-8, not terminated) belong to the model,
// to the caller, or to the arena of the run, and live as long as that: copying elements is enough.
struct StringElement {
  const char* data = nullptr;
  int64_t size = 0;
  std::string_view view() const { return {data, static_cast<size_t>(size)}; }
};

// What keeps the memory of a tensor alive; counted references within one thread.
class Storage {
 public:
  Storage() = default;
  virtual ~Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  void Ref() { ++references_; }
  void Unref() {
    if (--references_ == 0) Dispose();
  }
  int64_t references() const { return references_; }

 private:
  virtual void Dispose() { delete this; }
  int64_t references_ = 0;
};

class Arena;

// Value semantics over shared memory: copies and reshaped views share their elements. Copying
// allocates nothing.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor& t) : Tensor(t.dtype_, t.shape_, t.size_, t.data_, t.owner_) {}
  Tensor(Tensor&& t) noexcept
      : dtype_(t.dtype_), shape_(t.shape_), size_(t.size_), data_(t.data_), owner_(t.owner_) {
    t.owner_ = nullptr;
    t.dtype_ = MOSAIC_UNDEFINED;
  }
  Tensor& operator=(Tensor t) noexcept {
    std::swap(dtype_, t.dtype_);
    std::swap(shape_, t.shape_);
    std::swap(size_, t.size_);
    std::swap(data_, t.data_);
    std::swap(owner_, t.owner_);
    return *this;
  }
  ~Tensor() {
    if (owner_ != nullptr) owner_->Unref();
  }

  // Memory that outlives the tensor and belongs to somebody else; null: only the shape is known.
  static Tensor Borrow(int dtype, const Shape& shape, const void* data);
  // A sequence: dtype MOSAIC_SEQUENCE, of which only items() is meaningful.
  static Tensor Sequence(std::vector<Tensor> items);
  // The same, and memory that is counted for it as long as it lives.
  static Tensor Sequence(std::vector<Tensor> items, const Tensor& held);
  const std::vector<Tensor>& items() const;

  bool defined() const { return dtype_ != MOSAIC_UNDEFINED; }
  int dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t dim(int i) const { return shape_[static_cast<size_t>(i)]; }
  int64_t size() const { return size_; }  // elements
  int64_t bytes() const { return size_ * DTypeSize(dtype_); }

  template <typename T>
  const T* data() const {
    return static_cast<const T*>(data_);
  }
  const void* raw() const { return data_; }
  // REQUIRES: an output of the running operator, or made by Arena::New.
  template <typename T>
  T* mutable_data() {
    return static_cast<T*>(const_cast<void*>(data_));
  }
  void* mutable_raw() { return const_cast<void*>(data_); }

  // Whether the tensor keeps its memory alive (made by an Arena).
  bool owned() const { return owner_ != nullptr; }
  // Whether no other tensor shares that memory.
  bool unique() const { return owner_ != nullptr && owner_->references() == 1; }
  // The same elements under another shape. REQUIRES: same number of elements.
  Tensor Reshaped(const Shape& shape) const;
  // Indexes [begin, begin + count) of dimension 0, sharing memory. REQUIRES: rank >= 1, in range.
  Tensor Slice(int64_t begin, int64_t count) const;
  // The same elements in memory of their own (characters of strings are shared). Throws
  // std::bad_alloc.
  Tensor CopyIn(Arena* arena) const;

 private:
  friend class Arena;
  Tensor(int dtype, const Shape& shape, int64_t size, const void* data, Storage* owner)
      : dtype_(dtype), shape_(shape), size_(size), data_(data), owner_(owner) {
    if (owner_ != nullptr) owner_->Ref();
  }

  int dtype_ = MOSAIC_UNDEFINED;
  Shape shape_;
  int64_t size_ = 0;
  const void* data_ = nullptr;
  Storage* owner_ = nullptr;
};

}  // namespace mosaic
