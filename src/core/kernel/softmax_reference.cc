#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/kernel/softmax.h"

namespace mosaic {

void SoftmaxReference(const float* x, int64_t x_step, const float* mask, float scale, int64_t n,
                      bool log, float* y, int64_t y_step) {
  std::vector<long double> v(static_cast<size_t>(n));
  long double max = -std::numeric_limits<long double>::infinity();
  for (int64_t k = 0; k < n; ++k) {
    const float scaled = x[k * x_step] * scale;
    const float masked = mask ? scaled + mask[k] : scaled;
    v[static_cast<size_t>(k)] = masked;
    max = masked != masked ? masked : std::max<long double>(max, masked);
    if (max != max) break;
  }
  long double sum = 0;
  for (long double e : v) sum += std::exp(e - max);
  for (int64_t k = 0; k < n; ++k) {
    const long double shifted = v[static_cast<size_t>(k)] - max;
    y[k * y_step] = static_cast<float>(log ? shifted - std::log(sum) : std::exp(shifted) / sum);
  }
}

}  // namespace mosaic
