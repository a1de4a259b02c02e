// Dropout, in inference: the input itself, and a mask in which everything is kept. The mask is of
// the input's type before opset 10 and bool since then.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class DropoutOp : public Op {
 public:
  DropoutOp(const Node& node, bool bool_mask)
      : outputs_(node.outputs.size()), mask_(HasOutput(node, 1)), bool_mask_(bool_mask) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(x, "an input"));
    if (Given(c, 2)) {
      const Tensor& training = c.inputs[2];
      if (training.dtype() != MOSAIC_BOOL || training.size() != 1) {
        return Status::BadModel("training_mode must be one bool");
      }
      if (Load(*training.data<Bool>())) {
        return Status::Unsupported("training_mode is not supported");
      }
    }
    MOSAIC_RETURN_IF_ERROR(SetView(c, x.shape()));
    c.outputs.resize(outputs_);
    if (mask_) {
      MOSAIC_RETURN_IF_ERROR(
          NewTensor(c, bool_mask_ ? MOSAIC_BOOL : x.dtype(), x.shape(), &c.outputs[1]));
      c.units = x.size();
      c.unit_cost = 1;
    }
    return Status();
  }

  void Run(OpContext& c, int64_t begin, int64_t end) const override {
    if (!mask_) return;
    Dispatch(AllTypes(), c.outputs[1].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* mask = c.outputs[1].mutable_data<T>();
      std::fill(mask + begin, mask + end, Store<T>(1));
    });
  }

  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 private:
  size_t outputs_;
  bool mask_, bool_mask_;
};

Status MakeDropout(const Graph& graph, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, graph.opset >= 12 ? 3 : 1, 2));
  *out = std::make_unique<DropoutOp>(node, graph.opset >= 10);
  return Status();
}

}  // namespace

extern const OpDef kDropout = {"Dropout", 9, 17, &MakeDropout};

}  // namespace mosaic
