// MatMulInteger and QLinearMatMul with a stored B: read block by block they give what the array
// gives, on every instruction set.
#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

struct Product {
  int64_t n, k, m;
  int height, dtype;
  bool transposed;
};

void ExpectAsDense(const Product& p) {
  SCOPED_TRACE(std::to_string(p.n) + " x " + std::to_string(p.k) + " x " + std::to_string(p.m));
  std::mt19937 rng(5);
  const auto bytes = [&](int64_t count) {
    std::vector<uint8_t> v(static_cast<size_t>(count));
    for (uint8_t& x : v) x = static_cast<uint8_t>(rng());
    return v;
  };
  const Array a(MOSAIC_UINT8, {p.n, p.k}, bytes(p.n * p.k));
  const std::vector<uint8_t> b = bytes(p.k * p.m), zeros = bytes(p.m), zero = {131};
  const auto run = [&](bool streamed, int max_blocks) {
    GraphBuilder g;
    const int x = g.Input("x", MOSAIC_UINT8, {kSymbolic, p.k});
    const Shape shape = p.transposed ? Shape{p.m, p.k} : Shape{p.k, p.m};
    const int tensor = streamed
                           ? g.store.AddByteStrip("b", p.k, p.m, b, p.transposed, p.height, p.dtype)
                           : g.store.AddRow("b", shape, p.k * p.m, p.dtype, b.data());
    const int az = g.Constant(g.store.AddInline("az", {}, MOSAIC_UINT8, zero.data()));
    const int bz = g.Constant(g.store.AddInline("bz", {p.m}, p.dtype, zeros.data()));
    g.Output(g.Call("MatMulInteger", {x, g.Constant(tensor), az, bz},
                    {{"transB", int64_t{p.transposed}}}));
    const auto model = g.Load();
    const int stream = model->main().steps[0].streams[1];
    EXPECT_EQ(stream, streamed ? tensor : -1);
    RunLog log;
    Array y = MustRun(g, *model, {a}, p.n, max_blocks, &log)[0];
    EXPECT_LE(log.largest_request, max_blocks);
    return y;
  };
  const Array want = run(false, 1000);
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    for (const int max_blocks : {1, 3, 7, 1000}) {
      EXPECT_TRUE(run(true, max_blocks) == want) << IsaName(isa) << ", " << max_blocks;
    }
  }
}

TEST(MatMulInteger, BlocksAreAsTheArray) {
  ExpectAsDense({1, 700, 75, 63, MOSAIC_INT8, false});
  ExpectAsDense({13, 701, 75, 63, MOSAIC_UINT8, false});
  ExpectAsDense({500, 253, 64, 63, MOSAIC_INT8, true});
  ExpectAsDense({35, 1031, 130, 126, MOSAIC_UINT8, true});
  ExpectAsDense({961, 3, 17, 31, MOSAIC_INT8, false});
}

// Scales and zero points for each column of B; A of one row or a vector, too.
void ExpectQuantisedAsDense(const Product& p, bool vector) {
  SCOPED_TRACE(std::to_string(p.n) + " x " + std::to_string(p.k) + " x " + std::to_string(p.m));
  std::mt19937 rng(6);
  const auto bytes = [&](int64_t count) {
    std::vector<uint8_t> v(static_cast<size_t>(count));
    for (uint8_t& x : v) x = static_cast<uint8_t>(rng());
    return v;
  };
  const Array a(MOSAIC_INT8, vector ? Shape{p.k} : Shape{p.n, p.k}, bytes(p.n * p.k));
  const std::vector<uint8_t> b = bytes(p.k * p.m), zeros = bytes(p.m), zero = {31};
  std::vector<float> scales = RandomFloats(&rng, p.m), scale = {0.02F};
  const auto run = [&](bool streamed, int max_blocks) {
    GraphBuilder g;
    const auto constant = [&](const Shape& shape, int dtype, const void* elements) {
      return g.Constant(g.store.AddInline("c", shape, dtype, elements));
    };
    const int x = g.Input("x", MOSAIC_INT8, vector ? Shape{p.k} : Shape{kSymbolic, p.k});
    const int tensor = streamed ? g.store.AddByteStrip("b", p.k, p.m, b, false, p.height, p.dtype)
                                : g.store.AddRow("b", {p.k, p.m}, p.k * p.m, p.dtype, b.data());
    g.Output(
        g.Call("QLinearMatMul",
               {x, constant({}, MOSAIC_FLOAT, scale.data()), constant({}, MOSAIC_INT8, zero.data()),
                g.Constant(tensor), constant({p.m}, MOSAIC_FLOAT, scales.data()),
                constant({p.m}, p.dtype, zeros.data()), constant({}, MOSAIC_FLOAT, scale.data()),
                constant({}, MOSAIC_UINT8, zero.data())}));
    const auto model = g.Load();
    EXPECT_EQ(model->main().steps[0].streams[3], streamed ? tensor : -1);
    RunLog log;
    Array y = MustRun(g, *model, {a}, vector ? 1 : p.n, max_blocks, &log)[0];
    EXPECT_LE(log.largest_request, max_blocks);
    return y;
  };
  const Array want = run(false, 1000);
  EXPECT_EQ(want.shape, vector ? Shape{p.m} : (Shape{p.n, p.m}));
  for (const Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    for (const int max_blocks : {1, 7, 1000}) {
      EXPECT_TRUE(run(true, max_blocks) == want) << IsaName(isa) << ", " << max_blocks;
    }
  }
}

TEST(QLinearMatMul, BlocksAreAsTheArray) {
  ExpectQuantisedAsDense({1, 700, 75, 63, MOSAIC_INT8, false}, true);
  ExpectQuantisedAsDense({1, 701, 75, 63, MOSAIC_INT8, false}, false);
  ExpectQuantisedAsDense({13, 253, 130, 63, MOSAIC_UINT8, false}, false);
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
