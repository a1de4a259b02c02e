#include <algorithm>
#include <cmath>
#include <vector>

#include "core/kernel/attention.h"

namespace mosaic {

namespace {

double Score(const AttentionArgs& a, int64_t i, int64_t j) {
  double s = 0;
  for (int64_t h = 0; h < a.depth; ++h) {
    s += static_cast<double>(a.q[i * a.q_step + h]) * static_cast<double>(a.k[j * a.k_step + h]);
  }
  s *= static_cast<double>(a.scale);
  const double cap = static_cast<double>(a.softcap);
  if (cap != 0) s = cap * std::tanh(s / cap);
  if (a.mask) s += static_cast<double>(a.mask[i * a.mask_step + j]);
  return s;
}

}  // namespace

void AttentionReference(const AttentionArgs& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t seen =
        a.causal ? std::max<int64_t>(0, std::min(a.keys, i + a.causal_offset + 1)) : a.keys;
    std::vector<double> p(static_cast<size_t>(seen)), out(static_cast<size_t>(a.value_depth));
    double max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < seen; ++j) {
      const double s = p[static_cast<size_t>(j)] = Score(a, i, j);
      max = s != s || max != max ? NAN : std::max(max, s);
    }
    const bool none = seen == 0 || (a.masked_is_zero && max == -INFINITY) ||
                      (a.nan_is_zero && !std::isfinite(max));
    for (int64_t j = 0; j < seen; ++j) {
      double& e = p[static_cast<size_t>(j)];
      e = std::exp(e - max);
      sum += e;
      for (int64_t c = 0; c < a.value_depth; ++c) {
        out[static_cast<size_t>(c)] += e * static_cast<double>(a.v[j * a.v_step + c]);
      }
    }
    for (int64_t c = 0; c < a.value_depth; ++c) {
      const double y = out[static_cast<size_t>(c)];
      a.out[i * a.out_step + c] = static_cast<float>(none ? 0 : y / sum);
    }
  }
}

}  // namespace mosaic
