// Products of 8-bit integers, with sums in int32 that wrap: exact, so every instruction set gives
// the same integers.
//
//   C(i, j) = sum over k of A(i, k) * B(k, j),  A unsigned, B signed
//
// B comes in panels of 16 columns, four values of k beside each other, which is what VNNI's
// instruction reads, and what strips of bytes hold (mosaic/page_format.h); rows of A are padded
// with zeros to a multiple of four. Operands of the other sign are moved by 128, which the caller
// corrects with sums of rows and columns; those of columns are the product with a row of ones.
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int64_t kIntegerColumns = 16;
// k, as far as it is stored.
constexpr int64_t PaddedDepth(int64_t k) { return (k + 3) / 4 * 4; }

// Values [begin, end) of k of a panel: element (k, j) of B at b[k * k_step + j * column_step].
// panel: 16 * PaddedDepth(k) bytes; columns that are not there, and what lies behind k, are 0.
// REQUIRES: begin is a multiple of 4, and end too, or k.
void PackIntegerPanel(const uint8_t* b, int64_t k_step, int64_t column_step, int64_t columns,
                      int64_t k, int64_t begin, int64_t end, uint8_t* panel);

// One row of A: moved: it is int8, 128 is added. Returns the sum of what is written.
uint32_t PackIntegerRow(const uint8_t* a, int64_t step, bool moved, int64_t k, uint8_t* row);

struct IntegerProductArgs {
  const uint8_t* a;  // packed rows
  int64_t a_pitch, rows;
  const void* const* panels;
  int64_t count;  // of panels
  int64_t quads;  // k / 4
  bool moved;     // B is uint8: 128 is subtracted
  bool add;       // to what c has
  uint32_t* c;    // rows of 16 * count sums ...
  int64_t pitch;  // ... so many apart
};
void IntegerProduct(const IntegerProductArgs& args);

}  // namespace mosaic
