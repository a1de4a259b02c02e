// Memory of large arrays: one range of addresses, committed from its beginning as far as it was
// ever needed, and reused by arrays of any size. Pages that were touched once stay, so what is
// freed and taken again costs no page faults; beyond the first, they may be huge.
#pragma once

#include <cstddef>

namespace mosaic {

class Heap {
 public:
  // A part of the range; blocks are neighbours by address.
  struct Block {
    char* memory;
    size_t size;
    bool free;
    Block *before, *after;
  };

  Heap() = default;
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // The smallest free block that has room, or one at the end; null where the range is used up or
  // the system has none. Aligned to 64 bytes. May be somewhat larger. Throws std::bad_alloc.
  Block* Take(size_t size);
  void Give(Block* block);
  // Gives the free end back, beyond the first keep bytes.
  void Trim(size_t keep);
  // Bytes from the beginning to the end of what is in use or kept.
  size_t extent() const { return extent_; }

 private:
  bool Reserve();
  bool Grow(size_t extent);
  void Merge(Block* block);
  void Split(Block* block, size_t size);

  char* base_ = nullptr;
  size_t reserved_ = 0, committed_ = 0, extent_ = 0;
  Block *first_ = nullptr, *last_ = nullptr;
};

}  // namespace mosaic
