// Cast: elements as another type; element.h, ConvertTo, says how.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class CastOp : public Op {
 public:
  explicit CastOp(int to) : to_(to) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<AllTypes>(x, "an input"));
    if (x.dtype() == to_) return SetView(c, x.shape());
    c.outputs.resize(1);
    MOSAIC_RETURN_IF_ERROR(NewTensor(c, to_, x.shape(), &c.outputs[0]));
    c.units = x.size();
    c.unit_cost = 2;
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    if (c.inputs[0].dtype() == to_) return;
    Dispatch(AllTypes(), c.inputs[0].dtype(), [&](auto from) {
      using X = typename decltype(from)::T;
      Dispatch(AllTypes(), to_, [&](auto to) {
        using Y = typename decltype(to)::T;
        const X* x = c.inputs[0].data<X>();
        Y* y = c.outputs[0].mutable_data<Y>();
        for (int64_t i = begin; i < end; ++i) {
          y[i] = Store<Y>(ConvertTo<ComputeType<Y>>(Load(x[i])));
        }
      });
    });
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 private:
  int to_;
};

Status MakeCast(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  const int64_t to = node.Int("to", MOSAIC_UNDEFINED);
  if (to < 0 || to > MOSAIC_BFLOAT16 || !HasType(AllTypes(), static_cast<int>(to))) {
    return Status::Unsupported("a cast to ONNX type " + std::to_string(to) + " is not supported");
  }
  *out = std::make_unique<CastOp>(static_cast<int>(to));
  return Status();
}

}  // namespace

extern const OpDef kCast = {"Cast", 9, 17, &MakeCast};

}  // namespace mosaic
