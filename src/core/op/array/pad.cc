// Pad: elements added (or, with negative pads, taken away) before and after each axis. Mode
// constant fills them with a value; edge, reflect and wrap take them from what is left of the
// input.
#include <algorithm>
#include <cstdlib>

#include "core/op/array/padding.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

class PadOp : public PaddingOp {
 public:
  using PaddingOp::PaddingOp;

  Status Infer(InferContext& c) const override {
    std::vector<int64_t> axes;
    Dims pads;
    std::vector<int64_t> checked;
    bool known = false, axes_known = true;
    MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 1, "pads", &checked, &known));
    if (c.Has(3)) MOSAIC_RETURN_IF_ERROR(NumbersInput(c, 3, "axes", &axes, &axes_known));
    if (c.Has(2)) {
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
      const int64_t n = LengthOf(c.in(2));
      if (n >= 0 && n != 1) return Status::BadModel("constant_value must be one element");
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    Dims out = c.dims(0);
    if (!c.Known(1, &pads) || !axes_known) {
      for (Dim& d : out) d = c.NewDim();
      return c.Set(0, c.dtype(0), std::move(out));
    }
    MOSAIC_RETURN_IF_ERROR(CompleteAxes(c.in(0).rank(), pads.size(), c.Has(3), &axes));
    bool apart = true;
    for (size_t k = 0; k < axes.size(); ++k) {
      const Dim &before = pads[k], &after = pads[k + axes.size()];
      if (before.Is(0) && after.Is(0)) continue;
      for (const Dim& pad : {before, after}) {
        if (!pad.is_number() || std::abs(pad.number() / 2) <= kMaxTensorBytes / 2) continue;
        return Status::Limit("a pad of " + pad.ToString() + " is too large");
      }
      const size_t d = static_cast<size_t>(axes[k]);
      apart = apart && axes[k] != c.item_axis(0);
      out[d] = out[d] + before + after;
      if (out[d].is_unknown()) out[d] = c.NewDim();
      if (out[d].is_number() && out[d].number() < 0) {
        return Status::BadModel("pads take more from shape " + ShapeString(c.dims(0)) +
                                " than there is");
      }
      if (mode() != kConstant && LeavesNothing(c.dims(0)[d], before, after) && out[d].is_number() &&
          !out[d].Is(0)) {
        return Status::BadModel("an empty axis has nothing to pad with");
      }
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    ItemsKept(c, apart ? c.item_axis(0) : kMixed);
    return Status();
  }

  Status Start(Call& c) const override {
    std::vector<int64_t> pads, axes;
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "pads", &pads));
    if (c.Given(3)) MOSAIC_RETURN_IF_ERROR(c.Ints(3, "axes", &axes));
    const int rank = c.inputs[0].rank();
    MOSAIC_RETURN_IF_ERROR(CompleteAxes(rank, pads.size(), c.Given(3), &axes));
    Shape before(static_cast<size_t>(rank));
    for (size_t k = 0; k < axes.size(); ++k) before[static_cast<size_t>(axes[k])] = pads[k];
    return StartPadding(c, before);
  }

  bool shape_input(int i) const override { return i == 1 || i == 3; }

 private:
  static bool LeavesNothing(const Dim& size, const Dim& before, const Dim& after) {
    if (!size.is_number() || !before.is_number() || !after.is_number()) return size.Is(0);
    return size.number() + std::min<int64_t>(before.number(), 0) +
               std::min<int64_t>(after.number(), 0) <=
           0;
  }
  // As many axes as there are pairs of pads, counted from the front.
  static Status CompleteAxes(int rank, size_t pads, bool given, std::vector<int64_t>* axes) {
    if (!given) {
      for (int d = 0; d < rank; ++d) axes->push_back(d);
    }
    if (pads != 2 * axes->size()) {
      return Status::BadModel("pads has " + std::to_string(pads) + " elements for " +
                              std::to_string(axes->size()) + " axes");
    }
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(*axes, rank, &marked));
    for (int64_t& a : *axes) a += a < 0 ? rank : 0;
    return Status();
  }
};

Status MakePad(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 4));
  const std::string mode = node.String("mode", "constant");
  const char* const names[] = {"constant", "edge", "reflect", "wrap"};
  for (int m = PaddingOp::kConstant; m <= PaddingOp::kWrap; ++m) {
    if (mode != names[m]) continue;
    *out = std::make_unique<PadOp>(static_cast<PaddingOp::Mode>(m));
    return Status();
  }
  return Status::BadModel("mode " + Quoted(mode) + " is unknown");
}

}  // namespace

extern const OpDef kPad = {kOnnxDomain, "Pad", 25, 25, &MakePad};

}  // namespace mosaic
