#include "core/text/token_batch.h"

#include <algorithm>

namespace mosaic::text {

void TokenBatch::Add(const int32_t* ids, const int32_t* type_ids, size_t count) {
  ids_.insert(ids_.end(), ids, ids + count);
  type_ids_.insert(type_ids_.end(), type_ids, type_ids + count);
  ends_.push_back(ids_.size());
  longest_ = std::max(longest_, count);
}

void TokenBatch::Clear() {
  ids_.clear();
  type_ids_.clear();
  ends_.clear();
  longest_ = 0;
}

int64_t TokenBatch::length() const {
  const auto n = static_cast<int64_t>(longest_);
  return (n + padding_.multiple - 1) / padding_.multiple * padding_.multiple;
}

void TokenBatch::Fill() {
  const auto length = static_cast<size_t>(this->length());
  const int64_t pads[] = {padding_.id, 0, padding_.type_id};
  for (int r = 0; r < 3; ++r) rows_[r].assign(ends_.size() * length, pads[r]);
  size_t begin = 0;
  for (size_t row = 0; row < ends_.size(); ++row) {
    const size_t count = ends_[row] - begin;
    size_t at = row * length + (padding_.left ? length - count : 0);
    for (size_t i = begin; i < ends_[row]; ++i, ++at) {
      rows_[0][at] = ids_[i];
      rows_[1][at] = 1;
      rows_[2][at] = type_ids_[i];
    }
    begin = ends_[row];
  }
}

}  // namespace mosaic::text
