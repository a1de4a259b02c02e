#include "core/block/blocking.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

namespace mosaic {
namespace {

constexpr int kHeights[] = {126, 63, 31};

// What every cut must satisfy, whatever the shape.
void CheckBounds(const Blocking& b, int height) {
  const uint32_t payload = b.payload_bytes();
  EXPECT_EQ(payload % MOSAIC_TUPLE_ALIGN, 0u);
  EXPECT_GE(payload, static_cast<uint32_t>(MOSAIC_MIN_PAYLOAD));
  EXPECT_LE(payload, static_cast<uint32_t>(height * MOSAIC_ROW_BYTES));
  EXPECT_GE(static_cast<int64_t>(payload),
            static_cast<int64_t>(b.depth()) * b.block_cols * DTypeSize(b.dtype));
  const MosaicGeometry g = mosaic_geometry_unpack(mosaic_geometry_pack(b.geometry()));
  EXPECT_EQ(g.dtype, b.dtype);
  EXPECT_EQ(g.layout, b.layout);
  EXPECT_EQ(g.rows, b.block_rows);
  EXPECT_EQ(g.cols, static_cast<uint32_t>(b.block_cols));
  // No block is empty.
  EXPECT_LT((b.row_blocks() - 1) * b.depth(), b.rows);
  EXPECT_LT((b.col_blocks() - 1) * b.block_cols, b.cols);
}

// Packs a matrix of random bytes out of a row-major or column-major source and unpacks it again.
void CheckRoundTrip(const Blocking& b, bool transposed, std::mt19937* rng) {
  const size_t size = static_cast<size_t>(DTypeSize(b.dtype));
  const size_t n = static_cast<size_t>(b.rows * b.cols);
  std::vector<uint8_t> dense(n * size), source(n * size), back(n * size, 0xee);
  for (uint8_t& x : dense) x = static_cast<uint8_t>((*rng)());
  for (int64_t r = 0; r < b.rows; ++r) {
    for (int64_t c = 0; c < b.cols; ++c) {
      const int64_t at = transposed ? c * b.rows + r : r * b.cols + c;
      std::memcpy(&source[static_cast<size_t>(at) * size],
                  &dense[static_cast<size_t>(r * b.cols + c) * size], size);
    }
  }
  std::vector<uint8_t> payload(b.payload_bytes());
  std::vector<bool> seen(static_cast<size_t>(b.blocks()));
  for (int64_t i = 0; i < b.row_blocks(); ++i) {
    for (int64_t j = 0; j < b.col_blocks(); ++j) {
      const size_t place = static_cast<size_t>(b.Index(i, j));
      ASSERT_LT(place, seen.size());
      EXPECT_FALSE(seen[place]);
      seen[place] = true;
      std::fill(payload.begin(), payload.end(), 0x55);
      PackBlock(b, i, j, source.data(), 0, transposed ? 1 : b.cols, transposed ? b.rows : 1,
                payload.data());
      UnpackBlock(b, i, j, payload.data(), back.data());
      // What the matrix does not reach is zero.
      const int64_t rows = std::min<int64_t>(b.depth(), b.rows - i * b.depth());
      const int64_t cols = std::min<int64_t>(b.block_cols, b.cols - j * b.block_cols);
      for (size_t at = 0; at < payload.size(); ++at) {
        const int64_t element = static_cast<int64_t>(at / size);
        const int64_t pair = b.layout == MOSAIC_LAYOUT_STRIP && size == 2 ? 2 : 1;
        const int64_t line = element / (pair * b.block_cols);
        const int64_t row = line * pair + element % pair;
        const bool inside = row < rows && element / pair % b.block_cols < cols;
        ASSERT_TRUE(inside || payload[at] == 0) << "at byte " << at;
      }
    }
  }
  EXPECT_EQ(back, dense);
}

TEST(Blocking, StripRowsAreBalanced) {
  EXPECT_EQ(PlanStrip(1024, 16, 126).block_rows, 114);  // 9 x 114, not 8 x 126 + 16
  EXPECT_EQ(PlanStrip(784, 256, 126).block_rows, 112);
  EXPECT_EQ(PlanStrip(126, 16, 126).row_blocks(), 1);
  EXPECT_EQ(PlanStrip(127, 16, 126).block_rows, 64);
  EXPECT_EQ(PlanStrip(100, 17, 126).col_blocks(), 2);
  EXPECT_EQ(PlanStrip(1, 1, 126).payload_bytes(), 128u);
}

TEST(Blocking, BFloat16StripsHoldPairsOfRows) {
  const Blocking b = PlanStrip(301, 40, 63, MOSAIC_BFLOAT16);
  EXPECT_EQ(b.block_rows, 51);  // 151 pairs in 3 blocks
  EXPECT_EQ(b.depth(), 102);
  EXPECT_EQ(b.row_blocks(), 3);
  EXPECT_EQ(b.payload_bytes(), 51u * 64);
  EXPECT_EQ(b.geometry().rows, 51);
  EXPECT_EQ(PlanStrip(1, 1, 126, MOSAIC_BFLOAT16).payload_bytes(), 128u);
  EXPECT_EQ(PlanStrip(252, 1, 126, MOSAIC_BFLOAT16).row_blocks(), 1);
  EXPECT_EQ(PlanStrip(253, 1, 126, MOSAIC_BFLOAT16).row_blocks(), 2);
  std::vector<uint16_t> w(301 * 40);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<uint16_t>(i + 1);
  std::vector<uint16_t> payload(b.payload_bytes() / 2);
  for (int64_t k = 0; k < 301; ++k) {
    for (int64_t m = 0; m < 40; ++m) {
      PackBlock(b, k / 102, m / 16, w.data(), 0, 40, 1, payload.data());
      const int64_t line = k % 102 / 2;  // of 32 elements: both rows of a column side by side
      EXPECT_EQ(payload[static_cast<size_t>(line * 32 + m % 16 * 2 + k % 2)],
                w[static_cast<size_t>(k * 40 + m)]);
    }
  }
}

TEST(Blocking, StripElementIsWhereTheKernelLooks) {
  const Blocking b = PlanStrip(200, 40, 126);
  std::vector<float> w(200 * 40);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i);
  std::vector<float> payload(b.payload_bytes() / 4);
  for (int64_t k : {0, 99, 100, 199}) {
    for (int64_t m : {0, 15, 16, 39}) {
      PackBlock(b, k / b.block_rows, m / 16, w.data(), 0, 40, 1, payload.data());
      EXPECT_EQ(payload[static_cast<size_t>(k % b.block_rows * 16 + m % 16)],
                w[static_cast<size_t>(k * 40 + m)]);
    }
  }
}

TEST(Blocking, MapIsStripMajorOrRowMajor) {
  const Blocking strip = PlanStrip(300, 64, 126);  // 3 row blocks, 4 strips
  EXPECT_EQ(strip.Index(1, 2), 2 * 3 + 1);
  const Blocking row = PlanRow(MOSAIC_FLOAT, 100, 768, 126);
  ASSERT_EQ(row.col_blocks(), 2);
  EXPECT_EQ(row.Index(3, 1), 3 * 2 + 1);
}

TEST(Blocking, RowPanelsFillThePage) {
  const Blocking one = PlanRow(MOSAIC_FLOAT, 1000, 100, 126);
  EXPECT_EQ(one.block_cols, 100);  // 20 complete rows are 8000 of 8064 bytes
  EXPECT_EQ(one.block_rows, 20);
  const Blocking two = PlanRow(MOSAIC_FLOAT, 30522, 768, 126);
  EXPECT_EQ(two.block_cols, 384);  // 2 complete rows would be 76 %
  EXPECT_EQ(two.block_rows, 5);
  const Blocking vector = PlanRow(MOSAIC_FLOAT, 5000, 1, 126);
  EXPECT_EQ(vector.block_rows, 1667);  // 3 balanced blocks of at most 2016
  EXPECT_EQ(PlanRow(MOSAIC_INT64, 1, 1, 31).payload_bytes(), 128u);
}

TEST(Blocking, RowBlocksAreFullForEveryWidth) {
  for (int height : kHeights) {
    for (int dtype : {MOSAIC_UINT8, MOSAIC_FLOAT16, MOSAIC_FLOAT, MOSAIC_INT64}) {
      for (int64_t d = 1; d < 20000; d += d < 3000 ? 1 : 37) {
        const Blocking b = PlanRow(dtype, int64_t{1} << 40, d, height);
        const int64_t useful = b.block_rows * d * DTypeSize(dtype);  // over all panels
        ASSERT_GE(useful * 10, 9 * height * 64 * b.col_blocks())
            << "d " << d << " height " << height;
      }
    }
  }
}

TEST(Blocking, TuplesFillPages) {
  // A page of 8192 has 24 bytes of header, 4 bytes per line pointer.
  for (int height : kHeights) {
    const int per_page = height == 126 ? 1 : height == 63 ? 2 : 4;
    const Blocking b = PlanStrip(height, 16, height);
    EXPECT_LE(24 + per_page * (4 + 32 + static_cast<int>(b.payload_bytes())), 8192);
  }
}

TEST(Blocking, RoundTripOfRandomShapes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const int dtypes[] = {MOSAIC_UINT8, MOSAIC_BOOL, MOSAIC_INT16, MOSAIC_FLOAT, MOSAIC_INT64};
  for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) {
    const int height = kHeights[rng() % 3];
    const bool wide = rng() % 4 == 0;
    const int64_t rows = 1 + rng() % (wide ? 5 : 400), cols = 1 + rng() % (wide ? 9000 : 70);
    const int dtype = dtypes[rng() % 5];
    const bool strip = rng() % 2 == 0;
    const Blocking b = strip ? PlanStrip(rows, cols, height, i % 2 ? MOSAIC_FLOAT : MOSAIC_BFLOAT16)
                             : PlanRow(dtype, rows, cols, height);
    SCOPED_TRACE(std::string(strip ? "strip " : "row ") + DTypeName(b.dtype) + " " +
                 std::to_string(rows) + " x " + std::to_string(cols) + " height " +
                 std::to_string(height));
    CheckBounds(b, height);
    CheckRoundTrip(b, rng() % 2 == 0, &rng);
  }
}

TEST(Blocking, PackFromAWindowOfRows) {
  const Blocking b = PlanStrip(500, 16, 63);
  std::vector<float> w(500 * 16);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i);
  std::vector<float> whole(b.payload_bytes() / 4), window(b.payload_bytes() / 4);
  for (int64_t i = 0; i < b.row_blocks(); ++i) {
    const int64_t row0 = i * b.block_rows;
    PackBlock(b, i, 0, w.data(), 0, 16, 1, whole.data());
    PackBlock(b, i, 0, w.data() + row0 * 16, row0, 16, 1, window.data());
    EXPECT_EQ(whole, window);
  }
}

TEST(Blocking, DescriptionCarriesTheCut) {
  const Blocking b = PlanStrip(784, 250, 63);
  MosaicTensorDesc desc = {};
  desc.layout = b.layout;
  desc.stored_dtype = b.dtype;
  desc.rows = b.rows;
  desc.cols = b.cols;
  desc.block_rows = b.block_rows;
  desc.block_cols = b.block_cols;
  const Blocking back = BlockingOf(desc);
  EXPECT_EQ(back.blocks(), b.blocks());
  EXPECT_EQ(back.payload_bytes(), b.payload_bytes());
  EXPECT_EQ(back.Index(2, 3), b.Index(2, 3));
}

}  // namespace
}  // namespace mosaic
