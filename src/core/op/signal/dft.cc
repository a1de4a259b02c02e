// DFT: along an axis, of real or complex values (the last dimension: 1 or 2). With onesided the
// first half of the result of real values; of an inverse transform, real values of such a half.
#include "core/op/signal/fourier.h"

namespace mosaic {
namespace {

class DftOp : public FourierOp {
 public:
  explicit DftOp(const Node& node)
      : inverse_(node.Int("inverse", 0) != 0), onesided_(node.Int("onesided", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 1, "dft_length"));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 2, "axis"));
    Dim length, axis_number(-2);
    const bool known = (!c.Has(1) || KnownScalar(c, 1, &length)) &&
                       (!c.Has(2) || (KnownScalar(c, 2, &axis_number) && axis_number.is_number()));
    if (!known) c.Defer();
    if (!known || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    int axis = 0;
    const Dims& x = c.dims(0);
    MOSAIC_RETURN_IF_ERROR(Axis(axis_number.number(), c.in(0).rank(), &axis));
    MOSAIC_RETURN_IF_ERROR(CheckParts(x.back()));
    if (!c.Has(1)) length = DefaultLength(x[static_cast<size_t>(axis)]);
    if (length.is_number() && length.number() < 1) {
      return Status::Invalid("dft_length must be 1 or more, is " + length.ToString());
    }
    Dims out = x;
    out[static_cast<size_t>(axis)] = onesided_ && !inverse_ ? FloorDiv(length, 2) + 1 : length;
    out.back() = onesided_ && inverse_ ? 1 : 2;
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, c.item_axis(0) != axis);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    std::vector<int64_t> numbers;
    int axis = 0;
    if (c.Given(2)) MOSAIC_RETURN_IF_ERROR(c.Ints(2, "an axis", &numbers));
    MOSAIC_RETURN_IF_ERROR(Axis(c.Given(2) ? numbers[0] : -2, c.inputs[0].rank(), &axis));
    const size_t a = static_cast<size_t>(axis);
    Transforms t;
    t.n = DefaultLength(x[a]).number();
    if (c.Given(1)) {
      MOSAIC_RETURN_IF_ERROR(c.Ints(1, "dft_length", &numbers));
      t.n = numbers[0];
    }
    int64_t inner = 1;
    for (size_t d = a + 1; d + 1 < x.size(); ++d) inner *= x[d];
    t.source_parts = static_cast<int>(x.back());
    t.result_parts = static_cast<int>(c.outputs[0].shape().back());
    t.group = std::max<int64_t>(inner, 1);
    t.bins = c.outputs[0].dim(axis);
    t.source_length = std::min(x[a], t.n);
    t.source = {x[a] * inner * t.source_parts, t.source_parts, inner * t.source_parts};
    t.result = {t.bins * inner * t.result_parts, t.result_parts, inner * t.result_parts};
    t.count = c.outputs[0].size() / std::max<int64_t>(t.bins * t.result_parts, 1);
    t.inverse = inverse_;
    t.half = inverse_ && onesided_;
    return StartTransforms(c, t);
  }

 private:
  // The axis from the front; the last dimension is none.
  static Status Axis(int64_t axis, int rank, int* out) {
    if (rank < 2) return Status::BadModel("the input must have at least 2 dimensions");
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis, rank, out));
    if (*out < rank - 1) return Status();
    return Status::BadModel("axis " + std::to_string(axis) + " is that of the complex parts");
  }

  Status CheckParts(const Dim& parts) const {
    if (!parts.is_number()) return Status();
    if (parts.number() != 1 && parts.number() != 2) {
      return Status::BadModel("the last dimension must be 1 or 2, is " + parts.ToString());
    }
    if (!onesided_ || (parts.number() == 2) == inverse_) return Status();
    return Status::BadModel(inverse_ ? "a one-sided inverse transform takes complex values"
                                     : "a one-sided transform takes real values");
  }

  Dim DefaultLength(const Dim& axis_length) const {
    return inverse_ && onesided_ ? (axis_length - 1) * 2 : axis_length;
  }

  bool inverse_, onesided_;
};

}  // namespace

extern const OpDef kDFT = {kOnnxDomain, "DFT", 20, 25, &MakeOf<DftOp, 1, 3>};

}  // namespace mosaic
