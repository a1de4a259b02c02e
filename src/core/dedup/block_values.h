// The weights of one block as float32, and which of them are weights.
//
// Blocks at the edge of a tensor are filled up with zeros. That filling is no weight: it must not
// make two blocks look alike, nor may a block with something else there stand in for this one,
// because the page format promises zeros (include/mosaic/page_format.h).
#pragma once

#include <cstdint>
#include <vector>

#include "core/block/blocking.h"
#include "mosaic/page_format.h"

namespace mosaic {

// rows x cols elements of the matrix, of which the first valid_rows x valid_cols are weights.
struct BlockShape {
  int dtype = MOSAIC_FLOAT, layout = MOSAIC_LAYOUT_ROW;  // as stored
  int rows = 0, cols = 0;
  int valid_rows = 0, valid_cols = 0;

  int64_t elements() const { return static_cast<int64_t>(rows) * cols; }
  int64_t weights() const { return static_cast<int64_t>(valid_rows) * valid_cols; }
  bool full() const { return valid_rows == rows && valid_cols == cols; }
};

// Whether blocks of this geometry may be shared with blocks that are only nearly equal: matrices of
// floating-point weights. Vectors (biases, scales) are small and sensitive; indexes and other
// integers have no neighbours that mean nearly the same.
bool NearShareable(const MosaicGeometry& geometry);

// REQUIRES: NearShareable(b.geometry()); index < b.blocks(), a place in the map.
BlockShape ShapeOfBlock(const Blocking& b, int64_t index);

// Of a block that has no filling.
BlockShape ShapeOfGeometry(const MosaicGeometry& geometry);

// The block's elements as float32, row-major: the payload itself where it has that type, else
// *buffer.
const float* BlockValues(const BlockShape& shape, const void* payload, std::vector<float>* buffer);

// The third quartile of |w| over the weights: the paper's importance of a block. NaN counts as
// infinite. Uses *buffer. REQUIRES: weights() > 0.
float ThirdQuartile(const BlockShape& shape, const float* values, std::vector<float>* buffer);

}  // namespace mosaic
