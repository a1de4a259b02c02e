// BatchNormalization, in inference: y = (x - mean) / sqrt(var + epsilon) * scale + bias, each of
// the four per channel (dimension 1).
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 4096;

// What phase 0 computes of every channel.
struct Channel {
  double mean, factor, bias;
};

class BatchNormalizationOp : public Op {
 public:
  explicit BatchNormalizationOp(const Node& node)
      : epsilon_(static_cast<double>(node.Float("epsilon", 1e-5F))) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    for (size_t i = 1; i < 5; ++i) {
      MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(i), "a parameter"));
    }
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    if (!c.in(0).ranked) return Status();
    // ONNX: an input of rank 1 has one channel.
    const Dim channels = c.in(0).rank() > 1 ? c.dims(0)[1] : Dim(1);
    for (size_t i = 1; i < 5; ++i) {
      if (!c.in(i).ranked) continue;
      if (c.in(i).rank() == 1 && c.RequireEqual(channels, c.dims(i)[0], "").ok()) continue;
      return Status::BadModel("the input has " + channels.ToString() +
                              " channels, a parameter has shape " + ShapeString(c.dims(i)));
    }
    return Status();
  }

  Status Start(Call& c) const override {
    const int64_t channels = c.inputs[1].size(), size = c.outputs[0].size();
    c.scratch_bytes = channels * static_cast<int64_t>(sizeof(Channel));
    c.phases = {Phase{(channels + kChunk - 1) / kChunk, 20.0 * kChunk},
                Phase{(size + kChunk - 1) / kChunk, 4.0 * kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    begin *= kChunk, end *= kChunk;
    if (phase == 0) {
      ReadChannels(c, begin, std::min(end, c.inputs[1].size()));
    } else {
      Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
        Normalize<typename decltype(type)::T>(c, begin, std::min(end, c.outputs[0].size()));
      });
    }
    return Status();
  }
  bool in_place(int i) const override { return i == 0; }

 private:
  static double Parameter(const Tensor& t, int64_t i) {
    double v = 0;
    Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
      v = static_cast<double>(Load(t.data<typename decltype(type)::T>()[i]));
    });
    return v;
  }

  void ReadChannels(Call& c, int64_t begin, int64_t end) const {
    Channel* channels = static_cast<Channel*>(c.scratch);
    for (int64_t k = begin; k < end; ++k) {
      channels[k] = {Parameter(c.inputs[3], k),
                     Parameter(c.inputs[1], k) / std::sqrt(Parameter(c.inputs[4], k) + epsilon_),
                     Parameter(c.inputs[2], k)};
    }
  }

  template <typename T>
  static void Normalize(Call& c, int64_t begin, int64_t end) {
    const Channel* channels = static_cast<const Channel*>(c.scratch);
    const int64_t count = c.inputs[1].size();
    int64_t inner = 1;  // elements of a channel that lie together
    for (int d = 2; d < c.inputs[0].rank(); ++d) inner *= c.inputs[0].dim(d);
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    for (int64_t at = begin; at < end;) {
      const int64_t group = at / inner, n = std::min(end, (group + 1) * inner) - at;
      const Channel k = channels[group % count];
      for (int64_t i = at; i < at + n; ++i) {
        const double v = (static_cast<double>(Load(x[i])) - k.mean) * k.factor + k.bias;
        y[i] = Store<T>(static_cast<ComputeType<T>>(v));
      }
      at += n;
    }
  }

  double epsilon_;
};

Status MakeBatchNormalization(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 5, 5, 5));
  if (node.Int("training_mode", 0) != 0) {
    return Status::Unsupported("training_mode is not supported");
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (HasOutput(node, i)) {
      return Status::Unsupported("more than one output (training) is not supported");
    }
  }
  *out = std::make_unique<BatchNormalizationOp>(node);
  return Status();
}

}  // namespace

extern const OpDef kBatchNormalization = {kOnnxDomain, "BatchNormalization", 15, 25,
                                          &MakeBatchNormalization};

}  // namespace mosaic
