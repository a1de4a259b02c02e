// Flatten: a matrix of the dimensions before axis and those from axis on.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class FlattenOp : public Op {
 public:
  explicit FlattenOp(int64_t axis) : axis_(axis) {}

  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    int axis = x.rank();
    if (axis_ != x.rank()) MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, x.rank(), &axis));
    Shape shape = {1, 1};
    for (int d = 0; d < x.rank(); ++d) shape[d < axis ? 0 : 1] *= x.dim(d);
    return SetView(c, shape);
  }

  void Run(OpContext&, int64_t, int64_t) const override {}
  ItemRule Items(const OpContext& c) const override { return FirstInputItems(c); }

 private:
  int64_t axis_;
};

Status MakeFlatten(const Graph&, const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<FlattenOp>(node.Int("axis", 1));
  return Status();
}

}  // namespace

extern const OpDef kFlatten = {"Flatten", 9, 17, &MakeFlatten};

}  // namespace mosaic
