#include "core/run/loader.h"

#include <algorithm>
#include <cstring>

#include "core/tensor/convert.h"

namespace mosaic {

void TensorLoader::Start(const ModelTensor& tensor, Arena* arena) {
  weight_ = &tensor.weight;
  out_ = arena->New(weight_->dtype, weight_->shape);
  next_ = 0;
  blocks_ = weight_->blocking.blocks();
  // Of a convolution: M x (channels, taps).
  const Shape& shape = weight_->shape;
  const bool kernels = weight_->blocking.layout == MOSAIC_LAYOUT_STRIP && shape.size() > 2 &&
                       weight_->blocking.cols == shape[0];
  taps_ = kernels ? weight_->blocking.rows / shape[1] : 1;
}

void TensorLoader::Window(int64_t max_blocks, std::vector<int32_t>* indexes) const {
  const int64_t end = std::min(blocks_, next_ + std::min(max_blocks, kWindow));
  indexes->clear();
  for (int64_t i = next_; i < end; ++i) indexes->push_back(static_cast<int32_t>(i));
}

void TensorLoader::Copy(const void* const* payloads, int64_t count) {
  const Blocking& b = weight_->blocking;
  const bool plain = !weight_->transposed && b.dtype == weight_->dtype;
  for (int64_t i = 0; i < count; ++i, ++next_) {
    // The inverse of Blocking::Index.
    const bool strip = b.layout == MOSAIC_LAYOUT_STRIP;
    const int64_t row_block = strip ? next_ % b.row_blocks() : next_ / b.col_blocks();
    const int64_t col_block = strip ? next_ / b.row_blocks() : next_ % b.col_blocks();
    if (plain) {
      UnpackBlock(b, row_block, col_block, payloads[i], out_.mutable_raw());
    } else {
      CopyBlock(row_block, col_block, static_cast<const char*>(payloads[i]));
    }
  }
}

// Converts and transposes as need be.
void TensorLoader::CopyBlock(int64_t row_block, int64_t col_block, const char* payload) {
  const Blocking& b = weight_->blocking;
  const int64_t row0 = row_block * b.depth(), col0 = col_block * b.block_cols;
  const int64_t rows = std::min<int64_t>(b.depth(), b.rows - row0);
  const int64_t cols = std::min<int64_t>(b.block_cols, b.cols - col0);
  const int64_t stored = DTypeSize(b.dtype), seen = DTypeSize(weight_->dtype);
  char* out = out_.mutable_data<char>();
  alignas(64) char buffer[MOSAIC_MAX_PAYLOAD];
  payload = static_cast<const char*>(RowMajor(b.geometry(), payload, buffer));
  for (int64_t r = 0; r < rows; ++r) {
    const char* from = payload + r * b.block_cols * stored;
    if (!weight_->transposed) {
      ConvertElements(b.dtype, from, weight_->dtype, out + ((row0 + r) * b.cols + col0) * seen,
                      cols);
      continue;
    }
    alignas(8) char converted[MOSAIC_STRIP_COLS * sizeof(double)];
    ConvertElements(b.dtype, from, weight_->dtype, converted, cols);
    const int64_t k = row0 + r, channels = b.rows / taps_;
    const int64_t place = k % channels * taps_ + k / channels;  // (taps, channels) in the strip
    for (int64_t c = 0; c < cols; ++c) {
      std::memcpy(out + ((col0 + c) * b.rows + place) * seen, converted + c * seen,
                  static_cast<size_t>(seen));
    }
  }
}

}  // namespace mosaic
