#include "core/text/pooling.h"

#include <algorithm>
#include <cmath>

namespace mosaic::text {
namespace {

constexpr int64_t kColumns = 64;  // at a time: their sums stay in registers or L1

void Mean(const float* rows, int64_t count, int64_t width, float* out) {
  for (int64_t begin = 0; begin < width; begin += kColumns) {
    const int64_t n = std::min(kColumns, width - begin);
    double sums[kColumns] = {};
    for (int64_t r = 0; r < count; ++r) {
      const float* row = rows + r * width + begin;
      for (int64_t i = 0; i < n; ++i) sums[i] += row[i];
    }
    for (int64_t i = 0; i < n; ++i) out[begin + i] = static_cast<float>(sums[i] / static_cast<double>(count));
  }
}

void Max(const float* rows, int64_t count, int64_t width, float* out) {
  std::copy_n(rows, width, out);
  for (int64_t r = 1; r < count; ++r) {
    const float* row = rows + r * width;
    for (int64_t i = 0; i < width; ++i) {
      if (row[i] > out[i] || std::isnan(row[i])) out[i] = row[i];
    }
  }
}

}  // namespace

void Pool(Pooling pooling, const float* rows, int64_t count, int64_t width, float* out) {
  if (count == 0) {
    std::fill_n(out, width, 0.0f);
    return;
  }
  switch (pooling) {
    case Pooling::kMean:
      Mean(rows, count, width, out);
      break;
    case Pooling::kCls:
      std::copy_n(rows, width, out);
      break;
    case Pooling::kMax:
      Max(rows, count, width, out);
      break;
    case Pooling::kLast:
      std::copy_n(rows + (count - 1) * width, width, out);
      break;
  }
}

void Normalize(float* vector, int64_t width) {
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += static_cast<double>(vector[i]) * static_cast<double>(vector[i]);
  const double length = std::sqrt(sum) < 1e-12 ? 1e-12 : std::sqrt(sum);
  for (int64_t i = 0; i < width; ++i) vector[i] = static_cast<float>(vector[i] / length);
}

}  // namespace mosaic::text
