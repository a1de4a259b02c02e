// Softmax, LogSoftmax.
//
// Since opset 13 along one axis (default -1); before, the input is seen as a matrix whose rows are
// the dimensions from axis (default 1) on, taken together.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

// A unit is one vector: length elements, inner apart.
struct Vectors {
  int64_t length = 1, inner = 1;
};

class SoftmaxOp : public Op {
 public:
  SoftmaxOp(bool flatten, bool log, int64_t axis) : flatten_(flatten), log_(log), axis_(axis) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(x, "an input"));
    // The matrix view of a scalar, and one with all dimensions as rows, exist.
    int axis = 0;
    if (!flatten_ || axis_ != x.rank()) {
      MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, x.rank(), &axis));
    } else {
      axis = x.rank();
    }
    auto vectors = std::make_shared<Vectors>();
    for (int d = axis; d < x.rank(); ++d) {
      (d == axis || flatten_ ? vectors->length : vectors->inner) *= x.dim(d);
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), x.shape(), &c.outputs[0]));
    c.units = x.size() == 0 ? 0 : x.size() / vectors->length;
    c.unit_cost = 40.0 * static_cast<double>(vectors->length);
    c.scratch = vectors;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<Vectors>();
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end; ++u) {
        const int64_t at = u / v.inner * v.length * v.inner + u % v.inner;
        Vector(c.inputs[0].data<T>() + at, c.outputs[0].mutable_data<T>() + at, v);
      }
    });
  }

  ItemRule Items(const OpContext& c) const override {
    const int rank = c.inputs[0].rank();
    return FirstInputItems(c, (axis_ < 0 ? axis_ + rank : axis_) != 0);
  }

 private:
  template <typename T>
  void Vector(const T* x, T* y, const Vectors& v) const {
    using V = ComputeType<T>;
    V max = Load(x[0]);
    for (int64_t i = 1; i < v.length; ++i) max = std::max(max, Load(x[i * v.inner]));
    double sum = 0;
    for (int64_t i = 0; i < v.length; ++i) sum += std::exp(Load(x[i * v.inner]) - max);
    const V total = static_cast<V>(sum), log_total = static_cast<V>(std::log(sum));
    for (int64_t i = 0; i < v.length; ++i) {
      const V shifted = Load(x[i * v.inner]) - max;
      y[i * v.inner] = Store<T>(log_ ? shifted - log_total : std::exp(shifted) / total);
    }
  }

  bool flatten_, log_;
  int64_t axis_;
};

template <bool kLog>
Status MakeSoftmax(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const bool flatten = graph.opset < 13;
  *out = std::make_unique<SoftmaxOp>(flatten, kLog, node.Int("axis", flatten ? 1 : -1));
  return Status();
}

}  // namespace

extern const OpDef kLogSoftmax = {"LogSoftmax", 9, 17, &MakeSoftmax<true>};
extern const OpDef kSoftmax = {"Softmax", 9, 17, &MakeSoftmax<false>};

}  // namespace mosaic
