// MatMulNBits with stored weights: read block by block, however many rows a block has and whatever
// shape the weights are given in, it gives what the array gives, and that is what is defined.
// Scales and zero points that are stored are streams like the weights.
#include <cmath>

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

struct Product {
  int64_t rows, k, n, bits, block;
  int height;
  Shape weights;  // of as many bytes
  int zeros = MOSAIC_UNDEFINED;  // type of the zero points; none
};

void ExpectAsArray(const Product& p) {
  SCOPED_TRACE(std::to_string(p.k) + " x " + std::to_string(p.n));
  std::mt19937 rng(5);
  const int64_t blocks = (p.k + p.block - 1) / p.block, row = blocks * p.block * p.bits / 8;
  std::vector<uint8_t> b(static_cast<size_t>(p.n * row));
  for (uint8_t& v : b) v = static_cast<uint8_t>(rng());
  const std::vector<float> scales = RandomFloats(&rng, p.n * blocks);
  const int64_t zero_row = (blocks * p.bits + 7) / 8;  // packed
  std::vector<uint8_t> packed(static_cast<size_t>(p.n * zero_row));
  for (uint8_t& v : packed) v = static_cast<uint8_t>(rng());
  const std::vector<float> real_zeros = RandomFloats(&rng, p.n * blocks, 9);
  const Array a(MOSAIC_FLOAT, {p.rows, p.k}, RandomFloats(&rng, p.rows * p.k));
  const auto run = [&](bool streamed, int max_blocks) {
    GraphBuilder g;
    g.graph.domains = {{kMicrosoftDomain, 1}};
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, p.k});
    const int tensor = g.store.AddRow("b", p.weights, streamed ? p.weights[0] : p.n * row,
                                      MOSAIC_UINT8, b.data(), p.height);
    const auto part = [&](const Shape& shape, int dtype, const void* elements) {
      const int64_t n = NumElements(shape);
      return streamed ? g.store.AddRow("s", shape, n, dtype, elements, p.height)
                      : g.store.AddInline("s", shape, dtype, elements);
    };
    const int s = part({p.n, blocks}, MOSAIC_FLOAT, scales.data());
    std::vector<int> inputs = {x, g.Constant(tensor), g.Constant(s)};
    int z = -1;
    if (p.zeros != MOSAIC_UNDEFINED) {
      z = p.zeros == MOSAIC_UINT8 ? part({p.n * zero_row}, p.zeros, packed.data())
                                  : part({p.n * blocks}, p.zeros, real_zeros.data());
      inputs.push_back(g.Constant(z));
    }
    g.Output(g.Call("MatMulNBits", inputs,
                    {{"K", p.k}, {"N", p.n}, {"bits", p.bits}, {"block_size", p.block}}));
    g.graph.nodes.back().domain = kMicrosoftDomain;
    const auto model = g.Load();
    const bool table = p.weights.size() > 1;
    const std::vector<int>& streams = model->main().steps[0].streams;
    EXPECT_EQ(streams[1], streamed || !table ? tensor : -1);
    EXPECT_EQ(streams[2], streamed ? s : -1);  // none is copied whole
    if (z >= 0) {
      EXPECT_EQ(streams[3], streamed ? z : -1);
    }
    RunLog log;
    Array y = MustRun(g, *model, {a}, p.rows, max_blocks, &log)[0];
    EXPECT_LE(log.largest_request, max_blocks);
    return y;
  };
  // Without zero points 2 ^ (bits - 1) is one.
  const auto expect_defined = [&](const Array& y) {
    const int64_t group = p.block * p.bits / 8, most = p.bits == 4 ? 15 : 255;
    for (int64_t i = 0; i < p.rows; ++i) {
      for (int64_t j = 0; j < p.n; ++j) {
        double sum = 0, of = 0;
        for (int64_t k = 0; k < p.k; ++k) {
          const int64_t within = k % p.block * p.bits;
          const uint8_t byte = b[static_cast<size_t>(j * row + k / p.block * group + within / 8)];
          const int64_t q = (byte >> within % 8) & most, at = k / p.block;
          double zero = static_cast<double>((most + 1) / 2);
          if (p.zeros == MOSAIC_UINT8) {
            zero = packed[static_cast<size_t>(j * zero_row + at * p.bits / 8)] >> at * p.bits % 8 &
                   most;
          } else if (p.zeros == MOSAIC_FLOAT) {
            zero = static_cast<double>(real_zeros[static_cast<size_t>(j * blocks + at)]);
          }
          const double w =
              (static_cast<double>(q) - zero) *
              static_cast<double>(scales[static_cast<size_t>(j * blocks + k / p.block)]);
          const double product = static_cast<double>(a.data<float>()[i * p.k + k]) * w;
          sum += product, of += std::fabs(product);
        }
        ASSERT_NEAR(static_cast<double>(y.data<float>()[i * p.n + j]), sum, 4e-6 * of);
      }
    }
  };
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    const Array dense = run(false, 1000);
    expect_defined(dense);
    for (const int max_blocks : {1, 3, 7, 1000}) {
      EXPECT_TRUE(run(true, max_blocks) == dense) << IsaName(isa) << ", " << max_blocks;
    }
  }
}

TEST(MatMulNBits, BlocksAreAsTheArray) {
  ExpectAsArray({1, 700, 75, 4, 32, 63, {75, 22, 16}});    // some rows a block
  ExpectAsArray({13, 4500, 35, 8, 64, 31, {35, 71, 64}});  // panels, two pieces of k
  ExpectAsArray({3, 33, 130, 4, 16, 126, {130, 3, 8}});    // more rows a block than a strip has
  ExpectAsArray({5, 31, 17, 4, 16, 31, {34, 8}});          // rows of other lengths than columns
  ExpectAsArray({2, 64, 20, 8, 64, 31, {20 * 64}});        // bytes one by one
  ExpectAsArray({2, 700, 75, 4, 32, 63, {75, 22, 16}, MOSAIC_UINT8});  // an even number, half bytes
  ExpectAsArray({2, 300, 40, 4, 16, 31, {40, 19, 8}, MOSAIC_UINT8});   // odd
  ExpectAsArray({1, 600, 35, 8, 16, 31, {35, 38, 16}, MOSAIC_UINT8});
  ExpectAsArray({3, 200, 75, 4, 16, 63, {75, 13, 8}, MOSAIC_FLOAT});
  ExpectAsArray({1, 8192, 150, 4, 16, 31, {150, 512, 8}, MOSAIC_UINT8});  // three groups of columns
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
