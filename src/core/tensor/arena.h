// Memory of activations, kept for reuse when the last Tensor on it is gone, and bounded.
#pragma once

#include <exception>
#include <string>

#include "core/tensor/tensor.h"

namespace mosaic {

// What Arena throws instead of passing its limit: nothing was allocated.
class MemoryLimitExceeded : public std::exception {
 public:
  MemoryLimitExceeded(int64_t need, int64_t limit) : need_(need), limit_(limit) {}
  const char* what() const noexcept override { return "activations would exceed their limit"; }
  int64_t need() const { return need_; }  // bytes that would be in use
  int64_t limit() const { return limit_; }

 private:
  int64_t need_, limit_;
};

class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // An uninitialised array, aligned to 64 bytes; 64 bytes behind the last element may be read (not
  // meaningfully). Throws MemoryLimitExceeded or std::bad_alloc. Tensors may outlive the arena.
  Tensor New(int dtype, const Shape& shape);
  // Characters for strings: n bytes that live until they are released.
  char* Characters(size_t n);
  // How far characters have come. Those that came later, or all, are released.
  struct Mark {
    size_t chunks = 0, left = 0;  // of the last chunk: left
  };
  Mark CharactersMark() const;
  void ReleaseCharacters(const Mark& since);
  void ReleaseCharacters() { ReleaseCharacters(Mark()); }

  // Bytes in use that New and Characters do not pass; unlimited at first.
  void SetLimit(int64_t bytes);
  // Bytes held, in use or kept for reuse: not more than the limit, but for the pages at the ends of
  // what is kept.
  int64_t bytes() const;
  int64_t used() const;
  // Most bytes in use at a time since StartPeak, or ever.
  int64_t peak() const;
  void StartPeak();
  // Gives memory kept for reuse back, what was freed first, until no more than keep bytes are held
  // or all is in use.
  void Trim(int64_t keep = 0);

 private:
  struct Pool;
  Pool* pool_;  // lives until the last tensor is gone
};

}  // namespace mosaic
