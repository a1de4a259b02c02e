// Products with strips of float16 have the bits of those with the same numbers in float32.
#include <gtest/gtest.h>

#include "kernel/isa_test.h"
#include "run/fake_store.h"

namespace mosaic {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

TEST(HalfProduct, BitsOfFloat32) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (Isa isa : UsableIsas()) {
    const WithIsa with(isa);
    for (const auto& [k, m, height] : {std::tuple<int64_t, int64_t, int>{1, 1, 126},
                                       {7, 16, 31},
                                       {300, 130, 63},
                                       {1001, 130, 31},
                                       {3000, 17, 126}}) {
      std::vector<float> w = RandomFloats(&rng, k * m, 3);
      for (float& x : w) x = Float16ToFloat(FloatToFloat16(x));
      for (const bool transposed : {false, true}) {
        GraphBuilder wide, half;
        for (GraphBuilder* g : {&wide, &half}) {
          const int x = g->Input("x", MOSAIC_FLOAT, {kSymbolic, k});
          const int stored = g == &half ? MOSAIC_FLOAT16 : MOSAIC_FLOAT;
          const int t = g->store.AddStrip("w", k, m, w, transposed, height, MOSAIC_FLOAT, stored);
          const std::vector<Attribute> turned = {{"transB", int64_t{transposed}}};
          g->Output(g->Call("Gemm", {x, g->Constant(t)}, turned));
        }
        const auto wide_model = wide.Load(), half_model = half.Load();
        for (const int64_t n : {1, 3, 20}) {
          const Array x = Floats({n, k}, RandomFloats(&rng, n * k));
          const std::vector<Array> expected = MustRun(wide, *wide_model, {x}, n);
          for (const int max_blocks : {1000, 5}) {
            EXPECT_TRUE(MustRun(half, *half_model, {x}, n, max_blocks) == expected)
                << IsaName(isa) << " " << n << " x " << k << " x " << m
                << (transposed ? " transposed" : "");
          }
          EXPECT_TRUE(RunAlone(half, *half_model, {x}, n) == expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace mosaic
