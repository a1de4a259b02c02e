// The blocks of a tensor do not depend on the window through which it is read.
#include "core/import/block_cutter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "import/onnx_builder.h"

namespace mosaic {
namespace {

using onnx_test::Numbers;
using onnx_test::Raw;

std::map<int64_t, std::string> Cut(const GraphTensor& t, const Layout& l, int64_t window) {
  BlockCutter cutter(t, l, window);
  std::map<int64_t, std::string> blocks;
  MosaicBlock b;
  for (bool more = true;;) {
    EXPECT_TRUE(cutter.Next(&b, &more).ok());
    if (!more) break;
    const std::string hash(reinterpret_cast<const char*>(b.hash), 16);
    const std::string payload(static_cast<const char*>(b.payload), b.length);
    EXPECT_TRUE(blocks.emplace(b.index, hash + payload).second) << "block " << b.index << " twice";
  }
  return blocks;
}

TEST(BlockCutter, AnyWindowGivesTheSameBlocks) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  for (int i = 0; i < 60 && !HasFailure(); ++i) {
    const int64_t d0 = 1 + rng() % 900, d1 = 1 + rng() % (i % 3 == 0 ? 3000 : 200);
    GraphTensor t;
    t.name = "t";
    t.dtype = MOSAIC_FLOAT;
    t.dims = {d0, d1};
    t.elements = d0 * d1;
    const std::vector<float> v = Numbers(static_cast<size_t>(t.elements));
    t.data = DataInMemory(MOSAIC_FLOAT, Raw(v));
    const int height = i % 2 == 0 ? 126 : 31;
    Layout l;
    l.layout = i % 4 == 3 ? MOSAIC_LAYOUT_ROW : MOSAIC_LAYOUT_STRIP;
    l.transposed = l.layout == MOSAIC_LAYOUT_STRIP && rng() % 2 == 0;
    const int stored = i / 2 % 2 == 0 ? MOSAIC_FLOAT : MOSAIC_BFLOAT16;
    l.blocking = l.layout == MOSAIC_LAYOUT_ROW ? PlanRow(stored, d0, d1, height)
                 : l.transposed                ? PlanStrip(d1, d0, height, stored)
                                               : PlanStrip(d0, d1, height, stored);
    SCOPED_TRACE(std::to_string(d0) + " x " + std::to_string(d1) + " layout " +
                 std::to_string(l.layout) + (l.transposed ? " transposed" : ""));
    // The oracle: every block straight from the dense tensor.
    const Blocking& b = l.blocking;
    std::vector<uint16_t> rounded(v.size());
    std::transform(v.begin(), v.end(), rounded.begin(), FloatToBFloat16);
    const void* dense =
        stored == MOSAIC_FLOAT ? static_cast<const void*>(v.data()) : rounded.data();
    std::map<int64_t, std::string> expected;
    for (int64_t r = 0; r < b.row_blocks(); ++r) {
      for (int64_t c = 0; c < b.col_blocks(); ++c) {
        std::string payload(b.payload_bytes(), '\0');
        PackBlock(b, r, c, dense, 0, l.transposed ? 1 : d1, l.transposed ? d1 : 1, payload.data());
        expected[b.Index(r, c)] = payload;
      }
    }
    for (int64_t window :
         {int64_t{1}, int64_t{9000}, int64_t{40000}, int64_t{300000}, int64_t{4} << 20}) {
      const auto blocks = Cut(t, l, window);
      ASSERT_EQ(blocks.size(), expected.size()) << "window " << window;
      for (const auto& [index, block] : blocks) {
        ASSERT_EQ(block.substr(16), expected[index]) << "window " << window << " block " << index;
      }
    }
  }
}

}  // namespace
}  // namespace mosaic
