// Convolutions by panels of pixels: each output is the sum of its products in ascending (taps,
// channels), to the bit, however the blocks of a strip are handed in and panels span rows.
#include "core/op/conv/panel_convolution.h"

#include "kernel/isa_test.h"
#include "op/conv/convolution_sums.h"

namespace mosaic {
namespace {

std::vector<float> Floats(int64_t n, std::mt19937* rng) {
  std::vector<float> v(static_cast<size_t>(n));
  for (float& f : v) f = static_cast<float>(static_cast<int>((*rng)() % 2001) - 1000) / 700;
  return v;
}

struct Operands {
  Operands(const Window& w, const ConvolutionKind& kind, int block_rows, uint32_t seed)
      : rng(seed),
        strips(PlanStrip(kind.channels * w.taps(), kind.filters, block_rows)),
        x(Floats(kind.channels * w.inputs(), &rng)),
        kernels(Floats(strips.rows * strips.cols, &rng)),
        bias(Floats(strips.cols, &rng)),
        added(Floats(strips.cols * w.outputs(), &rng)) {
    for (int64_t s = 0; s < strips.col_blocks(); ++s) {
      for (int64_t b = 0; b < strips.row_blocks(); ++b) {
        payloads.emplace_back(strips.payload_bytes());
        PackBlock(strips, b, s, kernels.data(), 0, strips.cols, 1, payloads.back().data());
      }
    }
  }
  std::mt19937 rng;
  Blocking strips;
  std::vector<float> x, kernels, bias, added;
  std::vector<std::vector<char>> payloads;
};

// All of the output, with bias, addition and Relu.
std::vector<float> Computed(const PanelConvolution& r, const Window& w, Operands* o) {
  const Blocking& strips = o->strips;
  std::vector<float> met(static_cast<size_t>(r.met_floats()), kNaN);
  std::vector<float> panels(static_cast<size_t>(r.panel_floats()), kNaN);
  std::vector<float> sums(static_cast<size_t>(r.sums()), kNaN);
  std::vector<int32_t> offsets(static_cast<size_t>(r.offsets()), -1);
  std::vector<float> y(static_cast<size_t>(strips.cols * w.outputs()) + 1, kCanary);
  r.Offsets(offsets.data());
  int64_t band = -1;
  for (const PanelConvolution::Part& part : r.parts()) {
    if (r.copies() && part.band != band) r.Meet(o->x.data(), part.band, met.data());
    band = part.band;
    for (int64_t i = 0; i < part.panels(); ++i) {
      r.Pack(r.copies() ? met.data() : o->x.data(), offsets.data(), part, i, panels.data());
    }
    for (int64_t s = 0; s < strips.col_blocks(); ++s) {
      const int64_t plane = 16 * s * w.outputs();
      const PanelFinish how = {o->bias.data() + 16 * s, o->added.data() + plane, true,
                               y.data() + plane, w.outputs()};
      for (int64_t b = 0; b < strips.row_blocks();) {
        const int64_t left = strips.row_blocks() - b;
        const int64_t n = std::min<int64_t>(1 + static_cast<int64_t>(o->rng() % 9), left);
        std::vector<int32_t> indexes;
        r.Blocks(s * strips.row_blocks() + b, (s + 1) * strips.row_blocks(), &indexes);
        std::vector<const void*> blocks;
        for (int32_t i : indexes) blocks.push_back(o->payloads[static_cast<size_t>(i)].data());
        r.Multiply(part, s, b, n, left, blocks.data(), panels.data(), sums.data(), how);
        b += n;
      }
    }
  }
  return y;
}

void ExpectTheSums(const ConvolutionKind& kind, uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Window w = WindowOf(kind);
  Operands o(w, kind, 31, seed);
  ASSERT_TRUE(PanelConvolution::Fits(w, kind.channels, o.strips));
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    const PanelConvolution r(w, kind.channels, o.strips);
    const std::vector<float> y = Computed(r, w, &o);
    ASSERT_EQ(y.back(), kCanary);
    for (int64_t i = 0; i < kind.filters * w.outputs(); ++i) {
      const int64_t f = i / w.outputs(), at = i % w.outputs();
      const float sum = SumOf(w, kind.channels, o.x, o.kernels.data() + f, kind.filters,
                              at / w.out[2], at % w.out[2], isa >= Isa::kAvx2);
      const float want =
          std::max(0.0F, sum + o.bias[static_cast<size_t>(f)] + o.added[static_cast<size_t>(i)]);
      ASSERT_EQ(y[static_cast<size_t>(i)], want) << IsaName(isa) << ", " << f << ", " << at;
    }
  }
}

TEST(PanelConvolution, EverySumIsItsProductsInOrder) {
  ExpectTheSums({9, 13, 3, 20, 3, 3, 1, 1, 1}, 1);
  ExpectTheSums({20, 50, 2, 23, 3, 5, 2, 1, 2}, 2);  // rows apart by their remainder
  ExpectTheSums({17, 19, 4, 32, 3, 3, 1, 4, 4}, 3);  // taps far apart
  ExpectTheSums({23, 7, 5, 33, 2, 2, 3, 2, 3}, 4);
  ExpectTheSums({1, 200, 3, 18, 1, 9, 1, 1, 4}, 5);    // one dimension
  ExpectTheSums({40, 40, 200, 17, 3, 3, 1, 1, 1}, 6);  // several bands, with parts
  ExpectTheSums({7, 7, 70, 29, 3, 3, 1, 1, 1}, 7);     // a panel spans three rows
  ExpectTheSums({4, 4, 9, 22, 3, 3, 1, 1, 1}, 8);
  ExpectTheSums({29, 33, 6, 20, 1, 1, 2, 1, 0}, 12);  // remainders that no tap meets
  ExpectTheSums({29, 33, 6, 20, 2, 2, 5, 1, 0}, 13);
}

TEST(PanelConvolution, OneTapReadsThePlanes) {
  ExpectTheSums({5, 7, 6, 20, 1, 1, 1, 1, 0}, 9);
  ExpectTheSums({1, 3, 40, 28, 1, 1, 1, 1, 0}, 10);
  ExpectTheSums({64, 64, 270, 26, 1, 1, 1, 1, 0}, 11);  // several parts
}

// The last pixels of a part and the last filters go by tiles of their own.
TEST(PanelConvolution, AnyPixelsAndFilters) {
  for (int64_t i = 1; i <= 16; ++i) {
    ExpectTheSums({1, i + 4, 5, 16 + i, 1, 2, 1, 1, 0}, static_cast<uint32_t>(20 + i));
  }
}

TEST(PanelConvolution, IsForWhatPaysForPacking) {
  const auto fits = [](const ConvolutionKind& kind) {
    return PanelConvolution::Fits(
        WindowOf(kind), kind.channels,
        PlanStrip(kind.channels * kind.kernel_h * kind.kernel_w, kind.filters, 31));
  };
  EXPECT_TRUE(fits({8, 8, 4, 17, 3, 3, 1, 1, 1}));
  EXPECT_FALSE(fits({8, 8, 4, 16, 3, 3, 1, 1, 1}));        // few filters
  EXPECT_FALSE(fits({64, 3, 4, 32, 3, 3, 1, 1, 1}));       // a panel would have many runs
  EXPECT_FALSE(fits({8, 8, 40000, 32, 1, 1, 1, 1, 0}));    // a panel would be too large
  EXPECT_FALSE(fits({1, 9000000, 1, 32, 1, 3, 1, 1, 1}));  // too many parts
}

}  // namespace
}  // namespace mosaic
