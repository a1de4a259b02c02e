// LayerNormalization: over the dimensions from axis on, taken together,
//   y = (x - mean) / sqrt(var + epsilon) * scale + bias;
// optional outputs: mean and 1 / sqrt(var + epsilon), as float32. A unit is one such row, computed
// in double.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {
namespace {

struct LayerState {
  int64_t length;    // of a row
  StridedWalk walk;  // over a row: operands scale and bias
};

class LayerNormalizationOp : public Op {
 public:
  explicit LayerNormalizationOp(const Node& node)
      : axis_(node.Int("axis", -1)),
        epsilon_(node.Float("epsilon", 1e-5F)),
        outputs_(node.outputs.size()),
        mean_(HasOutput(node, 1)),
        deviation_(HasOutput(node, 2)) {}

  Status Prepare(OpContext& c) const override {
    const Tensor &x = c.inputs[0], &scale = c.inputs[1];
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(x, "an input"));
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, x.rank(), &axis));
    const Shape row(x.shape().begin() + axis, x.shape().end());
    std::vector<StridedWalk::Operand> operands;
    for (size_t i = 1; i < 3; ++i) {
      const Tensor& parameter = Given(c, i) ? c.inputs[i] : scale;
      MOSAIC_RETURN_IF_ERROR(CheckSameType(x, parameter));
      Shape out;
      MOSAIC_RETURN_IF_ERROR(BroadcastShapes(row, parameter.shape(), &out));
      if (out != row) {
        return Status::BadModel("a parameter of shape " + ShapeString(parameter.shape()) +
                                " does not fit rows of shape " + ShapeString(row));
      }
      operands.push_back({BroadcastStrides(parameter.shape(), row), 0});
    }
    Shape statistics = x.shape();
    std::fill(statistics.begin() + axis, statistics.end(), 1);
    c.outputs.resize(outputs_);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), x.shape(), &c.outputs[0]));
    if (mean_) MOSAIC_RETURN_IF_ERROR(NewTensor(c, MOSAIC_FLOAT, statistics, &c.outputs[1]));
    if (deviation_) MOSAIC_RETURN_IF_ERROR(NewTensor(c, MOSAIC_FLOAT, statistics, &c.outputs[2]));
    const int64_t length = NumElements(row);
    if (length == 0 && NumElements(statistics) > 0) {
      return Status::Invalid("rows of no elements cannot be normalised");
    }
    c.units = NumElements(statistics);
    c.unit_cost = 8.0 * static_cast<double>(length);
    c.scratch =
        std::make_shared<LayerState>(LayerState{length, StridedWalk(row, std::move(operands))});
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      for (int64_t u = begin; u < end; ++u) Row<typename decltype(type)::T>(c, u);
    });
  }

  ItemRule Items(const OpContext& c) const override {
    return FirstInputItems(c, (axis_ < 0 ? axis_ + c.inputs[0].rank() : axis_) != 0);
  }

 private:
  template <typename T>
  void Row(OpContext& c, int64_t u) const {
    const LayerState& s = c.state<LayerState>();
    const T* x = c.inputs[0].data<T>() + u * s.length;
    T* y = c.outputs[0].mutable_data<T>() + u * s.length;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < s.length; ++i) sum += static_cast<double>(Load(x[i]));
    const double mean = sum / static_cast<double>(s.length);
    for (int64_t i = 0; i < s.length; ++i) {
      const double d = static_cast<double>(Load(x[i])) - mean;
      squares += d * d;
    }
    const double inverse =
        1 / std::sqrt(squares / static_cast<double>(s.length) + static_cast<double>(epsilon_));
    if (mean_) c.outputs[1].mutable_data<float>()[u] = static_cast<float>(mean);
    if (deviation_) c.outputs[2].mutable_data<float>()[u] = static_cast<float>(inverse);
    const T* scale = c.inputs[1].data<T>();
    const T* bias = Given(c, 2) ? c.inputs[2].data<T>() : nullptr;
    const int64_t scale_step = s.walk.run_stride(0), bias_step = s.walk.run_stride(1);
    s.walk.ForEachRun(0, s.length, [&](int64_t at, const int64_t* offset, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        double v = (static_cast<double>(Load(x[at + i])) - mean) * inverse;
        v *= static_cast<double>(Load(scale[offset[0] + i * scale_step]));
        if (bias != nullptr) v += static_cast<double>(Load(bias[offset[1] + i * bias_step]));
        y[at + i] = Store<T>(static_cast<ComputeType<T>>(v));
      }
    });
  }

  int64_t axis_;
  float epsilon_;
  size_t outputs_;
  bool mean_, deviation_;
};

Status MakeLayerNormalization(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3, 3));
  if (node.Int("stash_type", MOSAIC_FLOAT) != MOSAIC_FLOAT) {
    return Status::Unsupported("a stash_type other than float32 is not supported");
  }
  *out = std::make_unique<LayerNormalizationOp>(node);
  return Status();
}

}  // namespace

extern const OpDef kLayerNormalization = {"LayerNormalization", 17, 17, &MakeLayerNormalization};

}  // namespace mosaic
