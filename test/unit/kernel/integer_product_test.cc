// Products of 8-bit integers: the same integers on every instruction set, at the ends of the types.
#include "core/kernel/integer_product.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class IntegerProductTest : public testing::TestWithParam<Isa> {};

TEST_P(IntegerProductTest, IsExact) {
  const WithIsa isa(GetParam());
  std::mt19937 rng(3);
  for (int64_t k : {0, 1, 3, 4, 5, 31, 64, 130, 300}) {
    for (int64_t rows : {1, 2, 7, 8, 9, 19, 31, 97, 194}) {
      const int64_t columns = rows % 3 == 0 ? 16 : 1 + static_cast<int64_t>(rng() % 16);
      const int64_t padded = PaddedDepth(k);
      const bool moved = rng() % 2 == 0;
      std::vector<uint8_t> a(static_cast<size_t>(rows * k)), b(static_cast<size_t>(k * columns));
      // Every other time the largest: 16-bit sums of two products would not hold them.
      for (uint8_t& v : a) v = rows % 2 == 0 ? 255 : static_cast<uint8_t>(rng());
      for (uint8_t& v : b) v = rows % 2 == 0 ? (moved ? 255 : 127) : static_cast<uint8_t>(rng());
      std::vector<uint8_t> packed(static_cast<size_t>(rows * padded) + 1, 77);
      std::vector<uint8_t> panel(static_cast<size_t>(16 * padded) + 1, 77);
      std::vector<uint32_t> sums(16, 0), c(static_cast<size_t>(rows * 16) + 1, 4242);
      for (int64_t i = 0; i < rows; ++i) {
        uint32_t want = 0;
        for (int64_t l = 0; l < k; ++l) want += a[static_cast<size_t>(i * k + l)];
        EXPECT_EQ(PackIntegerRow(a.data() + i * k, 1, false, k, packed.data() + i * padded), want);
      }
      for (int64_t at = 0; at < k; at += 12) {
        PackIntegerPanel(b.data(), columns, 1, columns, k, at, std::min(k, at + 12), panel.data());
      }
      std::vector<uint8_t> ones(static_cast<size_t>(padded) + 1, 0);
      std::fill_n(ones.begin(), k, uint8_t{1});
      const void* panels[] = {panel.data(), panel.data(), panel.data()};
      IntegerProductArgs g = {};
      g.a = ones.data();
      g.a_pitch = padded;
      g.rows = 1;
      g.panels = panels;
      g.count = 1;
      g.quads = padded / 4;
      g.moved = moved;
      g.c = sums.data();
      g.pitch = 16;
      IntegerProduct(g);
      g.a = packed.data();
      g.rows = rows;
      g.c = c.data();
      IntegerProduct(g);
      // Several panels are as each of them; what is added twice is there twice.
      std::vector<uint32_t> wide(static_cast<size_t>(rows * 48));
      g.count = 3;
      g.c = wide.data();
      g.pitch = 48;
      IntegerProduct(g);
      g.add = true;
      IntegerProduct(g);
      for (int64_t i = 0; i < rows * 48; ++i) {
        ASSERT_EQ(wide[static_cast<size_t>(i)], 2 * c[static_cast<size_t>(i / 48 * 16 + i % 16)]);
      }
      for (int64_t j = 0; j < columns; ++j) {
        int32_t column = 0;
        std::vector<int32_t> want(static_cast<size_t>(rows), 0);
        for (int64_t l = 0; l < k; ++l) {
          const int v = b[static_cast<size_t>(l * columns + j)];
          const int value = moved ? v - 128 : static_cast<int8_t>(v);
          column += value;
          for (int64_t i = 0; i < rows; ++i) {
            want[static_cast<size_t>(i)] += value * a[static_cast<size_t>(i * k + l)];
          }
        }
        EXPECT_EQ(static_cast<int32_t>(sums[static_cast<size_t>(j)]), column);
        for (int64_t i = 0; i < rows; ++i) {
          ASSERT_EQ(static_cast<int32_t>(c[static_cast<size_t>(i * 16 + j)]),
                    want[static_cast<size_t>(i)])
              << k << ", " << i << ", " << j;
        }
      }
      EXPECT_EQ(packed.back(), 77);
      EXPECT_EQ(panel.back(), 77);
      EXPECT_EQ(c.back(), 4242u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, IntegerProductTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
