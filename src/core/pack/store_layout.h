// What lies where: the blocks of a store, the pages that hold them, and the models that read them.
//
// Blocks are numbered 0 .. blocks() - 1 in the order of their ids. Ids are given out as imports
// read their models, so that is also the order in which the first model that has them reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/util/status.h"

namespace mosaic {

class StoreLayout {
 public:
  // Fails unless ids ascend and page < kMaxPage. size: in the unit of the packer's capacity.
  Status AddBlock(int32_t id, uint32_t size, uint32_t page);

  // Starts a model. REQUIRES: all blocks added.
  void AddModel(double rate);

  // Adds a map of the model started last; ids that name no block are counted in missing().
  // Time: O(n) where ids follow one another, else O(n log blocks).
  Status AddMap(const int32_t* ids, size_t n);

  uint32_t blocks() const { return static_cast<uint32_t>(ids_.size()); }
  uint32_t models() const { return static_cast<uint32_t>(rates_.size()); }
  int32_t id(uint32_t b) const { return ids_[b]; }
  uint32_t size(uint32_t b) const { return sizes_[b]; }
  const std::vector<uint32_t>& pages() const { return pages_; }  // of each block
  double rate(uint32_t m) const { return rates_[m]; }
  size_t missing() const { return missing_; }

  // The distinct blocks of model m: uses()[begin(m) .. begin(m + 1)).
  const std::vector<uint32_t>& uses() const { return uses_; }
  size_t begin(uint32_t m) const { return m < models() ? begin_[m] : uses_.size(); }

  static constexpr uint32_t kMaxPage = UINT32_MAX - 1;

 private:
  std::vector<int32_t> ids_;
  std::vector<uint32_t> sizes_, pages_;
  std::vector<double> rates_;
  std::vector<size_t> begin_;
  std::vector<uint32_t> uses_;
  std::vector<uint32_t> last_user_;  // of each block: 1 + the model that was last seen to use it
  size_t missing_ = 0;
};

}  // namespace mosaic
