// ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax, ReduceMean, ReduceMin, ReduceProd,
// ReduceSum, ReduceSumSquare. The axes are input 1; without any all are reduced, or with
// noop_with_empty_axes none.
#include "core/op/reduce/reduce_functions.h"

namespace mosaic {
namespace {

template <typename Fn>
class AxesReduceOp : public ReduceOp {
 public:
  explicit AxesReduceOp(const Node& node)
      : ReduceOp(reduce::FunctionOf<Fn>(), node.Int("keepdims", 1) != 0),
        noop_(node.Int("noop_with_empty_axes", 0) != 0) {}

 protected:
  bool KnownAxes(const InferContext& c, Dims* axes) const override {
    if (!c.Has(1)) return true;
    if (!c.Known(1, axes)) return false;
    for (const Dim& d : *axes) {
      if (!d.is_number()) return false;
    }
    return true;
  }
  Status StartAxes(const Call& c, Dims* axes) const override {
    std::vector<int64_t> numbers;
    if (c.Given(1)) MOSAIC_RETURN_IF_ERROR(c.Ints(1, "axes", &numbers));
    axes->assign(numbers.begin(), numbers.end());
    return Status();
  }
  Status Marked(const Dims& axes, int rank, std::vector<bool>* reduced) const override {
    if (!axes.empty()) return ReduceOp::Marked(axes, rank, reduced);
    reduced->assign(static_cast<size_t>(rank), !noop_);
    return Status();
  }

 private:
  bool noop_;
};

}  // namespace

using namespace reduce;  // NOLINT: the functions below

extern const OpDef kReduceL1 = {kOnnxDomain, "ReduceL1", 18, 25, &MakeOf<AxesReduceOp<L1>, 1, 2>};
extern const OpDef kReduceL2 = {kOnnxDomain, "ReduceL2", 18, 25, &MakeOf<AxesReduceOp<L2>, 1, 2>};
extern const OpDef kReduceLogSum = {kOnnxDomain, "ReduceLogSum", 18, 25,
                                    &MakeOf<AxesReduceOp<LogSum>, 1, 2>};
extern const OpDef kReduceLogSumExp = {kOnnxDomain, "ReduceLogSumExp", 18, 25,
                                       &MakeOf<AxesReduceOp<LogSumExp>, 1, 2>};
extern const OpDef kReduceMax = {kOnnxDomain, "ReduceMax", 20, 25,
                                 &MakeOf<AxesReduceOp<Extremum<true>>, 1, 2>};
extern const OpDef kReduceMean = {kOnnxDomain, "ReduceMean", 18, 25,
                                  &MakeOf<AxesReduceOp<Mean>, 1, 2>};
extern const OpDef kReduceMin = {kOnnxDomain, "ReduceMin", 20, 25,
                                 &MakeOf<AxesReduceOp<Extremum<false>>, 1, 2>};
extern const OpDef kReduceProd = {kOnnxDomain, "ReduceProd", 18, 25,
                                  &MakeOf<AxesReduceOp<Prod>, 1, 2>};
extern const OpDef kReduceSum = {kOnnxDomain, "ReduceSum", 13, 25,
                                 &MakeOf<AxesReduceOp<Sum>, 1, 2>};
extern const OpDef kReduceSumSquare = {kOnnxDomain, "ReduceSumSquare", 18, 25,
                                       &MakeOf<AxesReduceOp<SumSquare>, 1, 2>};

}  // namespace mosaic
