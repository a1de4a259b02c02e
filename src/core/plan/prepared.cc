#include "core/plan/prepared.h"

#include <cstring>

namespace mosaic {

Tensor PreparedConstants::New(int64_t bytes, int64_t limit) {
  arena_.SetLimit(limit);
  Tensor t = arena_.New(MOSAIC_UINT8, {bytes});
  std::memset(t.mutable_raw(), 0, static_cast<size_t>(bytes));
  return t;
}

}  // namespace mosaic
