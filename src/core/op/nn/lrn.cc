// LRN: y = x / (bias + alpha / size * sum)^beta, where sum is that of the squares of "size"
// channels around the element's own.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

struct Window {
  int64_t channels, inner;  // inner: elements of a channel
  int64_t before, after;    // channels of the sum
  int64_t chunk;            // elements of a unit
};

class LrnOp : public Op {
 public:
  explicit LrnOp(const Node& node)
      : size_(node.Int("size", 1)),
        alpha_(static_cast<double>(node.Float("alpha", 1e-4F))),
        beta_(static_cast<double>(node.Float("beta", 0.75F))),
        bias_(static_cast<double>(node.Float("bias", 1.0F))) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    if (c.in(0).ranked && c.in(0).rank() < 2) {
      return Status::BadModel("the input must have at least 2 dimensions, has shape " +
                              ShapeString(c.dims(0)));
    }
    if (c.itemised() && c.item_axis(0) == 1) c.Mix();
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    Window& w = c.NewState<Window>();
    w.channels = x[1];
    w.inner = 1;
    for (size_t d = 2; d < x.size(); ++d) w.inner *= x[d];
    w.before = std::min((size_ - 1) / 2, w.channels);
    w.after = std::min(size_ / 2, w.channels);
    const int64_t summed = w.before + w.after + 1;
    w.chunk = std::max<int64_t>(1, 65536 / (summed + 16));
    c.OnePhase((c.outputs[0].size() + w.chunk - 1) / w.chunk,
               static_cast<double>(w.chunk * (2 * summed + 40)));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const Window& w = c.state<Window>();
    end = std::min(end * w.chunk, c.outputs[0].size());
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin * w.chunk; i < end; ++i) {
        const int64_t channel = i / w.inner % w.channels, first = i - channel * w.inner;
        const int64_t last = std::min(channel + w.after, w.channels - 1);
        double sum = 0;
        for (int64_t k = std::max<int64_t>(channel - w.before, 0); k <= last; ++k) {
          const double e = static_cast<double>(Load(x[first + k * w.inner]));
          sum += e * e;
        }
        const double divisor = std::pow(bias_ + alpha_ / static_cast<double>(size_) * sum, beta_);
        y[i] = Store<T>(static_cast<ComputeType<T>>(static_cast<double>(Load(x[i])) / divisor));
      }
    });
    return Status();
  }

 private:
  int64_t size_;
  double alpha_, beta_, bias_;
};

Status MakeLrn(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t size = node.Int("size", 0);
  if (size < 1) return Status::BadModel("size must be 1 or more, is " + std::to_string(size));
  *out = std::make_unique<LrnOp>(node);
  return Status();
}

}  // namespace

extern const OpDef kLRN = {kOnnxDomain, "LRN", 13, 25, &MakeLrn};

}  // namespace mosaic
