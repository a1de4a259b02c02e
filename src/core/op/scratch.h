// Parts of a call's scratch memory: reserved in Start, found by their offset in Run.
#pragma once

#include "core/op/op.h"

namespace mosaic {

// In Start: an aligned part of that many bytes.
inline int64_t ReserveScratch(Call* c, int64_t bytes) {
  const int64_t at = c->scratch_bytes;
  c->scratch_bytes += (bytes + 63) / 64 * 64;
  return at;
}

// In Run: the part.
template <typename T>
T* ScratchAt(const Call& c, int64_t offset) {
  return reinterpret_cast<T*>(static_cast<char*>(c.scratch) + offset);
}

}  // namespace mosaic
