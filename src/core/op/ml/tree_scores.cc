#include "core/op/ml/tree_scores.h"

namespace mosaic {
namespace {

template <typename T>
int64_t Binary(BinaryForm form, T weight, int* transform_form) {
  if (!form.one_weight) return weight > 0 ? -2 : -1;
  const bool positive = form.positive ? weight > T(0.5) : weight > 0;
  *transform_form = form.positive ? (positive ? 0 : 1) : (positive ? 2 : 3);
  return positive ? 1 : 0;
}

// Writes n scores, 0 where no leaf said anything; one of two is completed.
template <typename T>
void Write(PostTransform transform, int form, TreeScores<T> s, int64_t n, float* out) {
  for (int64_t k = 0; k < n; ++k) out[k] = s.has[k] ? static_cast<float>(s.score[k]) : 0;
  if (n > 1) {
    TransformScores(transform, out, n);
  } else {
    TransformBinary(transform, form, out);
  }
}

}  // namespace

template <typename T>
int64_t FinishClassification(PostTransform transform, const std::vector<T>& base, BinaryForm form,
                             int64_t classes, TreeScores<T> s, float* out) {
  int transform_form = -1;
  if (classes > 2) {
    int64_t best = -1;
    for (int64_t k = 0; k < classes; ++k) {
      if (k < static_cast<int64_t>(base.size())) {
        s.score[k] = s.has[k] ? s.score[k] + base[static_cast<size_t>(k)] : base[static_cast<size_t>(k)];
        s.has[k] = 1;
      }
      if (s.has[k] && (best < 0 || s.score[k] > s.score[best])) best = k;
    }
    Write(transform, transform_form, s, classes, out);
    return std::max<int64_t>(best, 0);
  }
  if (classes == 1) {
    if (base.size() == 1) s.score[0] += base[0];
    const int64_t label = s.score[0] > 0 ? -2 : -1;
    Write(transform, transform_form, s, 1, out);
    return label;
  }
  int64_t n = 2;
  if (base.size() == 2) {
    if (s.has[1]) {
      s.score[1] = base[1] + s.score[0];
      s.score[0] = -s.score[1];
    } else {
      s.score[1] += base[1];
      s.score[0] += base[0];
    }
  } else {
    if (base.size() == 1) s.score[0] += base[0];
    if (base.empty()) transform_form = 3;
    if (!s.has[1]) n = 1;
  }
  const T weight = n == 2 && s.has[1] ? s.score[1] : s.score[0];
  const int64_t label = Binary(form, weight, &transform_form);
  if (n == 1) out[1] = 0;
  Write(transform, transform_form, s, n, out);
  return label;
}

template int64_t FinishClassification(PostTransform, const std::vector<float>&, BinaryForm, int64_t,
                                      TreeScores<float>, float*);
template int64_t FinishClassification(PostTransform, const std::vector<double>&, BinaryForm, int64_t,
                                      TreeScores<double>, float*);

}  // namespace mosaic
