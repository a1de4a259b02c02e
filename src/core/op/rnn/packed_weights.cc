#include "core/op/rnn/packed_weights.h"

#include <algorithm>

#include "core/op/product/strip_product.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

// Block "index" of the strips of a tensor, of all its directions.
void PackStrip(const Blocking& b, const Tensor& t, int64_t index, float* to) {
  const int64_t direction = index / b.blocks(), block = index % b.blocks();
  const int64_t row = block % b.row_blocks() * b.depth();
  const int64_t first = block / b.row_blocks() * MOSAIC_STRIP_COLS;
  const int64_t n = std::min<int64_t>(b.depth(), b.rows - row);
  const int64_t columns = std::min<int64_t>(MOSAIC_STRIP_COLS, b.cols - first);
  std::vector<float> part(static_cast<size_t>(n));
  for (int64_t j = 0; j < columns; ++j) {
    const int64_t at = (direction * b.cols + first + j) * b.rows + row;
    ConvertElements(t.dtype(), t.data<char>() + at * DTypeSize(t.dtype()), MOSAIC_FLOAT,
                    part.data(), n);
    for (int64_t k = 0; k < n; ++k) to[k * MOSAIC_STRIP_COLS + j] = part[static_cast<size_t>(k)];
  }
}

}  // namespace

PackedWeights::PackedWeights(int64_t directions, int64_t gates, int64_t inputs, int64_t hidden)
    : directions_(directions),
      w_(StripProduct::DenseBlocking(inputs, gates)),
      r_(StripProduct::DenseBlocking(hidden, gates)) {}

int64_t PackedWeights::payload() const {
  return static_cast<int64_t>(std::max(w_.payload_bytes(), r_.payload_bytes()));
}

double PackedWeights::block_cost() const {
  return 4.0 * MOSAIC_STRIP_COLS * static_cast<double>(std::max(w_.depth(), r_.depth()));
}

void PackedWeights::Pack(const Tensor& w, const Tensor& r, int64_t index, void* out) const {
  const int64_t of_w = directions_ * BlocksOf(w_);
  float* to = static_cast<float*>(out);
  index < of_w ? PackStrip(w_, w, index, to) : PackStrip(r_, r, index - of_w, to);
}

void PackedWeights::Find(const void* packed, std::vector<const void*>* w,
                         std::vector<const void*>* r) const {
  const char* at = static_cast<const char*>(packed);
  w->clear();
  r->clear();
  for (int64_t i = 0; i < blocks(); ++i, at += payload()) {
    (i < directions_ * BlocksOf(w_) ? w : r)->push_back(at);
  }
}

}  // namespace mosaic
