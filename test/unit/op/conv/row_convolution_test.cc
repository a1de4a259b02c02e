// Convolutions row by row: each output is the sum of its products in ascending (taps, channels),
// to the bit, however the blocks of a strip are handed in.
#include "core/op/conv/row_convolution.h"

#include "kernel/isa_test.h"
#include "op/conv/convolution_sums.h"

namespace mosaic {
namespace {

void ExpectTheSums(const ConvolutionKind& kind, uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  const auto floats = [&](int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& f : v) f = static_cast<float>(static_cast<int>(rng() % 2001) - 1000) / 700;
    return v;
  };
  const Window w = WindowOf(kind);
  const int64_t k = kind.channels * w.taps(), m = kind.filters;
  const Blocking strips = PlanStrip(k, m, 31);
  ASSERT_TRUE(RowConvolution::Fits(w, kind.channels, strips));
  // Only what the input has may be read of it.
  const std::vector<float> x = floats(kind.channels * w.inputs()), kernels = floats(k * m);
  std::vector<std::vector<char>> payloads;
  for (int64_t s = 0; s < strips.col_blocks(); ++s) {
    for (int64_t b = 0; b < strips.row_blocks(); ++b) {
      payloads.emplace_back(strips.payload_bytes());
      PackBlock(strips, b, s, kernels.data(), 0, m, 1, payloads.back().data());
    }
  }
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    const bool fused = isa >= Isa::kAvx2;
    const RowConvolution r(w, kind.channels, strips);
    std::vector<float> met(static_cast<size_t>(r.met_floats()), kNaN);
    std::vector<float> sums(static_cast<size_t>(r.sums()), kNaN);
    std::vector<int32_t> offsets(static_cast<size_t>(r.offsets()), -1);
    const RowConvolution::Memory memory = {met.data(), offsets.data(), sums.data()};
    std::vector<float> y(static_cast<size_t>(m * w.outputs()) + 1, kCanary);
    int64_t written = 0;
    for (int64_t part = 0; part < r.parts(); ++part) {
      r.Meet(x.data(), part, memory);
      for (int64_t s = 0; s < strips.col_blocks(); ++s) {
        for (int64_t b = 0; b < strips.row_blocks();) {
          const int64_t n =
              std::min<int64_t>(1 + static_cast<int64_t>(rng() % 3), strips.row_blocks() - b);
          std::vector<int32_t> indexes;
          r.Blocks(s * strips.row_blocks() + b, s * strips.row_blocks() + b + n, &indexes);
          std::vector<const void*> blocks;
          for (int32_t i : indexes) blocks.push_back(payloads[static_cast<size_t>(i)].data());
          r.Multiply(x.data(), part, b, n, r.Filters(s), blocks.data(), memory);
          b += n;
        }
        for (int64_t f = 0; f < std::min<int64_t>(16, m - 16 * s); ++f) {
          int64_t n = 0;
          float* plane = y.data() + (16 * s + f) * w.outputs();
          r.Finish(part, f, {0.25F, nullptr, false}, memory, plane, &n);
          written += n;
        }
      }
    }
    ASSERT_EQ(written, m * w.outputs());
    ASSERT_EQ(y.back(), kCanary);
    for (int64_t i = 0; i < m * w.outputs(); ++i) {
      const int64_t f = i / w.outputs(), at = i % w.outputs();
      const float want =
          SumOf(w, kind.channels, x, kernels.data() + f, m, at / w.out[2], at % w.out[2], fused) +
          0.25F;
      ASSERT_EQ(y[static_cast<size_t>(i)], want) << IsaName(isa) << ", " << f << ", " << at;
    }
  }
}

TEST(RowConvolution, EverySumIsItsProductsInOrder) {
  ExpectTheSums({9, 13, 3, 20, 3, 3, 1, 1, 1}, 1);
  ExpectTheSums({20, 50, 2, 7, 3, 5, 2, 1, 2}, 2);   // rows apart by their remainder
  ExpectTheSums({17, 19, 4, 16, 3, 3, 1, 4, 4}, 3);  // taps far apart
  ExpectTheSums({23, 7, 5, 33, 2, 2, 3, 2, 0}, 4);
  ExpectTheSums({1, 200, 3, 16, 1, 9, 1, 1, 4}, 5);    // one dimension
  ExpectTheSums({60, 90, 32, 17, 3, 3, 1, 1, 1}, 6);   // several parts
  ExpectTheSums({31, 40, 8, 20, 3, 3, 2, 1, 1}, 10);   // rows of two remainders are one
  ExpectTheSums({30, 41, 80, 9, 2, 3, 2, 18, 0}, 11);  // much lies between rows
  ExpectTheSums({29, 33, 6, 12, 1, 1, 2, 1, 0}, 12);   // remainders that no tap meets
  ExpectTheSums({29, 33, 6, 12, 2, 2, 5, 1, 0}, 13);
}

TEST(RowConvolution, OneTapReadsThePlanes) {
  ExpectTheSums({5, 7, 6, 20, 1, 1, 1, 1, 0}, 7);
  ExpectTheSums({1, 3, 40, 5, 1, 1, 1, 1, 0}, 8);
  ExpectTheSums({64, 64, 70, 16, 1, 1, 1, 1, 0}, 9);  // several parts
}

}  // namespace
}  // namespace mosaic
