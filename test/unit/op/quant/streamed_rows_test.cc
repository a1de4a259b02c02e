// MatMulNBits with stored weights: read block by block, however many rows a block has and whatever
// shape the weights are given in, it gives what the array gives; nothing is read that is not used.
#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

struct Product {
  int64_t rows, k, n, bits, block;
  int height;
  Shape weights;  // of as many bytes
};

void ExpectAsArray(const Product& p) {
  SCOPED_TRACE(std::to_string(p.k) + " x " + std::to_string(p.n));
  std::mt19937 rng(5);
  const int64_t blocks = (p.k + p.block - 1) / p.block, row = blocks * p.block * p.bits / 8;
  std::vector<uint8_t> b(static_cast<size_t>(p.n * row));
  for (uint8_t& v : b) v = static_cast<uint8_t>(rng());
  const std::vector<float> scales = RandomFloats(&rng, p.n * blocks);
  const Array a(MOSAIC_FLOAT, {p.rows, p.k}, RandomFloats(&rng, p.rows * p.k));
  const auto run = [&](bool streamed, int max_blocks) {
    GraphBuilder g;
    g.graph.domains = {{kMicrosoftDomain, 1}};
    const int x = g.Input("x", MOSAIC_FLOAT, {kSymbolic, p.k});
    const int tensor = g.store.AddRow("b", p.weights, streamed ? p.weights[0] : p.n * row,
                                      MOSAIC_UINT8, b.data(), p.height);
    const int s = g.Constant(g.store.AddInline("s", {p.n * blocks}, MOSAIC_FLOAT, scales.data()));
    g.Output(g.Call("MatMulNBits", {x, g.Constant(tensor), s},
                    {{"K", p.k}, {"N", p.n}, {"bits", p.bits}, {"block_size", p.block}}));
    g.graph.nodes.back().domain = kMicrosoftDomain;
    const auto model = g.Load();
    const bool table = p.weights.size() > 1;
    EXPECT_EQ(model->main().steps[0].streams[1], streamed || !table ? tensor : -1);
    RunLog log;
    Array y = MustRun(g, *model, {a}, p.rows, max_blocks, &log)[0];
    EXPECT_LE(log.largest_request, max_blocks);
    return y;
  };
  const Array want = run(false, 1000);
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    const Array dense = run(false, 1000);
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
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
