// Elements that follow each other in a tensor stored in rows, and the blocks that have them: what
// an operator copies of a weight that it reads in place, before it works on it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/block/blocking.h"
#include "core/tensor/convert.h"

namespace mosaic {

class StoredRange {
 public:
  // Elements [first, last) in row-major order, however the tensor's rows are cut. b: of layout ROW.
  StoredRange(const Blocking& b, int64_t first, int64_t last)
      : b_(b), first_(first), last_(last), begin_(first / b.cols / b.block_rows) {
    if (first < last) row_blocks_ = (last - 1) / b.cols / b.block_rows - begin_ + 1;
  }
  int64_t elements() const { return last_ - first_; }
  // Those that have elements of the range or lie beside such, panels of the same rows.
  int64_t blocks() const { return row_blocks_ * b_.col_blocks(); }
  // Their places in the map. REQUIRES: 0 <= i < blocks().
  int32_t Index(int64_t i) const {
    return static_cast<int32_t>(b_.Index(begin_ + i / b_.col_blocks(), i % b_.col_blocks()));
  }
  // Copies what block i has of the range as elements of dtype; to: where the first one belongs.
  void Copy(int64_t i, const void* payload, int dtype, void* to) const {
    const int64_t row0 = (begin_ + i / b_.col_blocks()) * b_.block_rows;
    const int64_t column = i % b_.col_blocks() * b_.block_cols;
    const int64_t size = DTypeSize(b_.dtype), seen = DTypeSize(dtype);
    const auto copy = [&](int64_t at, int64_t n, int64_t source) {
      const int64_t begin = std::max(at, first_), end = std::min(at + n, last_);
      if (begin >= end) return;
      ConvertElements(b_.dtype, static_cast<const char*>(payload) + (source + begin - at) * size,
                      dtype, static_cast<char*>(to) + (begin - first_) * seen, end - begin);
    };
    if (b_.col_blocks() == 1) {  // its rows follow one another
      copy(row0 * b_.cols, b_.block_rows * b_.cols, 0);
      return;
    }
    const int64_t n = std::min<int64_t>(b_.block_cols, b_.cols - column);
    const int64_t rows = std::min<int64_t>(row0 + b_.block_rows, (last_ - 1) / b_.cols + 1);
    for (int64_t row = std::max(row0, first_ / b_.cols); row < rows; ++row) {
      copy(row * b_.cols + column, n, (row - row0) * b_.block_cols);
    }
  }

 private:
  const Blocking& b_;
  int64_t first_, last_, begin_, row_blocks_ = 0;
};

}  // namespace mosaic
