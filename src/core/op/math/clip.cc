// Clip: min(max(x, low), high). Bounds are attributes before opset 11 and inputs since then.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

class ClipOp : public Op {
 public:
  ClipOp(bool attributes, float low, float high)
      : attributes_(attributes), low_(low), high_(high) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(x, "an input"));
    for (size_t i = 1; i < c.inputs.size(); ++i) {
      if (!Given(c, i)) continue;
      MOSAIC_RETURN_IF_ERROR(CheckSameType(x, c.inputs[i]));
      if (c.inputs[i].size() != 1) {
        return Status::BadModel("a bound must be a scalar, has shape " +
                                ShapeString(c.inputs[i].shape()));
      }
    }
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, x.dtype(), x.shape(), &c.outputs[0]));
    c.units = x.size();
    c.unit_cost = 2;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using V = ComputeType<T>;
      V low = std::numeric_limits<V>::lowest(), high = std::numeric_limits<V>::max();
      if constexpr (std::is_floating_point_v<V>) {
        low = -std::numeric_limits<V>::infinity();
        high = std::numeric_limits<V>::infinity();
        if (attributes_) low = static_cast<V>(low_), high = static_cast<V>(high_);
      }
      if (Given(c, 1)) low = Load(*c.inputs[1].data<T>());
      if (Given(c, 2)) high = Load(*c.inputs[2].data<T>());
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t i = begin; i < end; ++i) {
        V v = Load(x[i]);
        v = v < low ? low : v;  // NaN stays
        y[i] = Store<T>(v > high ? high : v);
      }
    });
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 private:
  bool attributes_;
  float low_, high_;
};

Status MakeClip(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  const bool attributes = graph.opset < 11;
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, attributes ? 1 : 3));
  const float infinity = std::numeric_limits<float>::infinity();
  *out = std::make_unique<ClipOp>(attributes, node.Float("min", -infinity),
                                  node.Float("max", infinity));
  return Status();
}

}  // namespace

extern const OpDef kClip = {"Clip", 9, 17, &MakeClip};

}  // namespace mosaic
