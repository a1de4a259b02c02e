// Tile: the input repeated along every axis.
#include <algorithm>

#include "core/op/array/array_support.h"
#include "core/op/array/strided_copy.h"

namespace mosaic {
namespace {

class TileOp : public StridedCopyOp {
 public:
  Status Infer(InferContext& c) const override {
    Dims repeats;
    bool known = false;
    MOSAIC_RETURN_IF_ERROR(TargetShape(c, 1, "repeats", &repeats, &known));
    if (!known || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims out = c.dims(0);
    if (repeats.size() != out.size()) {
      return Status::BadModel("repeats has " + std::to_string(repeats.size()) +
                              " elements, the input has shape " + ShapeString(out));
    }
    for (size_t d = 0; d < out.size(); ++d) {
      MOSAIC_RETURN_IF_ERROR(CheckRepeat(repeats[d], out[d]));
      out[d] = out[d] * repeats[d];
      if (out[d].is_unknown()) out[d] = c.NewDim();
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    if (c.Itemised(0)) {
      const int axis = c.item_axis(0);
      ItemsKept(c, repeats[static_cast<size_t>(axis)].Is(1) ? axis : kMixed);
    } else {
      ItemsRepeated(c);
    }
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape &x = c.inputs[0].shape(), &y = c.outputs[0].shape();
    const Strides dense = RowMajorStrides(x);
    Shape walk;  // two dimensions for each: the repetition and the original
    Strides strides;
    for (size_t d = 0; d < x.size(); ++d) {
      walk.push_back(x[d] == 0 ? 0 : y[d] / x[d]);
      walk.push_back(x[d]);
      strides.push_back(0);
      strides.push_back(dense[d]);
    }
    return StartCopy(c, walk, strides);
  }

  bool shape_input(int i) const override { return i == 1; }

 private:
  static Status CheckRepeat(const Dim& repeat, const Dim& dim) {
    if (!repeat.is_number()) return Status();
    if (repeat.number() < 0) return Status::BadModel("a repeat is negative");
    const int64_t size = dim.is_number() ? std::max<int64_t>(dim.number(), 1) : 1;
    if (repeat.number() > kMaxTensorBytes / size) {
      return Status::Limit("a repeat of " + std::to_string(repeat.number()) + " is too large");
    }
    return Status();
  }
};

}  // namespace

extern const OpDef kTile = {kOnnxDomain, "Tile", 13, 25, &MakePlain<TileOp, 2, 2>};

}  // namespace mosaic
