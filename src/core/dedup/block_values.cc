#include "core/dedup/block_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/tensor/convert.h"

namespace mosaic {

bool NearShareable(const MosaicGeometry& geometry) {
  if (geometry.layout == MOSAIC_LAYOUT_STRIP) {
    return geometry.dtype == MOSAIC_FLOAT || geometry.dtype == MOSAIC_BFLOAT16 ||
           geometry.dtype == MOSAIC_FLOAT16;
  }
  return geometry.layout == MOSAIC_LAYOUT_ROW && geometry.cols > 1 &&
         CanConvert(geometry.dtype, MOSAIC_FLOAT);
}

BlockShape ShapeOfBlock(const Blocking& b, int64_t index) {
  const bool strip = b.layout == MOSAIC_LAYOUT_STRIP;
  const int64_t row_block = strip ? index % b.row_blocks() : index / b.col_blocks();
  const int64_t col_block = strip ? index / b.row_blocks() : index % b.col_blocks();
  BlockShape s = ShapeOfGeometry(b.geometry());
  s.valid_rows = static_cast<int>(std::min<int64_t>(s.rows, b.rows - row_block * s.rows));
  s.valid_cols = static_cast<int>(std::min<int64_t>(s.cols, b.cols - col_block * s.cols));
  return s;
}

BlockShape ShapeOfGeometry(const MosaicGeometry& geometry) {
  BlockShape s;
  s.dtype = geometry.dtype;
  s.layout = geometry.layout;
  s.rows = s.valid_rows = geometry.rows * RowsPerRow(geometry.layout, geometry.dtype);
  s.cols = s.valid_cols = static_cast<int>(geometry.cols);
  return s;
}

const float* BlockValues(const BlockShape& shape, const void* payload, std::vector<float>* buffer) {
  if (shape.dtype == MOSAIC_FLOAT) return static_cast<const float*>(payload);
  MosaicGeometry g = {};
  g.dtype = static_cast<uint8_t>(shape.dtype);
  g.layout = static_cast<uint8_t>(shape.layout);
  g.rows = static_cast<uint16_t>(shape.rows / RowsPerRow(shape.layout, shape.dtype));
  alignas(64) char row_major[MOSAIC_MAX_PAYLOAD];
  payload = RowMajor(g, payload, row_major);
  buffer->resize(static_cast<size_t>(shape.elements()));
  ConvertElements(shape.dtype, payload, MOSAIC_FLOAT, buffer->data(), shape.elements());
  return buffer->data();
}

float ThirdQuartile(const BlockShape& shape, const float* values, std::vector<float>* buffer) {
  buffer->clear();
  for (int r = 0; r < shape.valid_rows; ++r) {
    const float* row = values + static_cast<int64_t>(r) * shape.cols;
    for (int c = 0; c < shape.valid_cols; ++c) {
      const float magnitude = std::fabs(row[c]);
      buffer->push_back(std::isnan(magnitude) ? std::numeric_limits<float>::infinity() : magnitude);
    }
  }
  // Of n ordered values, the one below which three quarters lie.
  const auto at = buffer->begin() + static_cast<std::ptrdiff_t>((buffer->size() - 1) * 3 / 4);
  std::nth_element(buffer->begin(), at, buffer->end());
  return *at;
}

}  // namespace mosaic
