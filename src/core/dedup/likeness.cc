#include "core/dedup/likeness.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mosaic {
namespace {

// Elements between checks whether acceptance is still in reach.
constexpr int64_t kStride = 128;

struct Sums {
  int64_t close = 0;
  double delta2 = 0, block2 = 0;
  float max_abs = 0;
};

void AddRun(const float* block, const float* partner, int64_t n, float tolerance, Sums* sums) {
  int close = 0;
  float delta2 = 0, block2 = 0, max_abs = sums->max_abs;
  for (int64_t i = 0; i < n; ++i) {
    const float d = std::fabs(block[i] - partner[i]);
    close += d <= tolerance;
    delta2 += d * d;
    block2 += block[i] * block[i];
    max_abs = d > max_abs ? d : max_abs;
  }
  sums->close += close;
  sums->delta2 += delta2;
  sums->block2 += block2;
  sums->max_abs = max_abs;
}

bool IsZero(const float* v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (v[i] != 0) return false;
  }
  return true;
}

// Whether the partner has zeros where this block is filled up.
bool FillingIsZero(const BlockShape& s, const float* partner) {
  if (s.full()) return true;
  for (int r = 0; r < s.valid_rows; ++r) {
    const float* row = partner + static_cast<int64_t>(r) * s.cols;
    if (!IsZero(row + s.valid_cols, s.cols - s.valid_cols)) return false;
  }
  return IsZero(partner + static_cast<int64_t>(s.valid_rows) * s.cols,
                static_cast<int64_t>(s.rows - s.valid_rows) * s.cols);
}

}  // namespace

Likeness Compare(const BlockShape& shape, const float* block, const float* partner,
                 const NearSettings& settings) {
  Likeness result;
  const int64_t weights = shape.weights();
  if (weights == 0 || !FillingIsZero(shape, partner)) return result;
  // The comparison with a share is made once, on counts.
  const int64_t needed = static_cast<int64_t>(
      std::ceil(settings.min_similarity * static_cast<double>(weights) - 1e-9));
  // Rows of a block without filling on the right are one run.
  const bool one_run = shape.valid_cols == shape.cols;
  const int64_t runs = one_run ? 1 : shape.valid_rows;
  const int64_t length = one_run ? weights : shape.valid_cols;
  Sums sums;
  int64_t seen = 0;
  for (int64_t r = 0; r < runs; ++r) {
    for (int64_t i = 0; i < length; i += kStride) {
      const int64_t n = std::min(kStride, length - i);
      const int64_t at = r * shape.cols + i;
      AddRun(block + at, partner + at, n, settings.tolerance, &sums);
      seen += n;
      if (sums.close + (weights - seen) < needed) return result;
      if (static_cast<double>(sums.max_abs) > settings.max_abs) return result;
    }
  }
  result.similarity = static_cast<double>(sums.close) / static_cast<double>(weights);
  result.relative_l2 = sums.delta2 == 0 ? 0 : std::sqrt(sums.delta2 / sums.block2);
  result.max_abs = static_cast<double>(sums.max_abs);
  result.accepted = sums.close >= needed && result.relative_l2 <= settings.max_relative_l2;
  return result;
}

bool Better(const Match& a, const Match& b) {
  if (a.likeness.similarity != b.likeness.similarity) {
    return a.likeness.similarity > b.likeness.similarity;
  }
  if (a.likeness.relative_l2 != b.likeness.relative_l2) {
    return a.likeness.relative_l2 < b.likeness.relative_l2;
  }
  return a.partner < b.partner;
}

}  // namespace mosaic
