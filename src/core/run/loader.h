// Makes an ordinary tensor from a stored one, window by window: for operands that no operator can
// read block by block.
#pragma once

#include <vector>

#include "core/plan/model.h"
#include "core/tensor/tensor.h"

namespace mosaic {

class TensorLoader {
 public:
  // Most blocks of one window, to keep steps short (about 2 MB).
  static constexpr int64_t kWindow = 256;

  // Begins with a tensor of layout STRIP or ROW, which must outlive the loading.
  void Start(const ModelTensor& tensor, Arena* arena);
  bool done() const { return next_ == blocks_; }
  // The next window: at most max_blocks map indexes. REQUIRES: !done().
  void Window(int64_t max_blocks, std::vector<int32_t>* indexes) const;
  // Copies the first count blocks that are still missing. Window's answer moves on.
  void Copy(const void* const* payloads, int64_t count);
  // REQUIRES: done(). As the graph sees it: its type, its shape, not transposed.
  Tensor Take() { return std::move(out_); }

 private:
  void CopyBlock(int64_t row_block, int64_t col_block, const char* payload);

  const StreamedWeight* weight_ = nullptr;
  Tensor out_;
  int64_t next_ = 0, blocks_ = 0;
  int64_t taps_ = 1;
};

}  // namespace mosaic
