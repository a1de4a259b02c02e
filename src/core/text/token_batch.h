// Tokens of many texts as rectangles, shorter ones padded.
#pragma once

#include <cstdint>
#include <vector>

#include "core/text/post_processor.h"

namespace mosaic::text {

class TokenBatch {
 public:
  explicit TokenBatch(const Padding& padding) : padding_(padding) {}

  void Add(const int32_t* ids, const int32_t* type_ids, size_t count);
  void Clear();
  // Fills the rectangles: count() x length(). Empty where no text has a token.
  void Fill();

  int64_t count() const { return static_cast<int64_t>(ends_.size()); }
  int64_t length() const;
  const std::vector<int64_t>& ids() const { return rows_[0]; }
  const std::vector<int64_t>& mask() const { return rows_[1]; }
  const std::vector<int64_t>& type_ids() const { return rows_[2]; }

 private:
  const Padding padding_;
  std::vector<int32_t> ids_, type_ids_;  // one text after another
  std::vector<size_t> ends_;
  size_t longest_ = 0;
  std::vector<int64_t> rows_[3];
};

}  // namespace mosaic::text
