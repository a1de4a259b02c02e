#include "core/block/blocking.h"

#include <algorithm>
#include <cstring>

namespace mosaic {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The most equal cut of n into pieces of at most max: the size of all but the last.
int Balanced(int64_t n, int64_t max) { return static_cast<int>(CeilDiv(n, CeilDiv(n, max))); }

// The rectangle of the matrix that a block covers, and the elements between its rows in the
// payload.
struct Extent {
  int64_t row, col, rows, cols;
  int64_t pitch, pair;

  // Where the payload has its row r; elements of a row are "pair" apart.
  int64_t Row(int64_t r) const { return r / pair * pair * pitch + r % pair; }
};

Extent ExtentOf(const Blocking& b, int64_t row_block, int64_t col_block) {
  Extent e;
  e.row = row_block * b.depth();
  e.col = col_block * b.block_cols;
  e.rows = std::min<int64_t>(b.depth(), b.rows - e.row);
  e.cols = std::min<int64_t>(b.block_cols, b.cols - e.col);
  e.pitch = b.block_cols;
  e.pair = RowsPerRow(b.layout, b.dtype);
  return e;
}

template <typename T>
void PackAs(const Extent& e, const void* source, int64_t row0, int64_t row_stride,
            int64_t col_stride, void* out) {
  const T* from = static_cast<const T*>(source) + (e.row - row0) * row_stride + e.col * col_stride;
  T* to = static_cast<T*>(out);
  if (col_stride == 1 && e.pair == 1) {
    for (int64_t r = 0; r < e.rows; ++r) {
      std::memcpy(to + r * e.pitch, from + r * row_stride, static_cast<size_t>(e.cols) * sizeof(T));
    }
    return;
  }
  for (int64_t c = 0; c < e.cols; ++c) {
    const T* column = from + c * col_stride;
    for (int64_t r = 0; r < e.rows; ++r) to[e.Row(r) + c * e.pair] = column[r * row_stride];
  }
}

}  // namespace

MosaicGeometry Blocking::geometry() const {
  MosaicGeometry g;
  g.dtype = static_cast<uint8_t>(dtype);
  g.layout = static_cast<uint8_t>(layout);
  g.rows = static_cast<uint16_t>(block_rows);
  g.cols = static_cast<uint32_t>(block_cols);
  return g;
}

uint32_t Blocking::payload_bytes() const {
  int64_t bytes = static_cast<int64_t>(depth()) * block_cols * DTypeSize(dtype);
  bytes = CeilDiv(bytes, MOSAIC_TUPLE_ALIGN) * MOSAIC_TUPLE_ALIGN;
  return static_cast<uint32_t>(std::max<int64_t>(bytes, MOSAIC_MIN_PAYLOAD));
}

Blocking PlanStrip(int64_t k, int64_t m, int height, int dtype) {
  Blocking b;
  b.layout = MOSAIC_LAYOUT_STRIP;
  b.dtype = dtype;
  b.rows = k;
  b.cols = m;
  b.block_rows = Balanced(CeilDiv(k, RowsPerRow(b.layout, dtype)), height);
  b.block_cols = MOSAIC_STRIP_COLS;
  return b;
}

Blocking PlanRow(int dtype, int64_t n, int64_t d, int height) {
  Blocking b;
  b.layout = MOSAIC_LAYOUT_ROW;
  b.dtype = dtype;
  b.rows = n;
  b.cols = d;
  const int64_t share = static_cast<int64_t>(height) * MOSAIC_ROW_BYTES;
  const int64_t capacity = share / DTypeSize(dtype);  // elements of a block
  if (n <= capacity && d <= capacity && n * d <= capacity) {
    b.block_rows = static_cast<int>(n);
    b.block_cols = static_cast<int>(d);
    return b;
  }
  // Some panel count close to the least one fills 90 %; where D has too few columns to try, least.
  const int64_t least = CeilDiv(d, capacity), most = std::min(d, least + 64);
  int64_t rows_per_block = 0;
  for (int64_t panels = least; panels <= most; ++panels) {
    const int64_t panel_cols = CeilDiv(d, panels);
    const int64_t rows = capacity / panel_cols;
    // Useful elements of the full blocks of all panels, against what they could hold.
    const bool full = rows * d * 10 >= panels * capacity * 9;
    if (panels > least && !full) continue;
    b.block_cols = static_cast<int>(panel_cols);
    rows_per_block = rows;
    if (full) break;
  }
  b.block_rows = Balanced(n, rows_per_block);
  return b;
}

void PackBlock(const Blocking& b, int64_t row_block, int64_t col_block, const void* source,
               int64_t row0, int64_t row_stride, int64_t col_stride, void* out) {
  std::memset(out, 0, b.payload_bytes());
  const Extent e = ExtentOf(b, row_block, col_block);
  switch (DTypeSize(b.dtype)) {
    case 1:
      return PackAs<uint8_t>(e, source, row0, row_stride, col_stride, out);
    case 2:
      return PackAs<uint16_t>(e, source, row0, row_stride, col_stride, out);
    case 4:
      return PackAs<uint32_t>(e, source, row0, row_stride, col_stride, out);
    case 8:
      return PackAs<uint64_t>(e, source, row0, row_stride, col_stride, out);
    default:
      return;
  }
}

void UnpackBlock(const Blocking& b, int64_t row_block, int64_t col_block, const void* payload,
                 void* dense) {
  const Extent e = ExtentOf(b, row_block, col_block);
  const int64_t size = DTypeSize(b.dtype);
  char* to = static_cast<char*>(dense) + (e.row * b.cols + e.col) * size;
  alignas(64) char buffer[MOSAIC_MAX_PAYLOAD];
  const char* from = static_cast<const char*>(RowMajor(b.geometry(), payload, buffer));
  for (int64_t r = 0; r < e.rows; ++r) {
    std::memcpy(to + r * b.cols * size, from + r * e.pitch * size,
                static_cast<size_t>(e.cols * size));
  }
}

namespace {

template <typename T, int kRows>
void SplitRows(const void* payload, int rows, void* buffer) {
  const T* from = static_cast<const T*>(payload);
  T* to = static_cast<T*>(buffer);
  for (int r = 0; r < rows; ++r, to += kRows * MOSAIC_STRIP_COLS) {
    for (int c = 0; c < MOSAIC_STRIP_COLS; ++c, from += kRows) {
      for (int i = 0; i < kRows; ++i) to[i * MOSAIC_STRIP_COLS + c] = from[i];
    }
  }
}

}  // namespace

const void* RowMajor(const MosaicGeometry& geometry, const void* payload, void* buffer) {
  const int rows = RowsPerRow(geometry.layout, geometry.dtype);
  if (rows == 1) return payload;
  (rows == 2 ? SplitRows<uint16_t, 2> : SplitRows<uint8_t, 4>)(payload, geometry.rows, buffer);
  return buffer;
}

Blocking BlockingOf(const MosaicTensorDesc& desc) {
  Blocking b;
  b.layout = desc.layout;
  b.dtype = desc.stored_dtype;
  b.rows = desc.rows;
  b.cols = desc.cols;
  b.block_rows = desc.block_rows;
  b.block_cols = desc.block_cols;
  return b;
}

}  // namespace mosaic
