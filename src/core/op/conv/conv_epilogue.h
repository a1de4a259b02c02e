// What follows a convolution, done to a piece of a plane of its output while that is in the cache.
//
// Each step has the kernel of the operator that it stands for, so fusing keeps every bit.
#pragma once

#include <vector>

#include "core/kernel/unary.h"
#include "core/op/op.h"

namespace mosaic {

struct EpilogueStep {
  enum class Kind {
    kUnary,      // f(y)
    kMul,        // y times a constant: one, or one for each filter
    kAdd,        // y plus a constant likewise
    kMulAdd,     // both: a kMul and the kAdd that follows it (made by ConvEpilogue)
    kAddArray,   // y plus an array of its shape
    kNormalize,  // BatchNormalization: scale, bias, mean and variance for each filter
  };
  Kind kind = Kind::kUnary;
  Unary function = Unary::kRelu;
  UnaryParameters parameters;
  int input = -1;      // of the node: the operand, the first of four
  int addend = -1;     // of kMulAdd: the operand of the kAdd
  double epsilon = 0;  // of kNormalize
};

class ConvEpilogue {
 public:
  ConvEpilogue() = default;
  explicit ConvEpilogue(const std::vector<EpilogueStep>& steps);

  bool empty() const { return steps_.empty(); }
  // INVALID where an array that is added has not the output's shape: it was taken to have it.
  Status Check(const Call& c) const;
  // The first steps, if they are the addition of an array, Relu, or both: the array (null: none)
  // and whether there is a Relu. Returns how many.
  size_t Simple(const Call& c, const float** added, bool* relu) const;
  bool BeginsWithRelu() const {
    return !steps_.empty() && steps_[0].kind == EpilogueStep::Kind::kUnary &&
           steps_[0].function == Unary::kRelu;
  }
  // Of any planes: the steps from "done" on, as long as they are functions of one element. Returns
  // how many steps are done then.
  size_t ApplyToAll(float* y, int64_t n, size_t done) const;
  // y: n elements of a filter's plane, float32, that begin at this offset of the output. The first
  // steps, so many, are done.
  void Apply(const Call& c, int64_t filter, int64_t offset, float* y, int64_t n,
             size_t done = 0) const;

 private:
  std::vector<EpilogueStep> steps_;
};

}  // namespace mosaic
