#include "core/kernel/transpose_bytes.h"

#include <cstring>

namespace mosaic {
namespace {

constexpr int64_t kSide = 16;

typedef uint8_t Bytes __attribute__((vector_size(16)));

// Bytes of the lower (upper) halves by turns.
inline Bytes Low(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline Bytes High(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}

// Four times: rows r and r + 8 become rows 2r and 2r + 1, by turns.
void TransposeSquare(const uint8_t* in, int64_t in_step, uint8_t flip, uint8_t* out,
                     int64_t out_step) {
  Bytes a[kSide], b[kSide];
  for (int64_t i = 0; i < kSide; ++i) std::memcpy(&a[i], in + i * in_step, kSide);
  for (int64_t i = 0; i < 8; ++i)
    b[2 * i] = Low(a[i], a[i + 8]), b[2 * i + 1] = High(a[i], a[i + 8]);
  for (int64_t i = 0; i < 8; ++i)
    a[2 * i] = Low(b[i], b[i + 8]), a[2 * i + 1] = High(b[i], b[i + 8]);
  for (int64_t i = 0; i < 8; ++i)
    b[2 * i] = Low(a[i], a[i + 8]), b[2 * i + 1] = High(a[i], a[i + 8]);
  for (int64_t i = 0; i < 8; ++i)
    a[2 * i] = Low(b[i], b[i + 8]), a[2 * i + 1] = High(b[i], b[i + 8]);
  for (int64_t i = 0; i < kSide; ++i) {
    a[i] ^= flip;
    std::memcpy(out + i * out_step, &a[i], kSide);
  }
}

}  // namespace

void TransposeBytes(const uint8_t* in, int64_t in_step, int64_t rows, int64_t columns, uint8_t flip,
                    uint8_t* out, int64_t out_step) {
  const int64_t whole_rows = rows - rows % kSide, whole_columns = columns - columns % kSide;
  for (int64_t r = 0; r < whole_rows; r += kSide) {
    for (int64_t c = 0; c < whole_columns; c += kSide) {
      TransposeSquare(in + r * in_step + c, in_step, flip, out + c * out_step + r, out_step);
    }
  }
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) {
      out[c * out_step + r] = in[r * in_step + c] ^ flip;
    }
  }
}

}  // namespace mosaic
