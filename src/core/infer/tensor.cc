#include "core/infer/tensor.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace mosaic {

namespace {

constexpr size_t kAlign = 64;
constexpr size_t kSlack = 64;

// Capacities are multiples of 64 up to 4 KB and then powers of two or three quarters of them, so
// that activations of slightly different sizes reuse each other's memory.
size_t Capacity(size_t bytes) {
  size_t need = bytes + kSlack;
  if (need <= 4096) return (need + kAlign - 1) / kAlign * kAlign;
  size_t power = 8192;
  while (power < need) power *= 2;
  return need <= power / 4 * 3 ? power / 4 * 3 : power;
}

void* Allocate(size_t bytes) { return ::operator new (bytes, std::align_val_t{kAlign}); }
void Release(void* p) { ::operator delete (p, std::align_val_t{kAlign}); }

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

Tensor Tensor::Borrow(int dtype, Shape shape, const void* data) {
  Tensor t;
  t.dtype_ = dtype;
  t.size_ = NumElements(shape);
  t.shape_ = std::move(shape);
  t.data_ = data;
  return t;
}

Tensor Tensor::Reshaped(Shape shape) const {
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

Tensor Tensor::Slice(int64_t begin, int64_t count) const {
  Tensor t = *this;
  const int64_t per_item = dim(0) == 0 ? 0 : size_ / dim(0);
  t.shape_[0] = count;
  t.size_ = per_item * count;
  t.data_ = static_cast<const char*>(data_) + per_item * begin * DTypeSize(dtype_);
  return t;
}

Tensor Tensor::CopyIn(Arena* arena) const {
  Tensor t = arena->New(dtype_, shape_);
  if (bytes() > 0) std::memcpy(t.mutable_raw(), data_, static_cast<size_t>(bytes()));
  return t;
}

// Kept memory, as a stack: what was freed last is still in the cache and is looked at first. The
// number of tensors alive in a run is small, so is the list.
struct Arena::Pool {
  struct Chunk {
    void* memory;
    size_t capacity;
  };
  std::vector<Chunk> kept;
  size_t bytes = 0;           // in use or kept
  size_t used = 0;            // in use
  size_t peak = 0, most = 0;  // of used: since StartPeak, ever

  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { Trim(); }

  void* Take(size_t capacity) {
    void* memory = nullptr;
    for (size_t i = kept.size(); i-- > 0 && memory == nullptr;) {
      if (kept[i].capacity != capacity) continue;
      memory = kept[i].memory;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (memory == nullptr) memory = TakeNew(capacity);
    used += capacity;
    peak = std::max(peak, used);
    most = std::max(most, used);
    return memory;
  }

  // Runs of other sizes leave chunks that fit nothing any more: the oldest go first.
  void* TakeNew(size_t capacity) {
    size_t old = 0;
    while (old < kept.size() && bytes + capacity > std::max(most, used + capacity)) {
      bytes -= kept[old].capacity;
      Release(kept[old++].memory);
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(old));
    kept.reserve(kept.size() + 1);
    void* memory = Allocate(capacity);
    bytes += capacity;
    return memory;
  }

  void Give(void* memory, size_t capacity) noexcept {
    used -= capacity;
    try {
      kept.push_back({memory, capacity});
    } catch (const std::bad_alloc&) {
      bytes -= capacity;
      Release(memory);
    }
  }

  void Trim() noexcept {
    for (const Chunk& c : kept) {
      bytes -= c.capacity;
      Release(c.memory);
    }
    kept.clear();
  }
};

Arena::Arena() : pool_(std::make_shared<Pool>()) {}
Arena::~Arena() = default;

Tensor Arena::New(int dtype, Shape shape) {
  if (!ShapeFits(shape, dtype)) throw std::bad_alloc();
  Tensor t = Tensor::Borrow(dtype, std::move(shape), nullptr);
  const size_t capacity = Capacity(static_cast<size_t>(t.bytes()));
  void* memory = pool_->Take(capacity);
  // The deleter keeps the pool alive, hence tensors may outlive the arena. If the control block
  // cannot be allocated, shared_ptr calls the deleter.
  t.owner_ =
      std::shared_ptr<void>(memory, [pool = pool_, capacity](void* p) { pool->Give(p, capacity); });
  t.data_ = memory;
  return t;
}

int64_t Arena::bytes() const { return static_cast<int64_t>(pool_->bytes); }
int64_t Arena::peak() const { return static_cast<int64_t>(pool_->peak); }
void Arena::StartPeak() { pool_->peak = pool_->used; }
void Arena::Trim() { pool_->Trim(); }

}  // namespace mosaic
