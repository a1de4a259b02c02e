#include "core/kernel/integer_product.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/fast/isa.h"

#if MOSAIC_X86
#include <immintrin.h>
#endif

namespace mosaic {
namespace {

constexpr int64_t kQuadBytes = 4 * kIntegerColumns;  // of a panel

// Panel p; all rows.
void PanelGeneric(const IntegerProductArgs& g, int64_t p) {
  const int flip = g.moved ? 0x80 : 0;
  const uint8_t* panel = static_cast<const uint8_t*>(g.panels[p]);
  for (int64_t i = 0; i < g.rows; ++i) {
    const uint8_t* a = g.a + i * g.a_pitch;
    uint32_t* c = g.c + i * g.pitch + p * kIntegerColumns;
    uint32_t sum[kIntegerColumns] = {};
    for (int64_t q = 0; q < g.quads; ++q) {
      const uint8_t* b = panel + q * kQuadBytes;
      for (int64_t j = 0; j < kIntegerColumns; ++j) {
        int32_t four = 0;
        for (int l = 0; l < 4; ++l) four += a[4 * q + l] * static_cast<int8_t>(b[4 * j + l] ^ flip);
        sum[j] += static_cast<uint32_t>(four);
      }
    }
    for (int64_t j = 0; j < kIntegerColumns; ++j) c[j] = sum[j] + (g.add ? c[j] : 0);
  }
}

#if MOSAIC_X86

// Pairs of 16-bit products: two partial sums of each column lie beside each other.
template <int kRows>
__attribute__((target("avx2"))) void RowsAvx2(const IntegerProductArgs& g, int64_t p, int64_t row) {
  const uint8_t* panel = static_cast<const uint8_t*>(g.panels[p]);
  const uint8_t* a = g.a + row * g.a_pitch;
  const __m128i flip = _mm_set1_epi8(static_cast<char>(g.moved ? 0x80 : 0));
  __m256i sum[kRows][4];
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 4; ++v) sum[i][v] = _mm256_setzero_si256();
  }
  for (int64_t q = 0; q < g.quads; ++q) {
    __m256i b[4];
    for (int v = 0; v < 4; ++v) {
      b[v] = _mm256_cvtepi8_epi16(_mm_xor_si128(
          flip,
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + q * kQuadBytes + 16 * v))));
    }
    for (int i = 0; i < kRows; ++i) {
      int32_t four;
      std::memcpy(&four, a + i * g.a_pitch + 4 * q, sizeof(four));
      const __m256i x = _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)));
      for (int v = 0; v < 4; ++v) {
        sum[i][v] = _mm256_add_epi32(sum[i][v], _mm256_madd_epi16(x, b[v]));
      }
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 4; v += 2) {
      __m256i* c =
          reinterpret_cast<__m256i*>(g.c + (row + i) * g.pitch + p * kIntegerColumns + 4 * v);
      // Columns 0, 1, 4, 5, 2, 3, 6, 7 of these eight, in pairs.
      const __m256i pairs = _mm256_hadd_epi32(sum[i][v], sum[i][v + 1]);
      __m256i total = _mm256_permute4x64_epi64(pairs, 0xd8);
      if (g.add) total = _mm256_add_epi32(total, _mm256_loadu_si256(c));
      _mm256_storeu_si256(c, total);
    }
  }
}

__attribute__((target("avx2"))) void PanelAvx2(const IntegerProductArgs& g, int64_t p) {
  int64_t i = 0;
  for (; i + 2 <= g.rows; i += 2) RowsAvx2<2>(g, p, i);
  if (i < g.rows) RowsAvx2<1>(g, p, i);
}

// Of more rows: both operands are made 16 bits wide part by part. That of a panel then stays in the
// L1 cache, while rows come from L2: three of them are read for 24 cycles of products a quad.
constexpr int64_t kWideRows = 96, kWideQuads = 64;
constexpr int64_t kLeastWideRows = 6;

struct WidePart {
  alignas(32) int16_t a[kWideRows * 4 * kWideQuads];
  alignas(32) int16_t b[kIntegerColumns * 4 * kWideQuads];
};

__attribute__((target("avx2"))) void WidenRows(const IntegerProductArgs& g, int64_t row,
                                               int64_t rows, int64_t quad, int64_t quads,
                                               int16_t* to) {
  for (int64_t i = 0; i < rows; ++i, to += 4 * kWideQuads) {
    const uint8_t* from = g.a + (row + i) * g.a_pitch + 4 * quad;
    int64_t k = 0;
    for (; k + 16 <= 4 * quads; k += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k));
      _mm256_store_si256(reinterpret_cast<__m256i*>(to + k), _mm256_cvtepu8_epi16(bytes));
    }
    for (; k < 4 * quads; ++k) to[k] = from[k];
  }
}

__attribute__((target("avx2"))) void WidenPanel(const uint8_t* panel, bool moved, int64_t quads,
                                                int16_t* to) {
  const __m128i flip = _mm_set1_epi8(static_cast<char>(moved ? 0x80 : 0));
  for (int64_t k = 0; k < kQuadBytes * quads; k += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(panel + k));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to + k),
                       _mm256_cvtepi8_epi16(_mm_xor_si128(flip, bytes)));
  }
}

// Three rows by a panel: twelve sums.
template <int kRows>
__attribute__((target("avx2"))) void WideTile(const int16_t* a, const int16_t* b, int64_t quads,
                                              bool add, uint32_t* c, int64_t pitch) {
  __m256i sum[kRows][4];
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int v = 0; v < 4; ++v) sum[i][v] = _mm256_setzero_si256();
  }
  for (int64_t q = 0; q < quads; ++q, a += 4, b += 4 * kIntegerColumns) {
    __m256i x[kRows];
    MOSAIC_UNROLL
    for (int i = 0; i < kRows; ++i) {
      int64_t four;
      std::memcpy(&four, a + i * 4 * kWideQuads, sizeof four);
      x[i] = _mm256_set1_epi64x(four);
    }
    MOSAIC_UNROLL
    for (int v = 0; v < 4; ++v) {
      const __m256i w = _mm256_load_si256(reinterpret_cast<const __m256i*>(b + 16 * v));
      MOSAIC_UNROLL
      for (int i = 0; i < kRows; ++i) {
        sum[i][v] = _mm256_add_epi32(sum[i][v], _mm256_madd_epi16(x[i], w));
      }
    }
  }
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int v = 0; v < 4; v += 2) {
      __m256i* to = reinterpret_cast<__m256i*>(c + i * pitch + 4 * v);
      // Columns 0, 1, 4, 5, 2, 3, 6, 7 of these eight, in pairs.
      const __m256i pairs = _mm256_hadd_epi32(sum[i][v], sum[i][v + 1]);
      __m256i total = _mm256_permute4x64_epi64(pairs, 0xd8);
      if (add) total = _mm256_add_epi32(total, _mm256_loadu_si256(to));
      _mm256_storeu_si256(to, total);
    }
  }
}

void ProductAvx2(const IntegerProductArgs& g) {
  WidePart part;
  const int64_t parts = (g.rows + kWideRows - 1) / kWideRows;
  const int64_t most = ((g.rows + parts - 1) / parts + 2) / 3 * 3;  // of nearly equal size
  for (int64_t row = 0; row < g.rows; row += most) {
    const int64_t rows = std::min(most, g.rows - row);
    for (int64_t quad = 0; quad < g.quads; quad += kWideQuads) {
      const int64_t quads = std::min(kWideQuads, g.quads - quad);
      const bool add = g.add || quad > 0;
      WidenRows(g, row, rows, quad, quads, part.a);
      for (int64_t p = 0; p < g.count; ++p) {
        WidenPanel(static_cast<const uint8_t*>(g.panels[p]) + quad * kQuadBytes, g.moved, quads,
                   part.b);
        int64_t i = 0;
        const auto tile = [&](auto run, int64_t n) {
          run(part.a + i * 4 * kWideQuads, part.b, quads, add,
              g.c + (row + i) * g.pitch + p * kIntegerColumns, g.pitch);
          i += n;
        };
        while (i + 3 <= rows) tile(WideTile<3>, 3);
        if (i + 2 <= rows) tile(WideTile<2>, 2);
        if (i < rows) tile(WideTile<1>, 1);
      }
    }
  }
}

#define MOSAIC_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

// Twelve rows by two panels keep two multipliers busy: 24 sums of 14 loads.
template <int kRows, int kPanels, bool kMoved>
MOSAIC_VNNI void RowsVnni(const IntegerProductArgs& g, int64_t p, int64_t row) {
  const uint8_t* a = g.a + row * g.a_pitch;
  const uint8_t* panel[kPanels];
  __m512i sum[kRows][kPanels];
  MOSAIC_UNROLL
  for (int j = 0; j < kPanels; ++j) panel[j] = static_cast<const uint8_t*>(g.panels[p + j]);
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int j = 0; j < kPanels; ++j) sum[i][j] = _mm512_setzero_si512();
  }
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  for (int64_t q = 0; q < g.quads; ++q) {
    __m512i b[kPanels];
    MOSAIC_UNROLL
    for (int j = 0; j < kPanels; ++j) {
      b[j] = _mm512_loadu_si512(panel[j] + q * kQuadBytes);
      if (kMoved) b[j] = _mm512_xor_si512(b[j], flip);
    }
    MOSAIC_UNROLL
    for (int i = 0; i < kRows; ++i) {
      int32_t four;
      std::memcpy(&four, a + i * g.a_pitch + 4 * q, sizeof(four));
      MOSAIC_UNROLL
      for (int j = 0; j < kPanels; ++j) {
        sum[i][j] = _mm512_dpbusd_epi32(sum[i][j], _mm512_set1_epi32(four), b[j]);
      }
    }
  }
  MOSAIC_UNROLL
  for (int i = 0; i < kRows; ++i) {
    MOSAIC_UNROLL
    for (int j = 0; j < kPanels; ++j) {
      uint32_t* c = g.c + (row + i) * g.pitch + (p + j) * kIntegerColumns;
      if (g.add) sum[i][j] = _mm512_add_epi32(sum[i][j], _mm512_loadu_si512(c));
      _mm512_storeu_si512(c, sum[i][j]);
    }
  }
}

template <int kPanels, bool kMoved>
MOSAIC_VNNI void PanelsVnni(const IntegerProductArgs& g, int64_t p) {
  int64_t i = 0;
  for (; i + 12 <= g.rows; i += 12) RowsVnni<12, kPanels, kMoved>(g, p, i);
  for (; i + 4 <= g.rows; i += 4) RowsVnni<4, kPanels, kMoved>(g, p, i);
  for (; i < g.rows; ++i) RowsVnni<1, kPanels, kMoved>(g, p, i);
}

template <bool kMoved>
MOSAIC_VNNI void ProductVnni(const IntegerProductArgs& g) {
  int64_t p = 0;
  for (; p + 2 <= g.count; p += 2) PanelsVnni<2, kMoved>(g, p);
  if (p < g.count) PanelsVnni<1, kMoved>(g, p);
}

bool HasVnni() {
  static const bool has = __builtin_cpu_supports("avx512vnni") != 0;
  return has;
}

#endif

// Four rows of sixteen bytes: those of a column beside each other.
void Interleave(const uint8_t* rows, int64_t step, uint8_t* out) {
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  typedef uint16_t Pairs __attribute__((vector_size(16)));
  Bytes r[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], rows + i * step, 16);
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
                      int64_t k, int64_t begin, int64_t end, uint8_t* panel) {
  int64_t at = begin;
  if (column_step == 1 && columns == kIntegerColumns) {
    for (; at + 4 <= end; at += 4)
      Interleave(b + at * k_step, k_step, panel + at * kIntegerColumns);
  } else if (k_step == 1) {
    for (; at + 4 <= end; at += 4) {
      uint8_t* to = panel + at * kIntegerColumns;
      for (int64_t j = 0; j < columns; ++j) std::memcpy(to + 4 * j, b + at + j * column_step, 4);
      std::memset(to + 4 * columns, 0, static_cast<size_t>(4 * (kIntegerColumns - columns)));
    }
  }
  for (; at < (end == k ? PaddedDepth(k) : end); ++at) {
    uint8_t* to = panel + at / 4 * kQuadBytes + at % 4;
    for (int64_t j = 0; j < kIntegerColumns; ++j) {
      to[4 * j] = at < k && j < columns ? b[at * k_step + j * column_step] : uint8_t{0};
    }
  }
}

void IntegerProduct(const IntegerProductArgs& args) {
  auto panel = PanelGeneric;
#if MOSAIC_X86
  const Isa isa = ActiveIsa();
  if (isa >= Isa::kAvx512 && HasVnni()) {
    return args.moved ? ProductVnni<true>(args) : ProductVnni<false>(args);
  }
  if (isa >= Isa::kAvx2) {
    if (args.rows >= kLeastWideRows && args.quads > 0) return ProductAvx2(args);
    panel = PanelAvx2;
  }
#endif
  for (int64_t p = 0; p < args.count; ++p) panel(args, p);
}

}  // namespace mosaic
