#include "core/pack/store_layout.h"

#include <algorithm>
#include <string>

namespace mosaic {

Status StoreLayout::AddBlock(int32_t id, uint32_t size, uint32_t page) {
  if (!ids_.empty() && id <= ids_.back()) {
    return Status::Corrupt("block " + std::to_string(id) + " comes after block " +
                           std::to_string(ids_.back()) + ": two live tuples, or a damaged index");
  }
  if (page >= kMaxPage) return Status::Corrupt("block " + std::to_string(id) + " has no page");
  ids_.push_back(id);
  sizes_.push_back(size);
  pages_.push_back(page);
  return {};
}

void StoreLayout::AddModel(double rate) {
  last_user_.resize(ids_.size());
  rates_.push_back(rate);
  begin_.push_back(uses_.size());
}

Status StoreLayout::AddMap(const int32_t* ids, size_t n) {
  if (rates_.empty()) return Status::Internal("packing: a map without a model");
  size_t b = ids_.size();
  for (size_t i = 0; i < n; i++) {
    if (b + 1 < ids_.size() && ids_[b + 1] == ids[i]) {
      b++;
    } else {
      b = static_cast<size_t>(std::lower_bound(ids_.begin(), ids_.end(), ids[i]) - ids_.begin());
      if (b == ids_.size() || ids_[b] != ids[i]) {
        missing_++;
        b = ids_.size();
        continue;
      }
    }
    if (last_user_[b] == models()) continue;
    last_user_[b] = models();
    uses_.push_back(static_cast<uint32_t>(b));
  }
  return {};
}

}  // namespace mosaic
