// Memory of large arrays: one range of addresses, committed from its beginning as far as it was
// ever needed, and reused by arrays of any size. Pages that were touched once stay, so what is
// freed and taken again costs no page faults; beyond the first, they may be huge. Holes that fit
// nothing would add up: where more would be held than is allowed, their pages go back first.
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
    bool empty;  // free, and its pages were given back
    Block *before, *after;
  };

  Heap() = default;
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // The smallest free block that has room, or one at the end; null where the range is used up or
  // the system has none. Aligned to 64 bytes. May be somewhat larger. If more than limit bytes would
  // be held, free blocks give their pages back before. Throws std::bad_alloc.
  Block* Take(size_t size, size_t limit);
  void Give(Block* block);
  // Gives the free end back, beyond the first keep bytes.
  void Trim(size_t keep);
  // Bytes in use or kept.
  size_t held() const { return extent_ - empty_; }

 private:
  bool Reserve();
  bool Grow(size_t extent);
  void Merge(Block* block);
  void Fill(Block* block);
  void Empty(const Block* but);
  Block* Extend(size_t size, size_t limit);
  void Split(Block* block, size_t size);

  char* base_ = nullptr;
  size_t reserved_ = 0, committed_ = 0, extent_ = 0;
  size_t empty_ = 0;  // bytes of empty blocks
  Block *first_ = nullptr, *last_ = nullptr;
};

}  // namespace mosaic
