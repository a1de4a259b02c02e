#include "core/dedup/likeness.h"

#include <cmath>
#include <limits>
#include <random>

#include "run/fake_store.h"

namespace mosaic {
namespace {

using testing::RandomFloats;
using testing::Seed;

BlockShape Shape(int rows, int cols, int valid_rows, int valid_cols) {
  BlockShape s;
  s.rows = rows;
  s.cols = cols;
  s.valid_rows = valid_rows;
  s.valid_cols = valid_cols;
  return s;
}

// The definition, in double, over the weights alone.
Likeness Definition(const BlockShape& s, const std::vector<float>& a, const std::vector<float>& b,
                    const NearSettings& near) {
  double close = 0, d2 = 0, a2 = 0;
  Likeness l;
  for (int r = 0; r < s.valid_rows; ++r) {
    for (int c = 0; c < s.valid_cols; ++c) {
      const size_t i = static_cast<size_t>(r * s.cols + c);
      const float d = std::fabs(a[i] - b[i]);
      close += d <= near.tolerance;
      d2 += static_cast<double>(d) * static_cast<double>(d);
      a2 += static_cast<double>(a[i]) * static_cast<double>(a[i]);
      l.max_abs = std::max(l.max_abs, static_cast<double>(d));
    }
  }
  l.similarity = close / static_cast<double>(s.weights());
  l.relative_l2 = std::sqrt(d2 / a2);
  l.accepted = l.similarity >= near.min_similarity && l.relative_l2 <= near.max_relative_l2;
  return l;
}

TEST(LikenessTest, IsWhatTheDefinitionSays) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  int accepted = 0;
  for (int trial = 0; trial < 500; ++trial) {
    const int rows = 1 + static_cast<int>(rng() % 40), cols = 2 + static_cast<int>(rng() % 40);
    const bool edge = rng() % 2 == 0;
    const BlockShape s =
        Shape(rows, cols, edge ? 1 + static_cast<int>(rng() % static_cast<unsigned>(rows)) : rows,
              edge ? 1 + static_cast<int>(rng() % static_cast<unsigned>(cols)) : cols);
    std::vector<float> a(static_cast<size_t>(rows * cols)), b = a;
    const unsigned moved = rng() % 60;  // per cent
    const float scale = rng() % 4 == 0 ? 0.01f : 1.0f;
    for (int r = 0; r < s.valid_rows; ++r) {
      for (int c = 0; c < s.valid_cols; ++c) {
        const size_t i = static_cast<size_t>(r * cols + c);
        a[i] = RandomFloats(&rng, 1, scale)[0];
        b[i] = a[i] + RandomFloats(&rng, 1, rng() % 100 < moved ? scale : 0.009f)[0];
      }
    }
    const Likeness got = Compare(s, a.data(), b.data(), NearSettings());
    const Likeness want = Definition(s, a, b, NearSettings());
    ASSERT_EQ(got.accepted, want.accepted)
        << trial << ": " << want.similarity << " " << want.relative_l2;
    if (!want.accepted) continue;
    ++accepted;
    EXPECT_DOUBLE_EQ(got.similarity, want.similarity);
    EXPECT_NEAR(got.relative_l2, want.relative_l2, 1e-5);
    EXPECT_DOUBLE_EQ(got.max_abs, want.max_abs);
  }
  EXPECT_GT(accepted, 50);
  EXPECT_LT(accepted, 450);
}

TEST(LikenessTest, ThresholdIsInclusive) {
  std::vector<float> a(10, 1.0f), b = a;
  for (size_t i = 0; i < 3; ++i) b[i] = 1.1f;
  EXPECT_TRUE(Compare(Shape(2, 5, 2, 5), a.data(), b.data(), NearSettings()).accepted);
  b[3] = 1.1f;
  EXPECT_FALSE(Compare(Shape(2, 5, 2, 5), a.data(), b.data(), NearSettings()).accepted);
}

TEST(LikenessTest, FillingDoesNotCount) {
  // 4 of 100 elements are weights, and these differ; the zeros around them agree.
  std::vector<float> a(100), b(100);
  for (size_t i : {0, 1, 10, 11}) {
    a[i] = 1;
    b[i] = 2;
  }
  EXPECT_FALSE(Compare(Shape(10, 10, 2, 2), a.data(), b.data(), NearSettings()).accepted);
  EXPECT_TRUE(Compare(Shape(10, 10, 2, 2), a.data(), a.data(), NearSettings()).accepted);
}

TEST(LikenessTest, PartnerMustKeepTheFillingZero) {
  const BlockShape s = Shape(4, 4, 3, 2);
  std::vector<float> a(16), b(16);
  for (size_t i : {0, 1, 4, 5, 8, 9}) a[i] = b[i] = 1;
  EXPECT_TRUE(Compare(s, a.data(), b.data(), NearSettings()).accepted);
  for (size_t i : {2, 7, 11, 12, 15}) {
    b[i] = 0.001f;
    EXPECT_FALSE(Compare(s, a.data(), b.data(), NearSettings()).accepted) << i;
    b[i] = 0;
  }
}

// Where all weights are as small as the tolerance, the share alone would accept anything.
TEST(LikenessTest, SmallUnrelatedWeightsAreNotAlike) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const BlockShape s = Shape(63, 16, 63, 16);
  for (int trial = 0; trial < 20; ++trial) {
    const auto a = RandomFloats(&rng, 63 * 16, 0.005f), b = RandomFloats(&rng, 63 * 16, 0.005f);
    NearSettings alone;
    alone.max_relative_l2 = 1e9;
    EXPECT_TRUE(Compare(s, a.data(), b.data(), alone).accepted);
    EXPECT_FALSE(Compare(s, a.data(), b.data(), NearSettings()).accepted);
    const std::vector<float> zeros(63 * 16);
    EXPECT_FALSE(Compare(s, a.data(), zeros.data(), NearSettings()).accepted);
    EXPECT_FALSE(Compare(s, zeros.data(), a.data(), NearSettings()).accepted);
  }
}

TEST(LikenessTest, NanAndInfinityAreNeverAlike) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  for (float bad : {nan, inf, -inf}) {
    std::vector<float> a(16, 1.0f), b = a;
    b[7] = bad;
    EXPECT_FALSE(Compare(Shape(4, 4, 4, 4), a.data(), b.data(), NearSettings()).accepted);
    EXPECT_FALSE(Compare(Shape(4, 4, 4, 4), b.data(), a.data(), NearSettings()).accepted);
    EXPECT_FALSE(Compare(Shape(4, 4, 4, 4), b.data(), b.data(), NearSettings()).accepted);
  }
}

TEST(LikenessTest, ABoundOnEachWeightRefusesASingleOneBeyond) {
  const BlockShape s = Shape(20, 50, 20, 50);
  const std::vector<float> a(1000, 0.5f);
  auto b = a;
  for (size_t i = 0; i < 200; ++i) b[5 * i] += 0.03f;
  NearSettings near;
  EXPECT_TRUE(Compare(s, a.data(), b.data(), near).accepted);
  near.max_abs = 0.031;
  EXPECT_TRUE(Compare(s, a.data(), b.data(), near).accepted);
  near.max_abs = 0.02;
  EXPECT_FALSE(Compare(s, a.data(), b.data(), near).accepted);
  near.max_abs = 0.031;
  for (size_t at : {size_t{0}, size_t{500}, size_t{999}}) {
    auto c = b;
    c[at] += 0.1f;
    EXPECT_FALSE(Compare(s, a.data(), c.data(), near).accepted) << at;
  }
  near.max_abs = 0;
  EXPECT_TRUE(Compare(s, a.data(), a.data(), near).accepted);
  EXPECT_FALSE(Compare(s, a.data(), b.data(), near).accepted);
}

TEST(LikenessTest, BetterIsATotalOrder) {
  std::vector<Match> m(4);
  m[0] = {9, {0.9, 0.3, 0, true}};
  m[1] = {5, {0.8, 0.1, 0, true}};
  m[2] = {1, {0.8, 0.2, 0, true}};
  m[3] = {2, {0.8, 0.2, 0, true}};
  for (size_t i = 0; i < m.size(); ++i) {
    for (size_t j = 0; j < m.size(); ++j) EXPECT_EQ(Better(m[i], m[j]), i < j) << i << " " << j;
  }
}

TEST(BlockValuesTest, OnlyFloatMatricesAreShared) {
  const auto near = [](int dtype, int layout, uint32_t cols) {
    MosaicGeometry g{};
    g.dtype = static_cast<uint8_t>(dtype);
    g.layout = static_cast<uint8_t>(layout);
    g.rows = 10;
    g.cols = cols;
    return NearShareable(g);
  };
  EXPECT_TRUE(near(MOSAIC_FLOAT, MOSAIC_LAYOUT_STRIP, 16));
  EXPECT_TRUE(near(MOSAIC_FLOAT, MOSAIC_LAYOUT_ROW, 100));
  EXPECT_TRUE(near(MOSAIC_BFLOAT16, MOSAIC_LAYOUT_STRIP, 16));
  EXPECT_FALSE(near(MOSAIC_INT8, MOSAIC_LAYOUT_STRIP, 16));
  EXPECT_TRUE(near(MOSAIC_FLOAT16, MOSAIC_LAYOUT_ROW, 100));
  EXPECT_TRUE(near(MOSAIC_DOUBLE, MOSAIC_LAYOUT_ROW, 100));
  EXPECT_FALSE(near(MOSAIC_FLOAT, MOSAIC_LAYOUT_ROW, 1));  // a vector
  EXPECT_FALSE(near(MOSAIC_INT64, MOSAIC_LAYOUT_ROW, 100));
  EXPECT_FALSE(near(MOSAIC_INT8, MOSAIC_LAYOUT_ROW, 100));
}

TEST(BlockValuesTest, ShapeCountsTheWeightsOfEachBlock) {
  for (const Blocking& b : {PlanStrip(300, 37, 63), PlanRow(MOSAIC_FLOAT, 1003, 100, 63),
                            PlanRow(MOSAIC_FLOAT, 57, 3000, 31)}) {
    int64_t weights = 0;
    for (int64_t i = 0; i < b.blocks(); ++i) {
      const BlockShape s = ShapeOfBlock(b, i);
      // As UnpackBlock sees it: mark the block's own elements.
      weights += s.weights();
      std::vector<float> ones(static_cast<size_t>(b.block_rows) * static_cast<size_t>(b.block_cols),
                              1);
      std::vector<float> dense(static_cast<size_t>(b.rows * b.cols));
      const bool strip = b.layout == MOSAIC_LAYOUT_STRIP;
      UnpackBlock(b, strip ? i % b.row_blocks() : i / b.col_blocks(),
                  strip ? i / b.row_blocks() : i % b.col_blocks(), ones.data(), dense.data());
      EXPECT_EQ(std::count(dense.begin(), dense.end(), 1.0f), s.weights()) << i;
    }
    EXPECT_EQ(weights, b.rows * b.cols);
  }
}

TEST(BlockValuesTest, ThirdQuartileOfMagnitudes) {
  std::vector<float> v(20), buffer;
  // Weights 3 x 3 in the corner of 4 x 5: magnitudes 1 to 9.
  const float weights[] = {-9, 1, 8, -2, 7, 3, 6, -4, 5};
  for (size_t i = 0; i < 9; ++i) v[i / 3 * 5 + i % 3] = weights[i];
  EXPECT_EQ(ThirdQuartile(Shape(4, 5, 3, 3), v.data(), &buffer), 7.0f);
  v[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ThirdQuartile(Shape(4, 5, 1, 1), v.data(), &buffer),
            std::numeric_limits<float>::infinity());
}

TEST(BlockValuesTest, HalfPrecisionIsConverted) {
  const uint16_t half[] = {0x3c00, 0xc000, 0x0000, 0x3800};  // 1, -2, 0, 0.5
  BlockShape s = Shape(2, 2, 2, 2);
  s.dtype = MOSAIC_FLOAT16;
  std::vector<float> buffer;
  const float* v = BlockValues(s, half, &buffer);
  EXPECT_EQ(std::vector<float>(v, v + 4), (std::vector<float>{1, -2, 0, 0.5f}));
}

TEST(BlockValuesTest, BFloat16StripsAreReadRowByRow) {
  const int64_t k = 301, m = 37;
  const Blocking b = PlanStrip(k, m, 63, MOSAIC_BFLOAT16);
  std::vector<uint16_t> w(static_cast<size_t>(k * m));
  for (size_t i = 0; i < w.size(); ++i) w[i] = FloatToBFloat16(static_cast<float>(i % 251));
  std::vector<uint16_t> payload(b.payload_bytes() / 2);
  std::vector<float> buffer;
  for (int64_t i = 0; i < b.blocks(); ++i) {
    const BlockShape s = ShapeOfBlock(b, i);
    EXPECT_EQ(s.rows, b.depth());
    const int64_t row = i % b.row_blocks(), col = i / b.row_blocks();
    PackBlock(b, row, col, w.data(), 0, m, 1, payload.data());
    const float* v = BlockValues(s, payload.data(), &buffer);
    for (int r = 0; r < s.valid_rows; ++r) {
      for (int c = 0; c < s.valid_cols; ++c) {
        const int64_t at = (row * s.rows + r) * m + col * 16 + c;
        ASSERT_EQ(v[r * s.cols + c], static_cast<float>(at % 251));
      }
    }
  }
}

}  // namespace
}  // namespace mosaic
