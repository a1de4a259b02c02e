#include "core/import/block_cutter.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace mosaic {
namespace {

constexpr size_t kGeometryBytes = 8;

}  // namespace

BlockCutter::BlockCutter(const GraphTensor& tensor, const Layout& layout, int64_t window_bytes)
    : blocking_(layout.blocking),
      turned_(layout.layout == MOSAIC_LAYOUT_STRIP && layout.transposed != tensor.flipped),
      taps_(layout.taps),
      reader_(tensor.data, layout.blocking.dtype) {
  PlanWindow(window_bytes);
  hashed_.resize(kGeometryBytes + blocking_.payload_bytes());
  const uint64_t g = mosaic_geometry_pack(blocking_.geometry());
  for (size_t i = 0; i < kGeometryBytes; ++i) hashed_[i] = static_cast<char>(g >> (8 * i));
}

// As many whole source rows as fit; where the rows of one row of blocks do not, a part of each.
void BlockCutter::PlanWindow(int64_t window_bytes) {
  const int64_t budget = window_bytes / DTypeSize(blocking_.dtype);
  const int64_t block = static_cast<int64_t>(blocking_.depth()) * blocking_.block_cols;
  const int64_t along = turned_ ? blocking_.row_blocks() : blocking_.col_blocks();
  const int64_t across = turned_ ? blocking_.col_blocks() : blocking_.row_blocks();
  const int64_t blocks = std::max<int64_t>(1, budget / block);
  // A kernel is put into the order of its strip as a whole.
  const int64_t span_along = taps_ > 1 ? along : std::min(along, blocks);
  const int64_t span_across = std::min(across, std::max<int64_t>(1, blocks / along));
  span_rows_ = turned_ ? span_along : span_across;
  span_cols_ = turned_ ? span_across : span_along;
}

bool BlockCutter::NextWindow() {
  Window& w = window_;
  const int64_t row_blocks = blocking_.row_blocks(), col_blocks = blocking_.col_blocks();
  if (w.rows > 0) {  // to the next one along the source's rows, then to the next rows
    int64_t& inner = turned_ ? w.row : w.col;
    int64_t& outer = turned_ ? w.col : w.row;
    inner += turned_ ? span_rows_ : span_cols_;
    if (inner >= (turned_ ? row_blocks : col_blocks)) {
      inner = 0;
      outer += turned_ ? span_cols_ : span_rows_;
    }
  }
  if (w.row >= row_blocks || w.col >= col_blocks) return false;
  w.rows = std::min(span_rows_, row_blocks - w.row);
  w.cols = std::min(span_cols_, col_blocks - w.col);
  local_ = blocking_;
  local_.rows = std::min(w.rows * blocking_.depth(), blocking_.rows - w.row * blocking_.depth());
  local_.cols =
      std::min(w.cols * blocking_.block_cols, blocking_.cols - w.col * blocking_.block_cols);
  next_ = 0;
  return true;
}

Status BlockCutter::LoadWindow() {
  const int64_t row = window_.row * blocking_.depth(), col = window_.col * blocking_.block_cols;
  // The window as a rectangle of the source.
  const int64_t pitch = turned_ ? blocking_.rows : blocking_.cols;
  const int64_t top = turned_ ? col : row, left = turned_ ? row : col;
  const int64_t height = turned_ ? local_.cols : local_.rows;
  const int64_t width = turned_ ? local_.rows : local_.cols;
  const int64_t size = DTypeSize(blocking_.dtype);
  elements_.resize(static_cast<size_t>(height * width * size));
  if (width == pitch) {
    MOSAIC_RETURN_IF_ERROR(reader_.Read(top * pitch, height * width, elements_.data()));
    if (taps_ > 1) TapsFirst(height, width, size);
    return {};
  }
  for (int64_t r = 0; r < height; ++r) {
    MOSAIC_RETURN_IF_ERROR(
        reader_.Read((top + r) * pitch + left, width, elements_.data() + r * width * size));
  }
  return {};
}

// Rows of (channels, taps) become rows of (taps, channels).
void BlockCutter::TapsFirst(int64_t height, int64_t width, int64_t size) {
  const std::vector<char> from = elements_;
  const int64_t channels = width / taps_;
  for (int64_t r = 0; r < height; ++r) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t t = 0; t < taps_; ++t) {
        std::memcpy(elements_.data() + ((r * taps_ + t) * channels + c) * size,
                    from.data() + ((r * channels + c) * taps_ + t) * size,
                    static_cast<size_t>(size));
      }
    }
  }
}

Status BlockCutter::Next(MosaicBlock* block, bool* more) {
  *more = true;
  if (window_.rows == 0 || next_ == local_.blocks()) {
    if (!NextWindow()) {
      *more = false;
      return {};
    }
    MOSAIC_RETURN_IF_ERROR(LoadWindow());
  }
  Emit(block);
  ++next_;
  return {};
}

void BlockCutter::Emit(MosaicBlock* block) {
  const bool strip = blocking_.layout == MOSAIC_LAYOUT_STRIP;
  const int64_t row = strip ? next_ % window_.rows : next_ / window_.cols;
  const int64_t col = strip ? next_ / window_.rows : next_ % window_.cols;
  char* payload = hashed_.data() + kGeometryBytes;
  PackBlock(local_, row, col, elements_.data(), 0, turned_ ? 1 : local_.cols,
            turned_ ? local_.rows : 1, payload);
  block->index = blocking_.Index(window_.row + row, window_.col + col);
  block->geometry = blocking_.geometry();
  block->payload = payload;
  block->length = blocking_.payload_bytes();
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(hashed_.data(), hashed_.size()));
  std::memcpy(block->hash, canonical.digest, sizeof(block->hash));
}

}  // namespace mosaic
