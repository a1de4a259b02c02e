// BatchNormalization, in inference: y = (x - mean) / sqrt(var + epsilon) * scale + bias, each of
// the four per channel (dimension 1).
#include "core/op/op_support.h"

namespace mosaic {
namespace {

// What is computed once per channel.
struct Channels {
  std::vector<double> mean, factor, bias;
  int64_t inner = 1;  // elements of a channel that lie together
};

class BatchNormalizationOp : public Op {
 public:
  explicit BatchNormalizationOp(float epsilon) : epsilon_(epsilon) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(x, "an input"));
    // ONNX: an input of rank 1 has one channel.
    const int64_t channels = x.rank() > 1 ? x.dim(1) : 1;
    std::vector<double> parameters[4];  // scale, bias, mean, var
    for (size_t i = 0; i < 4; ++i) {
      MOSAIC_RETURN_IF_ERROR(ReadParameter(c.inputs[i + 1], channels, &parameters[i]));
    }
    auto state = std::make_shared<Channels>();
    state->mean = parameters[2];
    state->bias = parameters[1];
    for (size_t i = 0; i < parameters[0].size(); ++i) {
      state->factor.push_back(parameters[0][i] /
                              std::sqrt(parameters[3][i] + static_cast<double>(epsilon_)));
    }
    for (int d = 2; d < x.rank(); ++d) state->inner *= x.dim(d);
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), x.shape(), &c.outputs[0]));
    c.units = x.size();
    c.unit_cost = 4;
    c.scratch = state;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    const Channels& s = c.state<Channels>();
    const int64_t channels = static_cast<int64_t>(s.factor.size());
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin; i < end; ++i) {
        const size_t k = static_cast<size_t>(i / s.inner % channels);
        const double v = (static_cast<double>(Load(x[i])) - s.mean[k]) * s.factor[k] + s.bias[k];
        y[i] = Store<T>(static_cast<ComputeType<T>>(v));
      }
    });
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 private:
  static Status ReadParameter(const Tensor& t, int64_t channels, std::vector<double>* out) {
    if (t.rank() != 1 || t.dim(0) != channels) {
      return Status::BadModel("the input has " + std::to_string(channels) +
                              " channels, a parameter has shape " + ShapeString(t.shape()));
    }
    const bool known = Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t i = 0; i < channels; ++i) {
        out->push_back(static_cast<double>(Load(t.data<T>()[i])));
      }
    });
    return known ? Status() : UnsupportedType("a parameter", t.dtype());
  }

  float epsilon_;
};

Status MakeBatchNormalization(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 5, 5, 5));
  if (node.Int("training_mode", 0) != 0) {
    return Status::Unsupported("training_mode is not supported");
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    // Before opset 14 their presence asks for training; since then inference has one output.
    if (HasOutput(node, i)) {
      return Status::Unsupported("more than one output (training, opset " +
                                 std::to_string(graph.opset) + ") is not supported");
    }
  }
  *out = std::make_unique<BatchNormalizationOp>(node.Float("epsilon", 1e-5F));
  return Status();
}

}  // namespace

extern const OpDef kBatchNormalization = {"BatchNormalization", 9, 17, &MakeBatchNormalization};

}  // namespace mosaic
