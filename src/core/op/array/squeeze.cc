// Squeeze and Unsqueeze: dimensions of 1 taken out or put in.
#include <algorithm>

#include "core/op/array/array_support.h"

namespace mosaic {
namespace {

class SqueezeBase : public Op {
 public:
  int view_of() const override { return 0; }
  bool shape_input(int i) const override { return i == 1; }

 protected:
  static Status Finish(InferContext& c, Dims dims) {
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(dims)));
    c.ItemsReshaped();
    IndexReshaped(c);
    if (c.out(0).rank() <= 1) c.out(0).ints = c.in(0).ints;
    return Status();
  }
};

class SqueezeOp : public SqueezeBase {
 public:
  Status Infer(InferContext& c) const override {
    std::vector<int64_t> axes;
    bool known = true;
    if (c.Has(1)) MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "axes", &axes, &known));
    const bool all = axes.empty();  // the rank then depends on which dimensions are 1
    bool told = known && c.in(0).ranked;
    if (told && all) {
      for (const Dim& d : c.dims(0)) told = told && d.is_number();
    }
    if (!told) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims& x = c.dims(0);
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes, c.in(0).rank(), &marked));
    Dims out;
    for (size_t d = 0; d < x.size(); ++d) {
      if (marked[d] && x[d].is_number() && !x[d].Is(1)) {
        return Status::BadModel("axis " + std::to_string(d) + " of shape " + ShapeString(x) +
                                " is not 1");
      }
      if (marked[d] && !x[d].is_number() && c.CountsItems(x[d])) c.Mix();
      if (!marked[d] && !(all && x[d].Is(1))) out.push_back(x[d]);
    }
    return Finish(c, std::move(out));
  }
};

class UnsqueezeOp : public SqueezeBase {
 public:
  Status Infer(InferContext& c) const override {
    std::vector<int64_t> axes;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "axes", &axes, &known));
    if (!known || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    if (axes.size() > MOSAIC_MAX_DIMS) return Status::Limit("too many axes");
    const Dims& x = c.dims(0);
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(axes, c.in(0).rank() + static_cast<int>(axes.size()), &marked));
    Dims out;
    size_t from = 0;
    for (const bool inserted : marked) out.push_back(inserted ? Dim(1) : x[from++]);
    return Finish(c, std::move(out));
  }
};

}  // namespace

extern const OpDef kSqueeze = {kOnnxDomain, "Squeeze", 25, 25, &MakePlain<SqueezeOp, 1, 2>};
extern const OpDef kUnsqueeze = {kOnnxDomain, "Unsqueeze", 25, 25, &MakePlain<UnsqueezeOp, 2, 2>};

}  // namespace mosaic
