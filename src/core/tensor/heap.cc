#include "core/tensor/heap.h"

#include <sys/mman.h>

#include <cstdint>

namespace mosaic {
namespace {

constexpr size_t kAlign = 64, kPage = 4096;
constexpr size_t kHuge = size_t{2} << 20;
// Addresses only: they cost nothing until they are used.
constexpr size_t kReserve = sizeof(void*) >= 8 ? size_t{4} << 30 : size_t{256} << 20;
constexpr size_t kLeastReserve = size_t{64} << 20;
constexpr size_t kLeastRest = 4096;  // what is left of a block is not split off below

size_t Rounded(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

Heap::~Heap() {
  while (first_ != nullptr) {
    Block* next = first_->after;
    delete first_;
    first_ = next;
  }
  if (base_ != nullptr) munmap(base_, reserved_);
}

// A process may be limited in addresses: it takes less then.
bool Heap::Reserve() {
  if (base_ != nullptr) return true;
  for (size_t size = kReserve; size >= kLeastReserve; size /= 4) {
    void* range =
        mmap(nullptr, size + kHuge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) continue;
    char* begin = static_cast<char*>(range);
    const size_t skipped = (kHuge - reinterpret_cast<uintptr_t>(begin) % kHuge) % kHuge;
    if (skipped > 0) munmap(begin, skipped);
    if (skipped < kHuge) munmap(begin + skipped + size, kHuge - skipped);
    base_ = begin + skipped;
    reserved_ = size;
#ifdef MADV_HUGEPAGE
    // What needs little memory takes no more than that.
    madvise(base_ + kHuge, reserved_ - kHuge, MADV_HUGEPAGE);
#endif
    return true;
  }
  return false;
}

bool Heap::Grow(size_t extent) {
  if (!Reserve() || extent > reserved_) return false;
  if (extent > committed_) {
    const size_t want = Rounded(extent, kHuge);
    if (mprotect(base_ + committed_, want - committed_, PROT_READ | PROT_WRITE) != 0) return false;
    committed_ = want;
  }
  extent_ = extent;
  return true;
}

// Makes two of a block; the second one is free.
void Heap::Split(Block* block, size_t size) {
  Block* rest =
      new Block{block->memory + size, block->size - size, true, block->empty, block, block->after};
  (block->after != nullptr ? block->after->before : last_) = rest;
  block->after = rest;
  block->size = size;
}

// Counts a block as held again.
void Heap::Fill(Block* block) {
  if (block->empty) empty_ -= block->size;
  block->empty = false;
}

// A free block takes on the one behind it.
void Heap::Merge(Block* block) {
  Block* next = block->after;
  if (block->empty != next->empty) {
    Fill(block);
    Fill(next);
  }
  block->size += next->size;
  block->after = next->after;
  (block->after != nullptr ? block->after->before : last_) = block;
  delete next;
}

// Gives back the pages of all free blocks but one.
void Heap::Empty(const Block* but) {
  for (Block* b = first_; b != nullptr; b = b->after) {
    if (!b->free || b->empty || b == but) continue;
    const size_t offset = static_cast<size_t>(b->memory - base_);
    const size_t begin = Rounded(offset, kPage), end = (offset + b->size) / kPage * kPage;
    if (begin >= end || madvise(base_ + begin, end - begin, MADV_DONTNEED) != 0) continue;
    b->empty = true;
    empty_ += b->size;
  }
}

// The last block, if that is free, or a new one behind it, with room for size bytes.
Heap::Block* Heap::Extend(size_t size, size_t limit) {
  const bool extend = last_ != nullptr && last_->free;
  if (extend) Fill(last_);
  const size_t missing = extend ? size - last_->size : size;
  if (held() + missing > limit) Empty(extend ? last_ : nullptr);
  if (extend) {
    if (!Grow(extent_ + missing)) return nullptr;
    last_->size = size;
    return last_;
  }
  Block* b = new Block{nullptr, size, true, false, last_, nullptr};
  if (!Grow(extent_ + size)) {
    delete b;
    return nullptr;
  }
  b->memory = base_ + extent_ - size;
  (last_ != nullptr ? last_->after : first_) = b;
  last_ = b;
  return b;
}

Heap::Block* Heap::Take(size_t size, size_t limit) {
  size = Rounded(size, kAlign);
  Block* best = nullptr;
  for (Block* b = first_; b != nullptr; b = b->after) {
    if (b->free && b->size >= size && (best == nullptr || b->size < best->size)) best = b;
  }
  if (best == nullptr) {
    best = Extend(size, limit);
    if (best == nullptr) return nullptr;
  } else {
    if (best->size - size >= kLeastRest) Split(best, size);
    if (best->empty && held() + best->size > limit) Empty(best);
    Fill(best);
  }
  best->free = false;
  return best;
}

void Heap::Give(Block* block) {
  block->free = true;
  if (block->after != nullptr && block->after->free) Merge(block);
  if (block->before != nullptr && block->before->free) Merge(block->before);
}

void Heap::Trim(size_t keep) {
  if (last_ == nullptr || !last_->free || extent_ <= keep) return;
  Fill(last_);
  const size_t used = static_cast<size_t>(last_->memory - base_);
  keep = keep / kAlign * kAlign;
  if (used < keep) {
    last_->size = keep - used;
    extent_ = keep;
  } else {
    Block* before = last_->before;
    (before != nullptr ? before->after : first_) = nullptr;
    delete last_;
    last_ = before;
    extent_ = used;
  }
  if (extent_ == 0) {
    munmap(base_, reserved_);
    base_ = nullptr;
    reserved_ = committed_ = 0;
    return;
  }
  const size_t held = Rounded(extent_, kPage);
  if (held < committed_) madvise(base_ + held, committed_ - held, MADV_DONTNEED);
}

}  // namespace mosaic
