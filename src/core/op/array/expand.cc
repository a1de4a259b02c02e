// Expand: numpy's broadcasting of input 0 with the shape that input 1 gives.
#include "core/op/array/array_support.h"
#include "core/op/array/strided_copy.h"

namespace mosaic {
namespace {

class ExpandOp : public StridedCopyOp {
 public:
  Status Infer(InferContext& c) const override {
    Dims target;
    bool ranked = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 1, "a shape", &target, &ranked));
    if (!ranked || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    for (const Dim& d : target) {
      if (d.is_number() && d.number() < 0) {
        return Status::BadModel("negative dimension in shape " + ShapeString(target));
      }
    }
    Dims out;
    MOSAIC_RETURN_IF_ERROR(c.Broadcast(c.dims(0), target, &out));
    const int lead = static_cast<int>(out.size()) - c.in(0).rank();
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    if (c.Itemised(0)) {
      ItemsKept(c, c.item_axis(0) + lead);
    } else {
      ItemsRepeated(c);
    }
    IndexExpanded(c, lead);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& out = c.outputs[0].shape();
    return StartCopy(c, out, BroadcastStrides(c.inputs[0].shape(), out));
  }

  bool shape_input(int i) const override { return i == 1; }
};

}  // namespace

extern const OpDef kExpand = {kOnnxDomain, "Expand", 13, 25, &MakePlain<ExpandOp, 2, 2>};

}  // namespace mosaic
