// DFT and STFT against the sum of their definition; windows; MelWeightMatrix.
#include <cmath>
#include <complex>

#include "op/op_call.h"

namespace mosaic {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;

using Complex = std::complex<double>;

std::vector<double> Signal(size_t n) {
  std::vector<double> x(n);
  for (size_t i = 0; i < n; ++i)
    x[i] = std::sin(static_cast<double>(i * i % 97)) + 0.01 * static_cast<double>(i % 7);
  return x;
}

// Bin k of complex x (pairs).
Complex Bin(const std::vector<double>& x, size_t n, size_t k, double sign) {
  Complex sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const double angle = sign * 2 * M_PI * static_cast<double>(i * k % n) / static_cast<double>(n);
    sum += Complex(x[2 * i], x[2 * i + 1]) * Complex(std::cos(angle), std::sin(angle));
  }
  return sum;
}

TEST(DftTest, EveryLengthBothWays) {
  for (int64_t n : {1, 2, 3, 4, 5, 7, 8, 12, 31, 64, 100, 257}) {
    const std::vector<double> x = Signal(static_cast<size_t>(2 * n));
    OpCall forward("DFT"), back("DFT");
    ASSERT_OK(forward.In<double>({1, n, 2}, x).Run());
    const std::vector<double> y = forward.values<double>();
    for (size_t k = 0; k < static_cast<size_t>(n); ++k) {
      const Complex want = Bin(x, static_cast<size_t>(n), k, -1);
      ASSERT_NEAR(y[2 * k], want.real(), 1e-10) << n << " " << k;
      ASSERT_NEAR(y[2 * k + 1], want.imag(), 1e-10) << n << " " << k;
    }
    ASSERT_OK(back.Int("inverse", 1).In(forward.output()).Run());
    const std::vector<double> again = back.values<double>();
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(again[i], x[i], 1e-12);
  }
}

TEST(DftTest, LongTransformsInPhases) {
  for (int64_t n : {32768, 20001}) {
    const std::vector<double> x = Signal(static_cast<size_t>(4 * n));
    OpCall call("DFT"), back("DFT");
    ASSERT_OK(call.In<double>({2, n, 2}, x).Run());
    const std::vector<double> second(x.begin() + 2 * n, x.end());
    for (size_t k : {size_t{0}, size_t{1}, size_t{777}, static_cast<size_t>(n) - 1}) {
      const Complex want = Bin(second, static_cast<size_t>(n), k, -1);
      ASSERT_NEAR(call.values<double>()[static_cast<size_t>(2 * n) + 2 * k], want.real(), 1e-7);
      ASSERT_NEAR(call.values<double>()[static_cast<size_t>(2 * n) + 2 * k + 1], want.imag(), 1e-7);
    }
    ASSERT_OK(back.Int("inverse", 1).In(call.output()).Run());
    const std::vector<double> again = back.values<double>();
    for (size_t i = 0; i < x.size(); i += 101) ASSERT_NEAR(again[i], x[i], 1e-10);
  }
}

TEST(DftTest, AxisLengthAndHalves) {
  // Along axis 0, of 3 columns, cut to 4 and padded to 6.
  const std::vector<double> x = Signal(15);
  for (int64_t length : {4, 6}) {
    OpCall call("DFT");
    ASSERT_OK(call.Int("onesided", 1)
                  .In<double>({5, 3, 1}, x)
                  .In<int64_t>({}, {length})
                  .In<int64_t>({}, {0})
                  .Run());
    ASSERT_EQ(call.shape(), (Shape{length / 2 + 1, 3, 2}));
    std::vector<double> column(static_cast<size_t>(2 * length), 0);
    for (size_t i = 0; i < static_cast<size_t>(std::min<int64_t>(length, 5)); ++i)
      column[2 * i] = x[i * 3 + 1];
    for (size_t k = 0; k <= static_cast<size_t>(length / 2); ++k) {
      const Complex want = Bin(column, static_cast<size_t>(length), k, -1);
      EXPECT_NEAR(call.values<double>()[(k * 3 + 1) * 2], want.real(), 1e-12);
      EXPECT_NEAR(call.values<double>()[(k * 3 + 1) * 2 + 1], want.imag(), 1e-12);
    }
  }
  // Half a spectrum and back.
  for (int64_t n : {8, 9}) {
    const std::vector<double> real = Signal(static_cast<size_t>(n));
    OpCall half("DFT"), back("DFT");
    ASSERT_OK(half.Int("onesided", 1).In<double>({1, n, 1}, real).Run());
    ASSERT_OK(
        back.Int("onesided", 1).Int("inverse", 1).In(half.output()).In<int64_t>({}, {n}).Run());
    ASSERT_EQ(back.shape(), (Shape{1, n, 1}));
    for (size_t i = 0; i < real.size(); ++i) EXPECT_NEAR(back.values<double>()[i], real[i], 1e-12);
  }
}

TEST(DftTest, ItemsAndRefusals) {
  const Dim N = Dim::Symbol("N");
  Fact x = Fact::Of(MOSAIC_FLOAT, {N, 8, 1});
  x.item_axis = 0;
  OpCall items("DFT");
  ASSERT_OK(items.Infer({x}, "N"));
  EXPECT_EQ(items.fact().item_axis, 0);
  x.dims = {4, N, 1};
  x.item_axis = 1;
  OpCall across("DFT");
  ASSERT_OK(across.Infer({x}, "N"));
  EXPECT_EQ(across.fact().item_axis, kMixed);
  EXPECT_REFUSED(OpCall("DFT").In({4, 3}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "last dimension must be 1 or 2");
  EXPECT_REFUSED(OpCall("DFT").In({4, 1}, {1}).Omitted().In<int64_t>({}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "complex parts");
  EXPECT_REFUSED(OpCall("DFT").In({4, 1}, {1}).In<int64_t>({}, {0}).Run(), MOSAIC_E_INVALID,
                 "dft_length must be");
  EXPECT_REFUSED(OpCall("DFT").Int("onesided", 1).In({4, 2}, {1}).Run(), MOSAIC_E_BAD_MODEL,
                 "real values");
  EXPECT_REFUSED(OpCall("DFT").Int("onesided", 1).Int("inverse", 1).In({4, 1}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "complex values");
  EXPECT_REFUSED(OpCall("DFT").In({1, 1}, {1}).In<int64_t>({}, {int64_t{1} << 40}).Run(),
                 MOSAIC_E_LIMIT, "");
}

TEST(StftTest, Frames) {
  const std::vector<double> x = Signal(2 * 20);
  const std::vector<double> window = {0.25, 1, 0.5, 2};
  OpCall call("STFT");
  ASSERT_OK(call.In<double>({2, 20, 1}, x).In<int64_t>({}, {3}).In<double>({4}, window).Run());
  ASSERT_EQ(call.shape(), (Shape{2, 6, 3, 2}));
  for (size_t f = 0; f < 6; ++f) {
    std::vector<double> frame(8, 0);
    for (size_t i = 0; i < 4; ++i) frame[2 * i] = x[20 + f * 3 + i] * window[i];
    for (size_t k = 0; k < 3; ++k) {
      const Complex want = Bin(frame, 4, k, -1);
      const size_t at = ((6 + f) * 3 + k) * 2;
      EXPECT_NEAR(call.values<double>()[at], want.real(), 1e-12);
      EXPECT_NEAR(call.values<double>()[at + 1], want.imag(), 1e-12);
    }
  }
  OpCall full("STFT");
  ASSERT_OK(full.Int("onesided", 0)
                .In<double>({1, 20, 2}, x)
                .In<int32_t>({}, {5})
                .Omitted()
                .In<int32_t>({}, {6})
                .Run());
  ASSERT_EQ(full.shape(), (Shape{1, 3, 6, 2}));
  const Complex want = Bin({x.begin() + 20, x.begin() + 32}, 6, 5, -1);
  EXPECT_NEAR(full.values<double>()[(2 * 6 + 5) * 2], want.real(), 1e-12);
  EXPECT_NEAR(full.values<double>()[(2 * 6 + 5) * 2 + 1], want.imag(), 1e-12);
}

TEST(StftTest, Refusals) {
  EXPECT_REFUSED(OpCall("STFT").In({1, 8, 1}, {1}).In<int64_t>({}, {0}).In({4}, {1}).Run(),
                 MOSAIC_E_INVALID, "must be 1 or more");
  EXPECT_REFUSED(OpCall("STFT").In({1, 8, 1}, {1}).In<int64_t>({}, {2}).Run(), MOSAIC_E_BAD_MODEL,
                 "neither a window");
  EXPECT_REFUSED(OpCall("STFT").In({1, 3, 1}, {1}).In<int64_t>({}, {2}).In({4}, {1}).Run(),
                 MOSAIC_E_INVALID, "shorter than a frame");
  EXPECT_REFUSED(OpCall("STFT")
                     .In({1, 8, 1}, {1})
                     .In<int64_t>({}, {2})
                     .In({4}, {1})
                     .In<int64_t>({}, {5})
                     .Run(),
                 MOSAIC_E_BAD_MODEL, "a window of shape [4]");
  EXPECT_REFUSED(OpCall("STFT").In({1, 8, 2}, {1}).In<int64_t>({}, {2}).In({4}, {1}).Run(),
                 MOSAIC_E_BAD_MODEL, "real values");
}

TEST(WindowTest, PeriodicAndSymmetric) {
  OpCall hann("HannWindow"), hamming("HammingWindow"), blackman("BlackmanWindow"),
      one("HannWindow");
  ASSERT_OK(hann.In<int64_t>({}, {4}).Run());
  EXPECT_THAT(hann.values(), ElementsAre(0, FloatEq(0.5F), 1, FloatEq(0.5F)));
  ASSERT_OK(
      hamming.Int("periodic", 0).Int("output_datatype", MOSAIC_DOUBLE).In<int32_t>({}, {3}).Run());
  EXPECT_NEAR(hamming.values<double>()[0], 4.0 / 46, 1e-15);
  EXPECT_NEAR(hamming.values<double>()[1], 1, 1e-15);
  ASSERT_OK(blackman.Int("periodic", 0).In<int64_t>({}, {5}).Run());
  EXPECT_THAT(blackman.values(), ElementsAre(FloatNear(0, 1e-7F), FloatEq(0.34F), FloatEq(1),
                                             FloatEq(0.34F), FloatNear(0, 1e-7F)));
  ASSERT_OK(one.Int("periodic", 0).In<int64_t>({}, {1}).Run());
  EXPECT_THAT(one.values(), ElementsAre(1));
  EXPECT_REFUSED(OpCall("HannWindow").In<int64_t>({}, {-1}).Run(), MOSAIC_E_INVALID,
                 "must not be negative");
  EXPECT_REFUSED(OpCall("HannWindow").In<int64_t>({}, {int64_t{1} << 40}).Run(), MOSAIC_E_LIMIT,
                 "exceed");
  EXPECT_REFUSED(OpCall("HannWindow").Int("output_datatype", 8).In<int64_t>({}, {1}).Make(),
                 MOSAIC_E_UNSUPPORTED, "output_datatype");
}

TEST(MelWeightMatrixTest, Triangles) {
  OpCall call("MelWeightMatrix");
  ASSERT_OK(call.In<int64_t>({}, {8})
                .In<int64_t>({}, {16})
                .In<int64_t>({}, {8192})
                .In({}, {0})
                .In({}, {4096})
                .Run());
  EXPECT_EQ(call.shape(), (Shape{9, 8}));
  const std::vector<float> y = call.values();
  EXPECT_THAT(std::vector<float>(y.begin(), y.begin() + 8), ElementsAre(1, 1, 0, 0, 0, 0, 0, 0));
  EXPECT_REFUSED(OpCall("MelWeightMatrix")
                     .In<int64_t>({}, {8})
                     .In<int64_t>({}, {16})
                     .In<int64_t>({}, {0})
                     .In({}, {0})
                     .In({}, {4096})
                     .Run(),
                 MOSAIC_E_INVALID, "sample_rate");
  EXPECT_REFUSED(OpCall("MelWeightMatrix")
                     .In<int64_t>({}, {8})
                     .In<int64_t>({}, {16})
                     .In<int64_t>({}, {8192})
                     .In({}, {0})
                     .In({}, {99999})
                     .Run(),
                 MOSAIC_E_INVALID, "outside of the spectrum");
}

}  // namespace
}  // namespace mosaic
