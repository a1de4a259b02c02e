// ArgMax, ArgMin: the index (int64) of the extreme element along an axis; of several equal ones the
// first, or with select_last_index (since opset 12) the last. NaN counts as extreme.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

// A unit is one vector: length elements, inner apart.
struct Vectors {
  int64_t length, inner;
};

class ArgExtremumOp : public Op {
 public:
  ArgExtremumOp(bool max, const Node& node)
      : max_(max),
        last_(node.Int("select_last_index", 0) != 0),
        keepdims_(node.Int("keepdims", 1) != 0),
        axis_(node.Int("axis", 0)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(x, "an input"));
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, x.rank(), &axis));
    auto vectors = std::make_shared<Vectors>(Vectors{x.dim(axis), 1});
    for (int d = axis + 1; d < x.rank(); ++d) vectors->inner *= x.dim(d);
    Shape out = x.shape();
    if (keepdims_) {
      out[static_cast<size_t>(axis)] = 1;
    } else {
      out.erase(out.begin() + axis);
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, MOSAIC_INT64, out, &c.outputs[0]));
    c.units = c.outputs[0].size();
    if (c.units > 0 && vectors->length == 0) {
      return Status::Invalid("there is no element to choose along an axis of length 0");
    }
    c.unit_cost = 2.0 * static_cast<double>(vectors->length);
    c.scratch = vectors;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<Vectors>();
    int64_t* y = c.outputs[0].mutable_data<int64_t>();
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end; ++u) {
        y[u] = Select(c.inputs[0].data<T>() + u / v.inner * v.length * v.inner + u % v.inner, v);
      }
    });
  }

  ItemRule Items(const OpContext& c) const override {
    return FirstInputItems(c, (axis_ < 0 ? axis_ + c.inputs[0].rank() : axis_) != 0);
  }

 private:
  template <typename T>
  int64_t Select(const T* x, const Vectors& v) const {
    int64_t best = 0;
    auto extreme = Load(x[0]);
    for (int64_t i = 1; i < v.length; ++i) {
      const auto value = Load(x[i * v.inner]);
      const bool nan = value != value, extreme_nan = extreme != extreme;
      const bool beyond = !extreme_nan && (nan || (max_ ? value > extreme : value < extreme));
      const bool equal = value == extreme || (nan && extreme_nan);
      if (beyond || (last_ && equal)) {
        best = i;
        extreme = value;
      }
    }
    return best;
  }

  bool max_, last_, keepdims_;
  int64_t axis_;
};

template <bool kMax>
Status MakeArgExtremum(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<ArgExtremumOp>(kMax, node);
  return Status();
}

}  // namespace

extern const OpDef kArgMax = {"ArgMax", 9, 17, &MakeArgExtremum<true>};
extern const OpDef kArgMin = {"ArgMin", 9, 17, &MakeArgExtremum<false>};

}  // namespace mosaic
