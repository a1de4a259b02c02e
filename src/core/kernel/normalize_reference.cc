#include <cmath>
#include <vector>

#include "core/kernel/normalize.h"

namespace mosaic {

void NormalizeRowsReference(const NormalizeArgs& a, int64_t begin, int64_t end) {
  std::vector<float> v(static_cast<size_t>(a.n));
  for (int64_t r = begin; r < end; ++r) {
    long double sum = 0, squares = 0;
    for (int64_t k = 0; k < a.n; ++k) {
      float& e = v[static_cast<size_t>(k)];
      e = a.x[r * a.x_step + k];
      if (a.residual) e += a.residual[r * a.residual_step + k];
      sum += e;
    }
    const long double mean = a.rms ? 0 : sum / static_cast<long double>(a.n);
    for (float e : v) squares += (e - mean) * (e - mean);
    const long double inverse = 1 / std::sqrt(squares / static_cast<long double>(a.n) + a.epsilon);
    for (int64_t k = 0; k < a.n; ++k) {
      const float e = v[static_cast<size_t>(k)];
      const int64_t parameter = (r % a.groups) * a.group_step + k / a.repeat;
      long double y = (e - mean) * inverse;
      if (a.scale) y *= a.scale[parameter];
      if (a.bias) y += a.bias[parameter];
      if (a.sum) a.sum[r * a.sum_step + k] = e;
      a.y[r * a.y_step + k] = static_cast<float>(y);
    }
    if (a.mean) a.mean[r] = static_cast<float>(mean);
    if (a.inverse) a.inverse[r] = static_cast<float>(inverse);
  }
}

}  // namespace mosaic
