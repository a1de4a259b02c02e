// The fast kernels on every instruction set that this CPU has, with weights of both types. The main
// oracle is exact: one accumulator per element and ascending k (of bfloat16 in pairs, the second
// first), with std::fma where the instruction set fuses, over the operands as they are multiplied.
#include "core/kernel/fast/strip_gemm_fast.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernel/fast/isa.h"
#include "core/util/dtype.h"
#include "kernel/amx_emulation.h"
#include "mosaic/page_format.h"

namespace mosaic {
namespace {

constexpr int64_t kCols = MOSAIC_STRIP_COLS;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kCanary = -12345.0f;

using Rng = std::mt19937;

int64_t Uniform(Rng& rng, int64_t lo, int64_t hi) {
  return std::uniform_int_distribution<int64_t>(lo, hi)(rng);
}

// How a kernel adds a product.
struct Arithmetic {
  bool fuses;
  bool flushes;  // subnormal numbers to 0
  bool tiles;    // adds up the even and the odd k of a tile first
};

// A kernel under test: that of an instruction set, or AMX's with emulated instructions.
struct Kernel {
  Isa isa;
  bool emulated;
  int dtype;
};

bool emulate = false;

void Gemm(const StripGemmArgs& g) {
  if (!emulate) return StripGemmFast(g);
  if (g.n <= 0 || g.m <= 0) return;
  AmxGemm<EmulatedTiles>(g, Isa::kGeneric).Run();
  EXPECT_FALSE(EmulatedTiles::configured());
}

// C = act(A * W + bias), with W in blocks that lie apart, each 32-byte aligned.
struct Problem {
  int dtype;
  int64_t n, k, m, lda, ldc;
  int block_rows;
  std::vector<float> a, w, bias;  // w: dense, k x m
  std::vector<std::vector<float>> memory;
  std::vector<const void*> blocks;  // strip-major
  int64_t row_blocks;
  int64_t working_set;  // chooses the schedule for weights in caches or in memory

  // height: of a block, in rows of 64 bytes.
  Problem(Rng& rng, int64_t rows, int64_t depth, int64_t cols, int height, int type = MOSAIC_FLOAT)
      : dtype(type),
        n(rows),
        k(depth),
        m(cols),
        block_rows(type == MOSAIC_BFLOAT16 ? 2 * height : height) {
    lda = k + Uniform(rng, 0, 3);
    ldc = m + Uniform(rng, 0, 3);
    std::normal_distribution<float> normal;
    a.assign(static_cast<size_t>(n * lda), kInf);  // beyond k: poison
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < k; ++j) A(i, j) = normal(rng);
    }
    w.resize(static_cast<size_t>(k * m));
    for (float& x : w) x = normal(rng);
    bias.resize(static_cast<size_t>(m));
    for (float& x : bias) x = normal(rng);
    working_set = Uniform(rng, 0, 1) << 30;
    Cut(rng);
  }

  float& A(int64_t i, int64_t j) { return a[static_cast<size_t>(i * lda + j)]; }
  float W(int64_t i, int64_t j) const { return w[static_cast<size_t>(i * m + j)]; }

  // Rounds w to what can be stored, and packs it. Called again after a change of w.
  void Cut(Rng& rng) {
    const bool pairs = dtype == MOSAIC_BFLOAT16;
    for (float& x : w) x = pairs ? BFloat16ToFloat(FloatToBFloat16(x)) : x;
    const int64_t strips = (m + kCols - 1) / kCols;
    row_blocks = (k + block_rows - 1) / block_rows;
    memory.clear();
    blocks.clear();
    for (int64_t s = 0; s < strips; ++s) {
      for (int64_t b = 0; b < row_blocks; ++b) {
        const int64_t floats = block_rows * kCols / (pairs ? 2 : 1);
        memory.emplace_back(static_cast<size_t>(floats + 32), kNaN);  // poison around the block
        float* p = memory.back().data();
        const uintptr_t want = Uniform(rng, 0, 1) ? 0 : 32;
        while (reinterpret_cast<uintptr_t>(p) % 64 != want) ++p;
        for (int64_t r = 0; r < block_rows; ++r) {
          for (int64_t j = 0; j < kCols; ++j) {
            const int64_t row = b * block_rows + r, col = s * kCols + j;
            const float x = row < k && col < m ? W(row, col) : 0.0f;
            if (pairs) {
              reinterpret_cast<uint16_t*>(p)[(r / 2 * kCols + j) * 2 + r % 2] = FloatToBFloat16(x);
            } else {
              p[r * kCols + j] = x;
            }
          }
        }
        blocks.push_back(p);
      }
    }
  }

  StripGemmArgs Args(std::vector<float>* c, Activation f = Activation::kNone) const {
    c->assign(static_cast<size_t>(n * ldc), kCanary);
    StripGemmArgs g;
    g.a = a.data();
    g.lda = lda;
    g.n = n;
    g.dtype = dtype;
    g.blocks = blocks.data();
    g.strips = (m + kCols - 1) / kCols;
    g.row_blocks = row_blocks;
    g.block_rows = block_rows;
    g.k = k;
    g.c = c->data();
    g.ldc = ldc;
    g.m = m;
    g.bias = bias.data();
    g.activation = f;
    g.working_set = working_set;
    return g;
  }

  std::vector<float> Run(Activation f = Activation::kNone) const {
    std::vector<float> c;
    Gemm(Args(&c, f));
    return c;
  }

  // An element of A as it is multiplied.
  float Rounded(int64_t i, int64_t l) const {
    const float x = a[static_cast<size_t>(i * lda + l)];
    return dtype == MOSAIC_BFLOAT16 ? BFloat16ToFloat(FloatToBFloat16(x)) : x;
  }

  // One element's sum; x and y: a row of A and a column of W.
  float Sum(Arithmetic how, const std::vector<float>& x, const std::vector<float>& y) const {
    const int pair = dtype == MOSAIC_BFLOAT16;
    const auto add = [&](float sum, size_t l) {
      if (how.fuses) return Flush(how, std::fma(x[l], y[l], sum));
      const volatile float product = x[l] * y[l];
      return sum + product;
    };
    float sum = 0;
    if (!how.tiles) {
      for (int64_t t = 0; t < k; ++t)
        sum = add(sum, static_cast<size_t>((t ^ pair) < k ? t ^ pair : t));
      return sum;
    }
    const int64_t depth = 2 * AmxTileLines(block_rows / 2);
    for (int64_t b = 0; b < k; b += block_rows) {
      const int64_t end = std::min(k, b + block_rows);
      for (int64_t t = b; t < end; t += depth) {
        float part[2] = {};
        for (int64_t l = t; l < std::min(end, t + depth); ++l) {
          part[l % 2] = add(part[l % 2], static_cast<size_t>(l));
        }
        sum = Flush(how, sum + Flush(how, part[0] + part[1]));
      }
    }
    return sum;
  }

  static float Flush(Arithmetic how, float x) {
    return how.flushes && std::fabs(x) < std::numeric_limits<float>::min() ? 0 * x : x;
  }

  std::vector<float> Exact(Arithmetic how) const {
    std::vector<float> c(static_cast<size_t>(n * ldc), kCanary);
    std::vector<std::vector<float>> columns(static_cast<size_t>(m));
    for (int64_t j = 0; j < m; ++j) {
      for (int64_t l = 0; l < k; ++l) {
        columns[static_cast<size_t>(j)].push_back(Flush(how, W(l, j)));
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      std::vector<float> row;
      for (int64_t l = 0; l < k; ++l) row.push_back(Flush(how, Rounded(i, l)));
      for (int64_t j = 0; j < m; ++j) {
        const float sum = Sum(how, row, columns[static_cast<size_t>(j)]);
        c[static_cast<size_t>(i * ldc + j)] = sum + bias[static_cast<size_t>(j)];
      }
    }
    return c;
  }
};

std::string Describe(const Problem& p) {
  return "n=" + std::to_string(p.n) + " k=" + std::to_string(p.k) + " m=" + std::to_string(p.m) +
         " dtype=" + DTypeName(p.dtype) + " block_rows=" + std::to_string(p.block_rows) +
         " lda=" + std::to_string(p.lda) + " ldc=" + std::to_string(p.ldc) +
         " working_set=" + std::to_string(p.working_set);
}

// Equal to the last bit; any NaN equals any other.
::testing::AssertionResult SameBits(const std::vector<float>& x, const std::vector<float>& y) {
  if (x.size() != y.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) && std::isnan(y[i])) continue;
    if (std::memcmp(&x[i], &y[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << "at " << i << ": " << x[i] << " and " << y[i];
    }
  }
  return ::testing::AssertionSuccess();
}

class StripGemmFastTest : public ::testing::TestWithParam<Kernel> {
 protected:
  static Isa isa() { return GetParam().isa; }
  static int dtype() { return GetParam().dtype; }
  static Arithmetic arithmetic() {
    const bool half = dtype() == MOSAIC_BFLOAT16;
    const bool pairs = half && isa() >= Isa::kAvx512Bf16;  // by instructions that fuse
    return {pairs || Fuses(), pairs, half && isa() == Isa::kAmx};
  }
  void SetUp() override {
    before_ = ActiveIsa(MOSAIC_BFLOAT16);
    emulate = GetParam().emulated;
    if (!emulate) SetIsa(isa());
    seed_ = std::random_device()();
    rng_.seed(seed_);
    RecordProperty("seed", std::to_string(seed_));
  }
  void TearDown() override {
    SetIsa(before_);
    emulate = false;
  }

  // Whether x * x - round(x * x) comes out as it is, and not as 0. Compilers fuse when they
  // optimise.
  static bool Fuses() {
    if (emulate) return true;
    const float x = 1 + 0x1p-12f;
    const volatile float square = x * x;
    const float a[] = {-square, x};
    float c = kNaN, block[2 * kCols] = {1};
    block[kCols] = x;
    const void* blocks[] = {block};
    StripGemmArgs g;
    g.a = a;
    g.lda = g.k = g.block_rows = 2;
    g.n = g.strips = g.row_blocks = g.m = g.ldc = 1;
    g.blocks = blocks;
    g.c = &c;
    Gemm(g);
    return c != 0;
  }
  // Tiles in hardware: the emulation adds in the documented order, which hardware may refine.
  static bool OwnOrder() { return isa() == Isa::kAmx && !emulate; }
  // Whether the product is the oracle's: to the last bit, or else within 1e-5 of its scale.
  static ::testing::AssertionResult IsExact(const Problem& p) {
    const std::vector<float> got = p.Run(), want = p.Exact(arithmetic());
    if (!OwnOrder()) return SameBits(got, want);
    float scale = 0;
    for (float x : want) scale = x == kCanary ? scale : std::max(scale, std::fabs(x));
    for (size_t i = 0; i < want.size(); ++i) {
      if (!(std::fabs(got[i] - want[i]) <= (want[i] == kCanary ? 0 : 1e-5f * scale))) {
        return ::testing::AssertionFailure() << "at " << i << ": " << got[i] << " and " << want[i];
      }
    }
    return ::testing::AssertionSuccess();
  }
  std::string Where(const Problem& p) const {
    return Describe(p) + ", seed " + std::to_string(seed_);
  }
  // Dimensions 1 .. 300; small and large ones alike, so that products stay affordable.
  Problem RandomProblem() {
    int64_t d[3];
    for (int64_t& x : d) x = Uniform(rng_, 1, Uniform(rng_, 0, 3) == 0 ? 300 : 40);
    return Problem(rng_, d[0], d[1], d[2], static_cast<int>(Uniform(rng_, 1, 126)), dtype());
  }

  Isa before_ = Isa::kGeneric;
  unsigned seed_ = 0;
  Rng rng_;
};

#ifdef NDEBUG
TEST_P(StripGemmFastTest, FusesWhereTheInstructionSetCan) {
#if defined(__aarch64__)
  EXPECT_TRUE(Fuses());
#else
  EXPECT_EQ(Fuses(), isa() != Isa::kGeneric);
#endif
}
#endif

TEST_P(StripGemmFastTest, AddsInAscendingOrderWithOneAccumulator) {
  for (int i = 0; i < 150; ++i) {
    const Problem p = RandomProblem();
    ASSERT_TRUE(IsExact(p)) << Where(p);
  }
}

TEST_P(StripGemmFastTest, EveryNumberOfRowsAndStrips) {
  for (int64_t n = 1; n <= 33; ++n) {
    const Problem p(rng_, n, Uniform(rng_, 100, 200), Uniform(rng_, 1, 130), 63, dtype());
    ASSERT_TRUE(IsExact(p)) << Where(p);
  }
}

// Large enough for packed activations, several row panels and several ranges of k.
TEST_P(StripGemmFastTest, LargeShapes) {
  const int64_t shapes[][3] = {{40, 700, 530}, {130, 1900, 40}, {2100, 3, 17}, {90, 2500, 513}};
  for (const auto& s : shapes) {
    const Problem p(rng_, s[0], s[1], s[2], static_cast<int>(Uniform(rng_, 20, 126)), dtype());
    ASSERT_TRUE(IsExact(p)) << Where(p);
  }
}

TEST_P(StripGemmFastTest, CloseToTheReferenceAndToDoubles) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using View = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  for (int i = 0; i < 60; ++i) {
    const Problem p(rng_, Uniform(rng_, 1, 300), Uniform(rng_, 1, 300), Uniform(rng_, 1, 300),
                    static_cast<int>(Uniform(rng_, 1, 126)), dtype());
    Eigen::MatrixXd a(p.n, p.k);
    for (int64_t r = 0; r < p.n; ++r) {
      for (int64_t l = 0; l < p.k; ++l) a(r, l) = double{p.Rounded(r, l)};
    }
    const Eigen::MatrixXd w = View(p.w.data(), p.k, p.m, {p.m}).cast<double>();
    const Eigen::MatrixXd bias = View(p.bias.data(), 1, p.m, {p.m}).cast<double>();
    const Eigen::MatrixXd want = a * w + bias.replicate(p.n, 1);
    const std::vector<float> c = p.Run();
    std::vector<float> reference;
    StripGemmReference(p.Args(&reference));
    const Eigen::MatrixXd got = View(c.data(), p.n, p.m, {p.ldc}).cast<double>();
    const Eigen::MatrixXd ref = View(reference.data(), p.n, p.m, {p.ldc}).cast<double>();
    const double scale = want.cwiseAbs().maxCoeff();
    ASSERT_LE((got - want).cwiseAbs().maxCoeff(), 1e-5 * scale) << Where(p);
    ASSERT_LE((got - ref).cwiseAbs().maxCoeff(), 1e-5 * scale) << Where(p);
  }
}

// What bfloat16 costs: 2^-8 of each weight and of each activation, at most. Float32 only has the
// sum's rounding.
TEST_P(StripGemmFastTest, ErrorAgainstUnroundedOperands) {
  const double rounding = dtype() == MOSAIC_BFLOAT16 ? 0x1p-7 + 0x1p-16 : 0x1p-15;
  for (int i = 0; i < 20; ++i) {
    const int64_t k = Uniform(rng_, 1, 300), m = Uniform(rng_, 1, 100);
    Problem p(rng_, Uniform(rng_, 1, 20), k, m, 63, dtype());
    std::normal_distribution<float> normal;
    for (float& x : p.w) x = normal(rng_);
    const std::vector<float> w = p.w;
    p.Cut(rng_);
    const std::vector<float> c = p.Run();
    for (int64_t r = 0; r < p.n; ++r) {
      for (int64_t j = 0; j < m; ++j) {
        double want = p.bias[static_cast<size_t>(j)], bound = 1e-4;
        for (int64_t l = 0; l < k; ++l) {
          const double product = double{p.A(r, l)} * double{w[static_cast<size_t>(l * m + j)]};
          want += product;
          bound += rounding * std::fabs(product);
        }
        ASSERT_NEAR(double{c[static_cast<size_t>(r * p.ldc + j)]}, want, bound) << Where(p);
      }
    }
  }
}

TEST_P(StripGemmFastTest, OneResultForEverySplit) {
  for (int i = 0; i < 60; ++i) {
    const Problem p = RandomProblem();
    const auto f = static_cast<Activation>(Uniform(rng_, 0, 5));
    const std::vector<float> whole = p.Run(f);
    std::vector<float> c;
    const StripGemmArgs all = p.Args(&c, f);
    for (int64_t row = 0; row < p.n;) {
      const int64_t rows = Uniform(rng_, 1, p.n - row);
      for (int64_t s = 0; s < all.strips;) {
        const int64_t strips = Uniform(rng_, 1, all.strips - s);
        for (int64_t b = 0; b < p.row_blocks;) {
          const int64_t count = Uniform(rng_, 1, p.row_blocks - b);
          std::vector<const void*> blocks;
          for (int64_t q = s; q < s + strips; ++q) {
            for (int64_t r = b; r < b + count; ++r) {
              blocks.push_back(p.blocks[static_cast<size_t>(q * p.row_blocks + r)]);
            }
          }
          StripGemmArgs g = all;
          g.a += row * p.lda + b * p.block_rows;
          g.n = rows;
          g.blocks = blocks.data();
          g.strips = strips;
          g.row_blocks = count;
          g.k = std::min(p.k - b * p.block_rows, count * p.block_rows);
          g.c += row * p.ldc + s * kCols;
          g.m = std::min(p.m - s * kCols, strips * kCols);
          g.first = b == 0;
          g.last = b + count == p.row_blocks;
          g.bias += s * kCols;
          Gemm(g);
          b += count;
        }
        s += strips;
      }
      row += rows;
    }
    ASSERT_TRUE(SameBits(whole, c)) << Where(p) << ", activation " << static_cast<int>(f);
  }
}

TEST_P(StripGemmFastTest, EachRowOfABatchAsIfAlone) {
  const Problem p(rng_, 300, 257, 65, 43, dtype());
  for (int64_t n = 1; n <= p.n; n += n < 40 ? 1 : 37) {
    std::vector<float> batch, alone;
    StripGemmArgs g = p.Args(&batch);
    g.n = n;
    Gemm(g);
    StripGemmArgs one = p.Args(&alone);
    one.n = 1;
    for (int64_t i = 0; i < n; ++i, one.a += p.lda, one.c += p.ldc) Gemm(one);
    ASSERT_TRUE(SameBits(batch, alone)) << Where(p) << ", batch of " << n;
  }
}

TEST_P(StripGemmFastTest, NaNAndInfinitySpreadAsInTheReference) {
  for (int i = 0; i < 60; ++i) {
    Problem p = RandomProblem();
    // A product that overflows does not do so where it is fused with a sum of the other sign: not
    // to be compared with the reference.
    const bool overflow = i % 3 == 0;
    for (int t = 0; t < 3; ++t) {
      const float special[] = {kInf, -kInf, kNaN, -0.0f, 1e-42f, 3e38f};
      const float x = special[Uniform(rng_, 0, overflow ? 5 : 4)];
      if (Uniform(rng_, 0, 1)) {
        p.A(Uniform(rng_, 0, p.n - 1), Uniform(rng_, 0, p.k - 1)) = x;
      } else {
        p.w[static_cast<size_t>(Uniform(rng_, 0, p.k * p.m - 1))] = x;
      }
    }
    p.Cut(rng_);
    if (!OwnOrder()) {
      ASSERT_TRUE(SameBits(p.Run(), p.Exact(arithmetic()))) << Where(p);
    }
    if (overflow) continue;
    for (Activation f : {Activation::kNone, Activation::kRelu}) {
      const std::vector<float> c = p.Run(f);
      std::vector<float> reference;
      StripGemmReference(p.Args(&reference, f));
      for (size_t j = 0; j < c.size(); ++j) {
        ASSERT_EQ(std::isnan(c[j]), std::isnan(reference[j])) << Where(p);
        if (std::isinf(c[j]) || std::isinf(reference[j])) {
          ASSERT_EQ(c[j], reference[j]) << Where(p);
        }
      }
    }
  }
}

TEST_P(StripGemmFastTest, FusedActivationIsTheFunctionOfItsOwn) {
  for (Activation f : {Activation::kRelu, Activation::kSigmoid, Activation::kTanh, Activation::kErf,
                       Activation::kGelu}) {
    for (int i = 0; i < 20; ++i) {
      const Problem p = RandomProblem();
      std::vector<float> separate = p.Run();
      for (int64_t r = 0; r < p.n; ++r) {
        float* row = separate.data() + r * p.ldc;
        Activate(f, row, row, p.m);
      }
      ASSERT_TRUE(SameBits(p.Run(f), separate)) << Where(p) << ", " << static_cast<int>(f);
    }
  }
}

TEST_P(StripGemmFastTest, NothingToDo) {
  const Problem p(rng_, 5, 7, 20, 3, dtype());
  std::vector<float> c;
  StripGemmArgs g = p.Args(&c, Activation::kRelu);
  const std::vector<float> untouched = c;
  g.n = 0;
  Gemm(g);
  g.n = 5;
  g.m = 0;
  Gemm(g);
  EXPECT_TRUE(SameBits(c, untouched));
  g.m = 20;  // an empty sum
  g.k = 0;
  Gemm(g);
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 20; ++j) {
      EXPECT_EQ(c[static_cast<size_t>(i * p.ldc + j)],
                std::max(0.0f, p.bias[static_cast<size_t>(j)]));
    }
  }
  g.bias = nullptr;
  Gemm(g);
  EXPECT_EQ(c[0], 0.0f);
}

// Those that this CPU can run, and the emulated one.
std::vector<Kernel> AllKernels() {
  std::vector<Kernel> all;
  for (Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    if (isa <= Isa::kAvx512) all.push_back({isa, false, MOSAIC_FLOAT});
    all.push_back({isa, false, MOSAIC_BFLOAT16});
  }
  all.push_back({Isa::kAmx, true, MOSAIC_BFLOAT16});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Isas, StripGemmFastTest, ::testing::ValuesIn(AllKernels()),
                         [](const auto& p) {
                           return std::string(p.param.emulated ? "emulated_" : "") +
                                  IsaName(p.param.isa) + "_" + DTypeName(p.param.dtype);
                         });

TEST(AmxTileLines, CutsBlocksEvenlyWhereThatIsNoSlower) {
  const int64_t want[][2] = {{1, 1},   {16, 16}, {17, 9},   {32, 16},  {49, 13},
                             {63, 16}, {98, 14}, {103, 15}, {121, 16}, {126, 14}};
  for (const auto& w : want) EXPECT_EQ(AmxTileLines(w[0]), w[1]) << w[0];
}

class StripGemmIsaTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Types, StripGemmIsaTest, ::testing::Values(MOSAIC_FLOAT, MOSAIC_BFLOAT16),
                         [](const auto& p) { return DTypeName(p.param); });

TEST_P(StripGemmIsaTest, InstructionSetsAgree) {
  const bool half = GetParam() == MOSAIC_BFLOAT16;
  const Isa before = ActiveIsa(MOSAIC_BFLOAT16);
  Rng rng(7);
  const Problem p(rng, 70, 301, 150, 100, GetParam());
  std::vector<float> reference;
  StripGemmReference(p.Args(&reference));
  double scale = 0;
  for (float x : reference) scale = x == kCanary ? scale : std::max<double>(scale, std::fabs(x));
  std::vector<float> fused;
  for (Isa isa : kAllIsas) {
    if (!IsaSupported(isa)) continue;
    SetIsa(isa);
    EXPECT_STREQ(StripGemmKernelName(MOSAIC_FLOAT), IsaName(std::min(isa, Isa::kAvx512)));
    EXPECT_STREQ(StripGemmKernelName(MOSAIC_BFLOAT16), IsaName(isa));
    const std::vector<float> c = p.Run();
    for (size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], reference[i], 1e-5 * scale);
    // Products of bfloat16 are exact, whether fused or not; others are the same where fused.
    if (half && isa != Isa::kAmx) {
      EXPECT_TRUE(SameBits(c, reference)) << IsaName(isa);
    } else if (!half && isa != Isa::kGeneric) {
      if (fused.empty()) fused = c;
      EXPECT_TRUE(SameBits(c, fused)) << IsaName(isa);
    }
  }
  SetIsa(before);
}

}  // namespace
}  // namespace mosaic
