// Flatten: a matrix of the dimensions before axis and those from axis on.
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class FlattenOp : public Op {
 public:
  explicit FlattenOp(const Node& node) : axis_(node.Int("axis", 1)) {}

  Status Infer(InferContext& c) const override {
    if (!c.in(0).ranked) {
      if (c.concrete()) {
        c.SetUnranked(0, c.dtype(0));
        return Status();
      }
      return c.Set(0, c.dtype(0), {c.NewDim(), c.NewDim()});
    }
    int axis = c.in(0).rank();
    if (axis_ != axis) MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    const Dims& x = c.dims(0);
    const size_t a = static_cast<size_t>(axis);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {Product(x, 0, a), Product(x, a, x.size())}));
    c.ItemsReshaped();
    return Status();
  }
  int view_of() const override { return 0; }

 private:
  int64_t axis_;
};

}  // namespace

extern const OpDef kFlatten = {kOnnxDomain, "Flatten", 25, 25, &MakeOf<FlattenOp, 1, 1>};

}  // namespace mosaic
