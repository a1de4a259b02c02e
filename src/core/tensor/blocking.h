// How a tensor is cut into blocks (include/mosaic/page_format.h), and the way back.
#pragma once

#include <cstdint>
#include <vector>

#include "core/util/dtype.h"
#include "mosaic/capi.h"
#include "mosaic/page_format.h"

namespace mosaic {

// The cut of one tensor. Plain numbers; stored with the tensor, so that a later rule for choosing
// them never reinterprets stored blocks.
struct Blocking {
  int layout = MOSAIC_LAYOUT_ROW;  // STRIP or ROW
  int dtype = MOSAIC_FLOAT;        // as stored
  int64_t rows = 0, cols = 0;      // the matrix: STRIP K x M, ROW N x D
  int block_rows = 0;              // STRIP: rows of K per block (f32); ROW: complete rows per block
  int block_cols = 0;              // STRIP: 16; ROW: columns per panel

  int64_t row_blocks() const { return (rows + block_rows - 1) / block_rows; }
  int64_t col_blocks() const { return (cols + block_cols - 1) / block_cols; }
  int64_t blocks() const { return row_blocks() * col_blocks(); }

  // Place in the map of the block at (row block, column block).
  int64_t Index(int64_t row_block, int64_t col_block) const {
    return layout == MOSAIC_LAYOUT_STRIP ? col_block * row_blocks() + row_block
                                         : row_block * col_blocks() + col_block;
  }
  // All blocks of a tensor have one geometry and one payload length (bytes, a multiple of 32).
  MosaicGeometry geometry() const;
  uint32_t payload_bytes() const;
};

// Cuts a K x M GEMM operand (float32). REQUIRES: k, m > 0; height 126, 63 or 31.
// Rows are balanced: ceil(K / ceil(K / height)).
Blocking PlanStrip(int64_t k, int64_t m, int height);

// Cuts an N x D matrix of any type into complete rows, or, where those would waste pages, into
// panels of columns: the fewest panels whose blocks fill at least 90 % of a page's share.
Blocking PlanRow(int dtype, int64_t n, int64_t d, int height);

// Writes the payload of block (row_block, col_block) to out (payload_bytes(), zero-filled tails).
// source holds the elements [row0, row0 + nrows) x [0, cols) of the matrix, of the stored dtype,
// with the given strides in elements; it must cover the block's rows.
void PackBlock(const Blocking& b, int64_t row_block, int64_t col_block, const void* source,
               int64_t row0, int64_t row_stride, int64_t col_stride, void* out);

// The inverse: copies the block's elements into a dense row-major matrix rows x cols (element
// (0, 0) at dense).
void UnpackBlock(const Blocking& b, int64_t row_block, int64_t col_block, const void* payload,
                 void* dense);

// The cut that a stored tensor describes.
Blocking BlockingOf(const MosaicTensorDesc& desc);

}  // namespace mosaic
