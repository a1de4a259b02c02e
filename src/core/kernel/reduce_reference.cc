#include <cmath>
#include <limits>

#include "core/kernel/reduce.h"

namespace mosaic {

namespace {

long double Extremum(const float* x, int64_t step, int64_t n, bool max) {
  const long double infinity = std::numeric_limits<long double>::infinity();
  long double best = max ? -infinity : infinity;
  for (int64_t k = 0; k < n; ++k) {
    const long double v = x[k * step];
    if (v != v) return v;
    if (max ? v > best : v < best) best = v;
  }
  return best;
}

long double LogSumExp(const float* x, int64_t step, int64_t n) {
  const long double max = Extremum(x, step, n, true), shift = std::isfinite(max) ? max : 0;
  long double sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += std::exp(x[k * step] - shift);
  return std::log(sum) + shift;
}

}  // namespace

float ReduceReference(Reduction f, const float* x, int64_t step, int64_t n) {
  if (f == Reduction::kMax || f == Reduction::kMin) {
    return static_cast<float>(Extremum(x, step, n, f == Reduction::kMax));
  }
  if (f == Reduction::kLogSumExp) return static_cast<float>(LogSumExp(x, step, n));
  long double sum = 0, product = 1, square = 0, magnitude = 0;
  for (int64_t k = 0; k < n; ++k) {
    const long double v = x[k * step];
    sum += v;
    product *= v;
    square += v * v;
    magnitude += std::fabs(v);
  }
  switch (f) {
    case Reduction::kMean:
      return static_cast<float>(sum / static_cast<long double>(n));
    case Reduction::kProd:
      return static_cast<float>(product);
    case Reduction::kSumSquare:
      return static_cast<float>(square);
    case Reduction::kL1:
      return static_cast<float>(magnitude);
    case Reduction::kL2:
      return static_cast<float>(std::sqrt(square));
    case Reduction::kLogSum:
      return static_cast<float>(std::log(sum));
    default:
      return static_cast<float>(sum);
  }
}

}  // namespace mosaic
