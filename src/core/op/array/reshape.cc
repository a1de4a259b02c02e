// Reshape: the same elements under the shape that input 1 gives; 0 keeps a dimension (unless
// allowzero), one -1 is computed.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

class ReshapeOp : public Op {
 public:
  explicit ReshapeOp(const Node& node) : allow_zero_(node.Int("allowzero", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    const int dtype = c.dtype(0);
    if (c.in(1).dtype != MOSAIC_INT64) return UnsupportedType("a shape", c.in(1).dtype);
    if (c.in(1).ranked && c.in(1).rank() != 1) {
      return Status::BadModel("a shape of shape " + ShapeString(c.dims(1)) + " is no list");
    }
    Dims shape;
    if (!c.Known(1, &shape) || !c.in(0).ranked) {
      const bool rank_known = c.in(1).ranked && c.in(1).rank() == 1 && c.dims(1)[0].is_number() &&
                              c.dims(1)[0].number() <= MOSAIC_MAX_DIMS && !c.concrete();
      if (!rank_known) {
        c.SetUnranked(0, dtype);
        return Status();
      }
      Dims unknown(static_cast<size_t>(c.dims(1)[0].number()));
      for (Dim& d : unknown) d = c.NewDim();
      return c.Set(0, dtype, std::move(unknown));
    }
    MOSAIC_RETURN_IF_ERROR(Resolve(c, &shape));
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(shape)));
    c.ItemsReshaped();
    IndexReshaped(c);
    if (c.out(0).rank() <= 1 && c.in(0).ints != nullptr) c.out(0).ints = c.in(0).ints;
    return Status();
  }

  int view_of() const override { return 0; }
  bool shape_input(int i) const override { return i == 1; }

 private:
  // Replaces 0 and -1.
  Status Resolve(InferContext& c, Dims* shape) const {
    const Dims target = *shape, &x = c.dims(0);
    Dim known = 1;
    size_t computed = shape->size();
    for (size_t i = 0; i < shape->size(); ++i) {
      Dim& d = (*shape)[i];
      if (d.Is(0) && !allow_zero_) {
        if (i >= x.size()) return Mismatch(x, target);
        d = x[i];
      } else if (d.Is(-1) && computed == shape->size()) {
        computed = i;
        continue;
      } else if (d.is_number() && d.number() < 0) {
        return Mismatch(x, target);
      }
      known = known * d;
    }
    const Dim size = Product(x);
    if (computed == shape->size()) {
      if (Differ(known, size)) return Mismatch(x, target);
      if (!Same(known, size) && (c.CountsItems(known) || c.CountsItems(size))) c.Mix();
      return Status();
    }
    // Numbers alone whose product is beyond any.
    const bool overflows = known.is_too_large();
    if (known.Is(0) || overflows) return Mismatch(x, target);
    const std::optional<Dim> quotient = size.DividedBy(known);
    if (!quotient && known.is_number() && size.is_number()) return Mismatch(x, target);
    (*shape)[computed] = quotient             ? *quotient
                         : known.is_unknown() ? c.NewDim()
                                              : FloorDiv(size, known);
    return Status();
  }

  static Status Mismatch(const Dims& x, const Dims& target) {
    Dims shown(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(
                                                    target.size(), Shape::kCapacity)));
    return Status::BadModel("shape " + ShapeString(x) + " cannot be reshaped to " +
                            ShapeString(shown));
  }

  bool allow_zero_;
};

}  // namespace

extern const OpDef kReshape = {kOnnxDomain, "Reshape", 25, 25, &MakeOf<ReshapeOp, 2, 2>};

}  // namespace mosaic
