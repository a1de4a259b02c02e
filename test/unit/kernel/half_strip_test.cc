// Strips of float16 as float32: every number there is, on every instruction set.
#include "core/kernel/half_strip.h"

#include <gtest/gtest.h>

#include "core/util/dtype.h"
#include "kernel/isa_test.h"

namespace mosaic {
namespace {

TEST(HalfStrip, EveryNumber) {
  constexpr int64_t kRows = 65536 / 32;
  std::vector<uint16_t> pairs(65536);
  for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = static_cast<uint16_t>(i * 40503);
  for (Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    std::vector<float> out(65536 + 1, kCanary);
    WidenHalfStrip(pairs.data(), kRows, out.data());
    for (int64_t k = 0; k < 2 * kRows; ++k) {
      for (int64_t c = 0; c < 16; ++c) {
        const float expected =
            Float16ToFloat(pairs[static_cast<size_t>(k / 2 * 32 + 2 * c + k % 2)]);
        const float found = out[static_cast<size_t>(k * 16 + c)];
        if (std::isnan(expected)) {
          EXPECT_TRUE(std::isnan(found));
        } else {
          ASSERT_EQ(std::memcmp(&expected, &found, sizeof(float)), 0)
              << IsaName(isa) << " " << expected << " " << found;
        }
      }
    }
    EXPECT_EQ(out.back(), kCanary);
  }
}

}  // namespace
}  // namespace mosaic
