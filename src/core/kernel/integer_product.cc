#include "core/kernel/integer_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/fast/isa.h"

#if MOSAIC_X86
#include <immintrin.h>
#endif

namespace mosaic {
namespace {

void ProductGeneric(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t quads, uint32_t* c,
                    int64_t pitch) {
  for (int64_t i = 0; i < rows; ++i, a += 4 * quads, c += pitch) {
    int32_t sum[kIntegerColumns] = {};
    for (int64_t q = 0; q < quads; ++q) {
      const int8_t* b = panel + q * 4 * kIntegerColumns;
      const int32_t a0 = a[4 * q], a1 = a[4 * q + 1], a2 = a[4 * q + 2], a3 = a[4 * q + 3];
      for (int64_t j = 0; j < kIntegerColumns; ++j) {
        const int32_t four =
            a0 * b[4 * j] + a1 * b[4 * j + 1] + a2 * b[4 * j + 2] + a3 * b[4 * j + 3];
        sum[j] = static_cast<int32_t>(static_cast<uint32_t>(sum[j]) + static_cast<uint32_t>(four));
      }
    }
    for (int64_t j = 0; j < kIntegerColumns; ++j) c[j] = static_cast<uint32_t>(sum[j]);
  }
}

#if MOSAIC_X86

// Pairs of 16-bit products: two partial sums of each column lie beside each other.
template <int kRows>
__attribute__((target("avx2"))) void RowsAvx2(const uint8_t* a, const int8_t* panel, int64_t quads,
                                              uint32_t* c, int64_t pitch) {
  __m256i sum[kRows][4];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 4; ++v) sum[i][v] = _mm256_setzero_si256();
  }
  for (int64_t q = 0; q < quads; ++q) {
    __m256i b[4];
    for (int v = 0; v < 4; ++v) {
      b[v] = _mm256_cvtepi8_epi16(_mm_loadu_si128(
          reinterpret_cast<const __m128i*>(panel + q * 4 * kIntegerColumns + 16 * v)));
    }
    for (int i = 0; i < kRows; ++i) {
      int32_t four;
      std::memcpy(&four, a + i * 4 * quads + 4 * q, sizeof(four));
      const __m256i x = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)));
      for (int v = 0; v < 4; ++v) {
        sum[i][v] = _mm256_add_epi32(sum[i][v], _mm256_madd_epi16(x, b[v]));
      }
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 4; v += 2) {
      // Columns 0, 1, 4, 5, 2, 3, 6, 7 of these eight, in pairs.
      const __m256i pairs = _mm256_hadd_epi32(sum[i][v], sum[i][v + 1]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + i * pitch + 4 * v),
                          _mm256_permute4x64_epi64(pairs, 0xd8));
    }
  }
}

__attribute__((target("avx2"))) void ProductAvx2(const uint8_t* a, int64_t rows,
                                                 const int8_t* panel, int64_t quads, uint32_t* c,
                                                 int64_t pitch) {
  int64_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    RowsAvx2<2>(a + i * 4 * quads, panel, quads, c + i * pitch, pitch);
  }
  if (i < rows) RowsAvx2<1>(a + i * 4 * quads, panel, quads, c + i * pitch, pitch);
}

#define MOSAIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

// Twelve rows by two panels keep two multipliers busy: 24 sums of 14 loads.
template <int kRows, int kPanels>
MOSAIC_VNNI void RowsVnni(const uint8_t* a, const int8_t* panel, int64_t quads, uint32_t* c,
                          int64_t pitch) {
  __m512i sum[kRows][kPanels];
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int p = 0; p < kPanels; ++p) sum[i][p] = _mm512_setzero_si512();
  }
  for (int64_t q = 0; q < quads; ++q) {
    __m512i b[kPanels];
    MOSAIC_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      b[p] = _mm512_loadu_si512(panel + (p * quads + q) * 4 * kIntegerColumns);
    }
    MOSAIC_UNROLL
    for (int i = 0; i < kRows; ++i) {
      int32_t four;
      std::memcpy(&four, a + (i * quads + q) * 4, sizeof(four));
      MOSAIC_UNROLL
      for (int p = 0; p < kPanels; ++p) {
        sum[i][p] = _mm512_dpbusd_epi32(sum[i][p], _mm512_set1_epi32(four), b[p]);
      }
    }
  }
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int p = 0; p < kPanels; ++p) {
      _mm512_storeu_si512(c + i * pitch + p * kIntegerColumns, sum[i][p]);
    }
  }
}

template <int kPanels>
MOSAIC_VNNI void PanelsVnni(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t quads,
                            uint32_t* c, int64_t pitch) {
  int64_t i = 0;
  for (; i + 12 <= rows; i += 12)
    RowsVnni<12, kPanels>(a + i * 4 * quads, panel, quads, c + i * pitch, pitch);
  for (; i + 4 <= rows; i += 4)
    RowsVnni<4, kPanels>(a + i * 4 * quads, panel, quads, c + i * pitch, pitch);
  for (; i < rows; ++i) RowsVnni<1, kPanels>(a + i * 4 * quads, panel, quads, c + i * pitch, pitch);
}

MOSAIC_VNNI void ProductVnni(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t panels,
                             int64_t quads, uint32_t* c) {
  const int64_t pitch = panels * kIntegerColumns;
  for (; panels >= 2;
       panels -= 2, panel += 2 * 4 * kIntegerColumns * quads, c += 2 * kIntegerColumns) {
    PanelsVnni<2>(a, rows, panel, quads, c, pitch);
  }
  if (panels > 0) PanelsVnni<1>(a, rows, panel, quads, c, pitch);
}

bool HasVnni() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0;
  return has;
}

#endif

// Four rows of sixteen bytes, flipped: those of a column beside each other.
void Interleave(const uint8_t* rows, int64_t step, uint8_t flip, int8_t* out) {
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  typedef uint16_t Pairs __attribute__((vector_size(16)));
  Bytes r[4];
  for (int i = 0; i < 4; ++i) {
    std::memcpy(&r[i], rows + i * step, 16);
    r[i] ^= flip;
  }
  const auto low = [](Bytes a, Bytes b) {
    return reinterpret_cast<Pairs>(
        __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  };
  const auto high = [](Bytes a, Bytes b) {
    return reinterpret_cast<Pairs>(__builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                           28, 13, 29, 14, 30, 15, 31));
  };
  const Pairs pairs[2][2] = {{low(r[0], r[1]), low(r[2], r[3])},
                             {high(r[0], r[1]), high(r[2], r[3])}};
  for (int half = 0; half < 2; ++half) {
    const Pairs a = pairs[half][0], b = pairs[half][1];
    const Pairs quads[2] = {__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11),
                            __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)};
    std::memcpy(out + 32 * half, quads, 32);
  }
}

}  // namespace

void PackIntegerPanel(const uint8_t* b, int64_t k_step, int64_t column_step, int64_t columns,
                      bool moved, int64_t k, int64_t begin, int64_t end, int8_t* panel) {
  const uint8_t flip = moved ? 0x80 : 0;
  int64_t at = begin;
  if (column_step == 1 && columns == kIntegerColumns) {
    for (; at + 4 <= end; at += 4)
      Interleave(b + at * k_step, k_step, flip, panel + at * kIntegerColumns);
  } else if (k_step == 1) {
    for (; at + 4 <= end; at += 4) {
      int8_t* to = panel + at * kIntegerColumns;
      for (int64_t j = 0; j < columns; ++j) std::memcpy(to + 4 * j, b + at + j * column_step, 4);
      std::memset(to + 4 * columns, 0, static_cast<size_t>(4 * (kIntegerColumns - columns)));
      for (int64_t i = 0; i < 4 * columns; ++i)
        to[i] = static_cast<int8_t>(static_cast<uint8_t>(to[i]) ^ flip);
    }
  }
  for (; at < (end == k ? PaddedDepth(k) : end); ++at) {
    int8_t* to = panel + at / 4 * 4 * kIntegerColumns + at % 4;
    for (int64_t j = 0; j < kIntegerColumns; ++j) {
      const bool there = at < k && j < columns;
      to[4 * j] = there ? static_cast<int8_t>(b[at * k_step + j * column_step] ^ flip) : int8_t{0};
    }
  }
}

uint32_t PackIntegerRow(const uint8_t* a, int64_t step, bool moved, int64_t k, uint8_t* row) {
  const uint8_t flip = moved ? 0x80 : 0;
  uint32_t sum = 0;
  if (step == 1) {
    for (int64_t i = 0; i < k; ++i) row[i] = a[i] ^ flip;
  } else {
    for (int64_t i = 0; i < k; ++i) row[i] = a[i * step] ^ flip;
  }
  for (int64_t i = 0; i < k; ++i) sum += row[i];
  std::fill(row + k, row + PaddedDepth(k), uint8_t{0});
  return sum;
}

void IntegerProduct(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t panels, int64_t k,
                    uint32_t* c) {
  const int64_t quads = PaddedDepth(k) / 4, pitch = panels * kIntegerColumns;
  auto one = ProductGeneric;
#if MOSAIC_X86
  const Isa isa = ActiveIsa();
  if (isa >= Isa::kAvx512 && HasVnni()) return ProductVnni(a, rows, panel, panels, quads, c);
  if (isa >= Isa::kAvx2) one = ProductAvx2;
#endif
  for (int64_t p = 0; p < panels; ++p) {
    one(a, rows, panel + p * 4 * kIntegerColumns * quads, quads, c + p * kIntegerColumns, pitch);
  }
}

}  // namespace mosaic
