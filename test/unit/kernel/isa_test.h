// What the tests of vectorised kernels share: every instruction set that this CPU has, odd lengths
// and addresses, special values, and distances in ulp.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernel/fast/isa.h"

namespace mosaic {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kCanary = -12345.0f;

// Computes with one instruction set while it lives.
class WithIsa {
 public:
  explicit WithIsa(Isa isa) : before_(ActiveIsa(MOSAIC_BFLOAT16)) { SetIsa(isa); }
  ~WithIsa() { SetIsa(before_); }
  WithIsa(const WithIsa&) = delete;
  WithIsa& operator=(const WithIsa&) = delete;

 private:
  Isa before_;
};

// The instruction sets of kernels for float32; `from` is the first.
inline std::vector<Isa> UsableIsas(Isa from = Isa::kGeneric) {
  std::vector<Isa> usable;
  for (Isa isa : {Isa::kReference, Isa::kGeneric, Isa::kAvx2, Isa::kAvx512}) {
    if (isa >= from && IsaSupported(isa)) usable.push_back(isa);
  }
  return usable;
}

// A test that runs once on each of them, with random numbers.
class IsaTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    before_ = ActiveIsa(MOSAIC_BFLOAT16);  // the highest in use
    SetIsa(GetParam());
    seed_ = std::random_device()();
    rng_.seed(seed_);
    RecordProperty("seed", std::to_string(seed_));
  }
  void TearDown() override { SetIsa(before_); }

  int64_t Uniform(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(rng_);
  }
  std::vector<float> Normal(int64_t n, float scale = 1) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = normal(rng_);
    return x;
  }

  Isa before_ = Isa::kGeneric;
  unsigned seed_ = 0;
  std::mt19937 rng_;
};

inline std::string NameOfIsa(const ::testing::TestParamInfo<Isa>& p) { return IsaName(p.param); }

// NaN, infinities, zeros, subnormal and extreme numbers, of both signs.
inline std::vector<float> SpecialValues() {
  std::vector<float> x = {kNaN,   kInf,   0.0f,       1e-45f,      5e-39f, 1.17549435e-38f,
                          1e-30f, 0.5f,   1.0f,       1.5f,        2.5f,   3.0f,
                          88.8f,  104.0f, 8388607.5f, 16777216.0f, 1e20f,  3.4028235e38f};
  const size_t n = x.size();
  for (size_t i = 0; i < n; ++i) x.push_back(-x[i]);
  return x;
}

// |y - want| in ulp of a float32 near want; in units of `smallest` where that is more.
inline double Ulps(float y, double want, double smallest = 1e-38) {
  if (std::isnan(want) || std::isnan(y)) return std::isnan(want) && std::isnan(y) ? 0 : 1e30;
  const float w = std::fabs(static_cast<float>(want));
  if (std::isinf(w) || std::isinf(y)) return static_cast<float>(want) == y ? 0 : 1e30;
  const double ulp = static_cast<double>(w) - static_cast<double>(std::nextafter(w, 0.0f));
  return std::fabs(static_cast<double>(y) - want) / std::max(ulp, smallest);
}

// Same bits, or both NaN.
inline bool SameBits(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}
inline ::testing::AssertionResult SameBits(const std::vector<float>& a,
                                           const std::vector<float>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << "lengths differ";
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameBits(a[i], b[i])) {
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace mosaic
