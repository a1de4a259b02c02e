// Base of the reductions: a result for every group of elements that differ only along the reduced
// axes.
//
// Order of a result: its n elements, in row-major order of the reduced axes, are cut into parts of
// kReducePart; within a part element k goes to accumulator k mod kLanes, in ascending order, the
// accumulators are merged as a tree, and the parts in ascending order. It depends on the reduced
// axes alone, not on how elements lie in memory or what else is computed.
//
// float32 is reduced by the kernels of core/kernel/reduce.h, in their order, where the reduced axes
// are neighbours and no more than kReducePart elements make a result: by rows where the axes are
// the last ones, else by columns. Which is decided by the places of the axes, never by other sizes.
#pragma once

#include <algorithm>
#include <utility>

#include "core/kernel/reduce.h"
#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {

constexpr int kLanes = 8;
constexpr int64_t kReducePart = 32768;   // a multiple of kLanes
constexpr int64_t kMaxAccumulator = 16;  // bytes

// A function on elements of one type, with accumulators of its own.
struct Reducer {
  int64_t accumulator;                    // bytes, <= kMaxAccumulator
  void (*start)(void* lanes, int64_t n);  // n empty accumulators
  // Elements at .. at + n of a result, stride apart, each to its lane.
  void (*add)(void* lanes, const void* x, int64_t stride, int64_t at, int64_t n);
  void (*merge)(void* a, const void* b);
  void (*finish)(const void* a, int64_t count, void* result);
};

struct ReduceFunction {
  Reduction kernel;
  bool of_nothing;                         // a reduction of no elements has a value
  Dim (*of_dims)(const Dim&, const Dim&);  // what it makes of two sizes; null: nothing
  Status (*check)(int dtype);
  const Reducer& (*of)(int dtype);  // REQUIRES: check passes
};

class ReduceOp : public Op {
 public:
  // function must outlive it.
  ReduceOp(const ReduceFunction& function, bool keepdims)
      : function_(function), keepdims_(keepdims) {}

  Status Infer(InferContext& c) const override;
  Status Start(Call& c) const override;
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  // The axes as far as they are known; none: all. False: not known yet.
  virtual bool KnownAxes(const InferContext& c, Dims* axes) const = 0;
  // The same in Start, where they are.
  virtual Status StartAxes(const Call& c, Dims* axes) const = 0;
  // Which dimensions the axes name.
  virtual Status Marked(const Dims& axes, int rank, std::vector<bool>* reduced) const;

 private:
  // Exporters compute the number of elements of a shape with ReduceProd.
  void FollowSizes(InferContext& c, const std::vector<bool>& reduced) const;

  const ReduceFunction& function_;
  bool keepdims_;
};

}  // namespace mosaic
