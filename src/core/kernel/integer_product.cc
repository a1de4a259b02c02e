#include "core/kernel/integer_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/fast/isa.h"

#if MOSAIC_X86
#include <immintrin.h>
#endif

namespace mosaic {
namespace {

void ProductGeneric(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t quads,
                    uint32_t* c) {
  for (int64_t i = 0; i < rows; ++i, a += 4 * quads, c += kIntegerColumns) {
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
                                              uint32_t* c) {
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
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(c + i * kIntegerColumns + 4 * v),
                          _mm256_permute4x64_epi64(pairs, 0xd8));
    }
  }
}

__attribute__((target("avx2"))) void ProductAvx2(const uint8_t* a, int64_t rows,
                                                 const int8_t* panel, int64_t quads, uint32_t* c) {
  int64_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    RowsAvx2<2>(a + i * 4 * quads, panel, quads, c + i * kIntegerColumns);
  }
  if (i < rows) RowsAvx2<1>(a + i * 4 * quads, panel, quads, c + i * kIntegerColumns);
}

#define MOSAIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

template <int kRows>
MOSAIC_VNNI void RowsVnni(const uint8_t* a, const int8_t* panel, int64_t quads, uint32_t* c) {
  __m512i sum[kRows];
  for (int i = 0; i < kRows; ++i) sum[i] = _mm512_setzero_si512();
  for (int64_t q = 0; q < quads; ++q) {
    const __m512i b = _mm512_loadu_si512(panel + q * 4 * kIntegerColumns);
    for (int i = 0; i < kRows; ++i) {
      int32_t four;
      std::memcpy(&four, a + i * 4 * quads + 4 * q, sizeof(four));
      sum[i] = _mm512_dpbusd_epi32(sum[i], _mm512_set1_epi32(four), b);
    }
  }
  for (int i = 0; i < kRows; ++i) _mm512_storeu_si512(c + i * kIntegerColumns, sum[i]);
}

MOSAIC_VNNI void ProductVnni(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t quads,
                             uint32_t* c) {
  int64_t i = 0;
  for (; i + 8 <= rows; i += 8) {
    RowsVnni<8>(a + i * 4 * quads, panel, quads, c + i * kIntegerColumns);
  }
  for (; i < rows; ++i) RowsVnni<1>(a + i * 4 * quads, panel, quads, c + i * kIntegerColumns);
}

bool HasVnni() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0;
  return has;
}

#endif

}  // namespace

void PackIntegerPanel(const uint8_t* b, int64_t k_step, int64_t column_step, int64_t columns,
                      bool moved, int64_t k, int64_t begin, int64_t end, int8_t* panel,
                      uint32_t* sums) {
  const uint8_t flip = moved ? 0x80 : 0;
  for (int64_t at = begin; at < (end == k ? PaddedDepth(k) : end); ++at) {
    int8_t* to = panel + at / 4 * 4 * kIntegerColumns + at % 4;
    for (int64_t j = 0; j < kIntegerColumns; ++j) {
      const bool there = at < k && j < columns;
      const int8_t v =
          there ? static_cast<int8_t>(b[at * k_step + j * column_step] ^ flip) : int8_t{0};
      to[4 * j] = v;
      sums[j] += static_cast<uint32_t>(static_cast<int32_t>(v));
    }
  }
}

uint32_t PackIntegerRow(const uint8_t* a, int64_t step, bool moved, int64_t k, uint8_t* row) {
  const uint8_t flip = moved ? 0x80 : 0;
  uint32_t sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    row[i] = a[i * step] ^ flip;
    sum += row[i];
  }
  std::fill(row + k, row + PaddedDepth(k), uint8_t{0});
  return sum;
}

void IntegerProduct(const uint8_t* a, int64_t rows, const int8_t* panel, int64_t k, uint32_t* c) {
  const int64_t quads = PaddedDepth(k) / 4;
#if MOSAIC_X86
  const Isa isa = ActiveIsa();
  if (isa >= Isa::kAvx512 && HasVnni()) return ProductVnni(a, rows, panel, quads, c);
  if (isa >= Isa::kAvx2) return ProductAvx2(a, rows, panel, quads, c);
#endif
  ProductGeneric(a, rows, panel, quads, c);
}

}  // namespace mosaic
