// How a tensor is cut into blocks (include/mosaic/page_format.h), and the way back.
#pragma once

#include <cstdint>
#include <vector>

#include "core/util/dtype.h"
#include "mosaic/capi.h"
#include "mosaic/page_format.h"

namespace mosaic {

inline bool IsByte(int dtype) { return dtype == MOSAIC_INT8 || dtype == MOSAIC_UINT8; }

// Rows of the matrix in one row of a payload: 1, but in a strip of 16-bit floats, whose rows of 64
// bytes hold a pair, 2, and of bytes 4 (page_format.h).
inline int RowsPerRow(int layout, int dtype) {
  if (layout != MOSAIC_LAYOUT_STRIP) return 1;
  return dtype == MOSAIC_BFLOAT16 || dtype == MOSAIC_FLOAT16 ? 2 : IsByte(dtype) ? 4 : 1;
}

// The cut of one tensor. Plain numbers; stored with the tensor, so that a later rule for choosing
// them never reinterprets stored blocks.
struct Blocking {
  int layout = MOSAIC_LAYOUT_ROW;  // STRIP or ROW
  int dtype = MOSAIC_FLOAT;        // as stored
  int64_t rows = 0, cols = 0;      // the matrix: STRIP K x M, ROW N x D
  int block_rows = 0;              // of a payload: STRIP: of 64 bytes; ROW: complete rows
  int block_cols = 0;              // STRIP: 16; ROW: columns per panel

  // Rows of the matrix in a block.
  int depth() const { return block_rows * RowsPerRow(layout, dtype); }
  int64_t row_blocks() const { return (rows + depth() - 1) / depth(); }
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

// Cuts a K x M GEMM operand. REQUIRES: k, m > 0; height 126, 63 or 31; dtype float32, bfloat16,
// float16, int8 or uint8. Rows of 64 bytes are balanced: ceil(R / ceil(R / height)) for R = K / RowsPerRow, rounded up.
Blocking PlanStrip(int64_t k, int64_t m, int height, int dtype = MOSAIC_FLOAT);

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

// The elements of a payload row by row of the matrix, depth() x block_cols: the payload itself, or
// a copy in buffer (MOSAIC_MAX_PAYLOAD bytes, aligned for the type) where its rows hold several.
const void* RowMajor(const MosaicGeometry& geometry, const void* payload, void* buffer);

// The cut that a stored tensor describes.
Blocking BlockingOf(const MosaicTensorDesc& desc);

}  // namespace mosaic
