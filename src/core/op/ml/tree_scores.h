// What the leaves of a row's trees give together: scores, and the class.
#pragma once

#include <vector>

#include "core/op/ml/ml_support.h"

namespace mosaic {

enum class TreeAggregate { kAverage, kSum, kMin, kMax };

// The scores of one row while its trees are added up.
template <typename T>
struct TreeScores {
  T* score;      // per target
  uint8_t* has;  // per target: some leaf said something

  void Add(TreeAggregate aggregate, int64_t target, T weight) {
    T& s = score[target];
    if (aggregate == TreeAggregate::kMin) {
      if (!has[target] || weight < s) s = weight;
    } else if (aggregate == TreeAggregate::kMax) {
      if (!has[target] || weight > s) s = weight;
    } else {
      s += weight;
    }
    has[target] = 1;
  }
};

// Base values, average, and the transform, in place.
template <typename T>
void FinishRegression(TreeAggregate aggregate, PostTransform transform, const std::vector<T>& base,
                      int64_t targets, int64_t trees, TreeScores<T> s) {
  const bool each = static_cast<int64_t>(base.size()) == targets;
  for (int64_t k = 0; k < targets; ++k) {
    if (aggregate == TreeAggregate::kAverage && trees > 0) s.score[k] /= static_cast<T>(trees);
    if (each) s.score[k] += base[static_cast<size_t>(k)];
    if (targets > 1 && !s.has[k]) s.score[k] = 0;  // as ONNX Runtime: without base values
  }
  if (targets > 1) {
    TransformScores(transform, s.score, targets);
  } else if (transform == PostTransform::kProbit) {
    s.score[0] = static_cast<T>(MlProbit(static_cast<float>(s.score[0])));
  }
}

// What decides between two classes.
struct BinaryForm {
  bool one_weight = false;  // all weights are of one class
  bool positive = false;    // none is negative
};

// Scores of a classifier as ONNX Runtime finishes them, into out (one per class). Returns the index
// of the class, or -1 - n where the label is the number n.
template <typename T>
int64_t FinishClassification(PostTransform transform, const std::vector<T>& base, BinaryForm form,
                             int64_t classes, TreeScores<T> s, float* out);

}  // namespace mosaic
