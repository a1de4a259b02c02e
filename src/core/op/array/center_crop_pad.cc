// CenterCropPad: the middle of the input along some axes, or zeros around it, to reach a size.
#include "core/op/array/padding.h"

namespace mosaic {
namespace {

class CenterCropPadOp : public PaddingOp {
 public:
  explicit CenterCropPadOp(const Node& node)
      : PaddingOp(kConstant), given_(HasAttribute(node, "axes")), axes_(node.Ints("axes")) {}

  Status Infer(InferContext& c) const override {
    Dims target;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 1, "a shape", &target, &known));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims out = c.dims(0);
    if (!known) {
      for (Dim& d : out) d = c.NewDim();
      return c.Set(0, c.dtype(0), std::move(out));
    }
    std::vector<int64_t> axes;
    MOSAIC_RETURN_IF_ERROR(Axes(c.in(0).rank(), target.size(), &axes));
    bool apart = true;
    for (size_t k = 0; k < axes.size(); ++k) {
      const size_t d = static_cast<size_t>(axes[k]);
      if (Same(out[d], target[k])) continue;
      apart = apart && axes[k] != c.item_axis(0);
      out[d] = target[k];
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    ItemsKept(c, apart ? c.item_axis(0) : kMixed);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape &x = c.inputs[0].shape(), &y = c.outputs[0].shape();
    Shape before(x.size());
    for (size_t d = 0; d < x.size(); ++d) {
      before[d] = y[d] >= x[d] ? (y[d] - x[d]) / 2 : -((x[d] - y[d]) / 2);
    }
    return StartPadding(c, before);
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  Status Axes(int rank, size_t sizes, std::vector<int64_t>* axes) const {
    *axes = axes_;
    for (int d = 0; !given_ && d < rank; ++d) axes->push_back(d);
    if (axes->size() != sizes) {
      return Status::BadModel("a shape of " + std::to_string(sizes) + " sizes is given for " +
                              std::to_string(axes->size()) + " axes");
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(*axes, rank, &marked));
    for (int64_t& a : *axes) a += a < 0 ? rank : 0;
    return Status();
  }

  bool given_;
  std::vector<int64_t> axes_;
};

}  // namespace

extern const OpDef kCenterCropPad = {kOnnxDomain, "CenterCropPad", 18, 25,
                                     &MakeOf<CenterCropPadOp, 2, 2>};

}  // namespace mosaic
