#include "core/plan/prepared.h"

#include <algorithm>
#include <cstring>

namespace mosaic {
namespace {

constexpr int64_t kMostResult = 1 << 20, kMostResults = 4 << 20;  // bytes

}  // namespace

Tensor PreparedConstants::New(int64_t bytes, int64_t limit) {
  arena_.SetLimit(limit);
  Tensor t = arena_.New(MOSAIC_UINT8, {bytes});
  std::memset(t.mutable_raw(), 0, static_cast<size_t>(bytes));
  return t;
}

void PreparedConstants::KeepResult(size_t body, size_t step, const Tensor& value, int64_t limit) {
  if (value.dtype() == MOSAIC_STRING || value.dtype() == MOSAIC_SEQUENCE) return;
  const int64_t bytes = value.bytes();
  if (bytes > kMostResult || results_ + bytes > kMostResults || this->bytes() + bytes > limit / 2) {
    return;
  }
  arena_.SetLimit(limit);
  Keep(body, step, value.CopyIn(&arena_));
  results_ += bytes;
}

}  // namespace mosaic
