// STFT: the transforms of frames of a signal [batch, length, 1 or 2], each multiplied by a window.
#include "core/op/signal/fourier.h"

namespace mosaic {
namespace {

class StftOp : public FourierOp {
 public:
  explicit StftOp(const Node& node) : onesided_(node.Int("onesided", 1) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    if (c.Has(2)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 1, "frame_step"));
    MOSAIC_RETURN_IF_ERROR(RequireScalar(c, 3, "frame_length"));
    Dim step, length;
    bool known = KnownScalar(c, 1, &step) && step.is_number();
    if (c.Has(3)) {
      known = known && KnownScalar(c, 3, &length);
    } else if (!c.Has(2)) {
      return Status::BadModel("neither a window nor a frame length is given");
    } else if (c.in(2).ranked && c.in(2).rank() == 1) {
      length = c.dims(2)[0];
    } else {
      known = false;
    }
    if (!known) c.Defer();
    if (!known || !c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims& x = c.dims(0);
    MOSAIC_RETURN_IF_ERROR(Check(c, step, length));
    const Dim frames = FloorDiv(x[1] - length, step) + 1;
    MOSAIC_RETURN_IF_ERROR(
        c.Set(0, c.dtype(0), {x[0], frames, onesided_ ? FloorDiv(length, 2) + 1 : length, 2}));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape& x = c.inputs[0].shape();
    std::vector<int64_t> step, length;
    MOSAIC_RETURN_IF_ERROR(c.Ints(1, "frame_step", &step));
    Transforms t;
    if (c.Given(3)) {
      MOSAIC_RETURN_IF_ERROR(c.Ints(3, "frame_length", &length));
      t.n = length[0];
    } else {
      t.n = c.inputs[2].size();
    }
    const int64_t frames = c.outputs[0].dim(1);
    t.window = c.Given(2) ? 2 : -1;
    t.bins = c.outputs[0].dim(2);
    t.count = x[0] * frames;
    t.group = std::max<int64_t>(frames, 1);
    t.source_parts = static_cast<int>(x[2]);
    t.source_length = t.n;
    t.source = {x[1] * t.source_parts, step[0] * t.source_parts, t.source_parts};
    t.result = {frames * t.bins * 2, t.bins * 2, 2};
    return StartTransforms(c, t);
  }

 private:
  Status Check(InferContext& c, const Dim& step, const Dim& length) const {
    const Dims& x = c.dims(0);
    if (x.size() != 3 || (x[2].is_number() && x[2].number() != 1 && x[2].number() != 2)) {
      return Status::BadModel("a signal must have shape [batch, length, 1 or 2], has " +
                              ShapeString(x));
    }
    if (onesided_ && x[2].Is(2)) {
      return Status::BadModel("a one-sided transform takes real values");
    }
    if (step.number() < 1 || (length.is_number() && length.number() < 1)) {
      return Status::Invalid("frame_step " + step.ToString() + " and frame_length " +
                             length.ToString() + " must be 1 or more");
    }
    if (c.Has(2) && c.in(2).ranked &&
        (c.in(2).rank() != 1 || !c.RequireEqual(length, c.dims(2)[0], "").ok())) {
      return Status::BadModel("a window of shape " + ShapeString(c.dims(2)) +
                              " does not fit frames of length " + length.ToString());
    }
    if (x[1].is_number() && length.is_number() && x[1].number() < length.number()) {
      return Status::Invalid("a signal of length " + x[1].ToString() +
                             " is shorter than a frame of length " + length.ToString());
    }
    return Status();
  }

  bool onesided_;
};

}  // namespace

extern const OpDef kSTFT = {kOnnxDomain, "STFT", 17, 25, &MakeOf<StftOp, 2, 4>};

}  // namespace mosaic
