// What SVMClassifier and SVMRegressor share: the kernel, and where support vectors are.
#pragma once

#include "core/op/ml/dot.h"

namespace mosaic {

class SvmKernel {
 public:
  // Errors: BAD_MODEL.
  static Status Make(const Node& node, SvmKernel* out);
  void Linear() { kind_ = kLinear; }
  float operator()(const float* x, const float* vector, int64_t n) const;

 private:
  enum Kind { kLinear, kPoly, kRbf, kSigmoid };
  Kind kind_ = kLinear;
  float gamma_ = 0, coef0_ = 0, degree_ = 0;
};

// Elements of a list of floats where they lie. REQUIRES: in Run; the list is FLOAT.
inline const float* FloatsOf(const Call& c, const NumberList& list) {
  return list.input() >= 0 ? c.inputs[static_cast<size_t>(list.input())].data<float>()
                           : list.floats().data();
}

// Probabilities of k classes from those of all pairs (pairs[i * k + j]: i against j), by the second
// method of Wu, Lin and Weng: "Probability estimates for multi-class classification by pairwise coupling",
// with libsvm's bounds. work: k * k + k floats.
void CouplePairs(int64_t k, const float* pairs, float* work, float* p);

}  // namespace mosaic
