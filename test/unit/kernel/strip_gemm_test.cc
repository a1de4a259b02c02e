// The reference kernel against its contract: values by Eigen, bits by the order of summation.
#include "core/kernel/strip_gemm.h"

#include <Eigen/Core>

#include "run/fake_store.h"

namespace mosaic {
namespace testing {
namespace {

struct Problem {
  int64_t n, k, m;
  Blocking b;
  std::vector<float> a, w, bias;
  std::vector<std::vector<char>> payloads;
  std::vector<const void*> blocks;

  Problem(std::mt19937* rng, int64_t rows, int64_t depth, int64_t cols, int height)
      : n(rows), k(depth), m(cols), b(PlanStrip(k, m, height)) {
    a = RandomFloats(rng, n * k);
    w = RandomFloats(rng, k * m);
    bias = RandomFloats(rng, m);
    payloads.resize(static_cast<size_t>(b.blocks()));
    for (int64_t r = 0; r < b.row_blocks(); ++r) {
      for (int64_t c = 0; c < b.col_blocks(); ++c) {
        auto& p = payloads[static_cast<size_t>(b.Index(r, c))];
        p.resize(b.payload_bytes() + 32);
        char* at = p.data() + (32 - reinterpret_cast<uintptr_t>(p.data()) % 32) % 32;
        PackBlock(b, r, c, w.data(), 0, m, 1, at);
      }
    }
    for (auto& p : payloads) {
      blocks.push_back(p.data() + (32 - reinterpret_cast<uintptr_t>(p.data()) % 32) % 32);
    }
  }

  StripGemmArgs Args(float* c) const {
    StripGemmArgs g;
    g.a = a.data();
    g.lda = k;
    g.n = n;
    g.blocks = blocks.data();
    g.strips = b.col_blocks();
    g.row_blocks = b.row_blocks();
    g.block_rows = b.block_rows;
    g.k = k;
    g.c = c;
    g.ldc = m;
    g.m = m;
    g.bias = bias.data();
    return g;
  }
};

// The contract, written down: one accumulator per element, ascending k, bias last.
std::vector<float> InOrder(const Problem& p) {
  std::vector<float> c(static_cast<size_t>(p.n * p.m));
  for (int64_t i = 0; i < p.n; ++i) {
    for (int64_t j = 0; j < p.m; ++j) {
      volatile float sum = 0;
      for (int64_t l = 0; l < p.k; ++l) {
        const volatile float product =
            p.a[static_cast<size_t>(i * p.k + l)] * p.w[static_cast<size_t>(l * p.m + j)];
        sum = sum + product;
      }
      const float v = sum + p.bias[static_cast<size_t>(j)];
      c[static_cast<size_t>(i * p.m + j)] = v < 0 ? 0 : v;
    }
  }
  return c;
}

TEST(StripGemmReference, SumsInTheOrderOfTheContract) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  for (int round = 0; round < 60; ++round) {
    auto pick = [&](int64_t hi) { return std::uniform_int_distribution<int64_t>(1, hi)(rng); };
    const Problem p(&rng, pick(9), pick(300), pick(80), round % 2 ? 126 : 31);
    const std::vector<float> want = InOrder(p);
    // One call; rows alone; every block a call of its own.
    std::vector<float> whole(want.size() + 1, 77), rows = whole, pieces = whole;
    StripGemmArgs g = p.Args(whole.data());
    g.activation = Activation::kRelu;
    StripGemmReference(g);
    for (int64_t i = 0; i < p.n; ++i) {
      StripGemmArgs one = g;
      one.n = 1;
      one.a += i * p.k;
      one.c = rows.data() + i * p.m;
      StripGemmReference(one);
    }
    for (int64_t s = 0; s < g.strips; ++s) {
      for (int64_t b = 0; b < g.row_blocks; ++b) {
        StripGemmArgs one = g;
        one.a += b * g.block_rows;
        one.blocks += s * g.row_blocks + b;
        one.strips = one.row_blocks = 1;
        one.k = std::min<int64_t>(g.block_rows, g.k - b * g.block_rows);
        one.c = pieces.data() + s * 16;
        one.m = std::min<int64_t>(16, g.m - s * 16);
        one.bias += s * 16;
        one.first = b == 0;
        one.last = b + 1 == g.row_blocks;
        StripGemmReference(one);
      }
    }
    for (const std::vector<float>* got : {&whole, &rows, &pieces}) {
      ASSERT_EQ(0, std::memcmp(got->data(), want.data(), want.size() * 4));
      ASSERT_EQ(got->back(), 77);  // nothing is written behind C
    }
  }
}

TEST(StripGemmReference, AgreesWithEigenAndLeavesOtherColumns) {
  MOSAIC_PRINT_SEED();
  std::mt19937 rng(Seed());
  const Problem p(&rng, 5, 200, 21, 63);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Rows want =
      Eigen::Map<const Rows>(p.a.data(), p.n, p.k) * Eigen::Map<const Rows>(p.w.data(), p.k, p.m);
  std::vector<float> c(static_cast<size_t>(p.n) * 30, 77);
  StripGemmArgs g = p.Args(c.data());
  g.ldc = 30;
  g.bias = nullptr;
  StripGemmReference(g);
  for (int64_t i = 0; i < p.n; ++i) {
    for (int64_t j = 0; j < 30; ++j) {
      const float got = c[static_cast<size_t>(i * 30 + j)];
      if (j < p.m) {
        ASSERT_NEAR(got, want(i, j), 1e-4);
      } else {
        ASSERT_EQ(got, 77);
      }
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace mosaic
