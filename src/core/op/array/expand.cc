// Expand: numpy's broadcasting of input 0 with the shape that input 1 gives.
#include "core/op/op_support.h"
#include "core/op/strided.h"

namespace mosaic {
namespace {

class ExpandOp : public StridedCopyOp {
 public:
  Status Prepare(OpContext& c) const override {
    const Tensor& x = c.inputs[0];
    Shape shape, out;
    MOSAIC_RETURN_IF_ERROR(ReadInts(c.inputs[1], "a shape", &shape));
    MOSAIC_RETURN_IF_ERROR(CheckShape(shape, x.dtype()));
    MOSAIC_RETURN_IF_ERROR(BroadcastShapes(x.shape(), shape, &out));
    MOSAIC_RETURN_IF_ERROR(CheckShape(out, x.dtype()));
    return SetResult(c, out, out, BroadcastStrides(x.shape(), out));
  }

  ItemRule Items(const OpContext& c) const override {
    // A batched input of lower rank than the result would count its items in another dimension.
    return FirstInputItems(c, c.inputs[0].rank() == c.outputs[0].rank());
  }
  bool shape_input(int i) const override { return i == 1; }
};

}  // namespace

extern const OpDef kExpand = {"Expand", 9, 17, &MakePlain<ExpandOp, 2, 2>};

}  // namespace mosaic
