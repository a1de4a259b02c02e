// A dense, row-major array of a run: an input, an activation, or a constant.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/util/dtype.h"
#include "mosaic/capi.h"

namespace mosaic {

using Shape = std::vector<int64_t>;

// The largest tensor of a run. Operators that compute a shape from data check it with ShapeFits;
// beyond it Arena::New throws std::bad_alloc.
constexpr int64_t kMaxTensorBytes = int64_t{4} << 30;

// Product of the dimensions; 1 for a scalar. REQUIRES: no overflow (a shape that fits, or one made
// of the elements of such a shape).
int64_t NumElements(const Shape& shape);
// No dimension is negative, and the elements take at most kMaxTensorBytes.
bool ShapeFits(const Shape& shape, int dtype);

// Memory of activations, kept by its Arena for reuse when the last Tensor on it is gone.
// Alignment 64 bytes, and 64 bytes behind the last element may be read (not meaningfully).
class Arena;

// Value semantics over shared memory: copies and reshaped views share their elements.
class Tensor {
 public:
  Tensor() = default;
  // Memory that outlives the tensor and belongs to somebody else.
  static Tensor Borrow(int dtype, Shape shape, const void* data);

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
  // REQUIRES: made by Arena::New.
  template <typename T>
  T* mutable_data() {
    return static_cast<T*>(const_cast<void*>(data_));
  }
  void* mutable_raw() { return const_cast<void*>(data_); }

  // Whether the tensor keeps its memory alive (made by an Arena).
  bool owned() const { return owner_ != nullptr; }
  // The same elements under another shape. REQUIRES: same number of elements.
  Tensor Reshaped(Shape shape) const;
  // Items [begin, begin + count) of dimension 0, sharing memory. REQUIRES: rank >= 1, within range.
  Tensor Slice(int64_t begin, int64_t count) const;
  // The same elements in memory of their own. Throws std::bad_alloc.
  Tensor CopyIn(Arena* arena) const;

 private:
  friend class Arena;
  int dtype_ = MOSAIC_UNDEFINED;
  Shape shape_;
  int64_t size_ = 0;
  const void* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // An uninitialised tensor. Throws std::bad_alloc. Tensors may outlive the arena.
  Tensor New(int dtype, Shape shape);
  // Bytes held, in use or kept for reuse: never more than were in use at a time.
  int64_t bytes() const;
  // Most bytes in use at a time since StartPeak, or ever.
  int64_t peak() const;
  void StartPeak();
  // Gives memory kept for reuse back.
  void Trim();

 private:
  struct Pool;
  std::shared_ptr<Pool> pool_;
};

}  // namespace mosaic
