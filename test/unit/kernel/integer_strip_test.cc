// Columns of integers as strips of floats: exactly (q - zero) * scale on every instruction set.
#include "core/kernel/integer_strip.h"

#include "kernel/isa_test.h"

namespace mosaic {
namespace {

class IntegerStripTest : public IsaTest {};

TEST_P(IntegerStripTest, AreTheDifferenceTimesTheScale) {
  for (const int bits : {4, 8}) {
    for (const bool is_signed : {false, true}) {
      if (bits == 4 && is_signed) continue;
      IntegerStrip strip = {bits, is_signed, {}, {}};
      for (int j = 0; j < 16; ++j) {
        strip.zero[j] = static_cast<float>(Uniform(0, 15));
        strip.scale[j] = Normal(1)[0];
      }
      const int64_t rows = 37, per_row = 8 / bits;
      std::vector<uint8_t> q(static_cast<size_t>(16 * rows));
      for (uint8_t& v : q) v = static_cast<uint8_t>(Uniform(0, 255));
      std::vector<float> w(static_cast<size_t>(16 * rows * per_row) + 1, kCanary);
      WidenIntegerStrip(strip, q.data(), rows, w.data());
      EXPECT_EQ(w.back(), kCanary);
      for (size_t i = 0; i + 1 < w.size(); ++i) {
        const size_t j = i % 16, k = i / 16;
        const uint8_t byte = q[k / static_cast<size_t>(per_row) * 16 + j];
        int v = bits == 4 ? (k % 2 == 0 ? byte & 15 : byte >> 4) : byte;
        if (is_signed) v = static_cast<int8_t>(byte);
        ASSERT_EQ(w[i], (static_cast<float>(v) - strip.zero[j]) * strip.scale[j])
            << bits << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, IntegerStripTest, ::testing::ValuesIn(UsableIsas()), NameOfIsa);

}  // namespace
}  // namespace mosaic
