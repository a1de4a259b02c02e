// Dropout, in inference: the input itself, and a mask (bool) in which everything is kept. Training
// with a ratio of 0 is the same.
#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 65536;

class DropoutOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    if (c.Has(1)) MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(1), "a ratio"));
    if (c.Has(2) &&
        (c.dtype(2) != MOSAIC_BOOL || (c.in(2).ranked && Differ(Product(c.dims(2)), 1)))) {
      return Status::BadModel("training_mode must be one bool");
    }
    const Tensor none;
    MOSAIC_RETURN_IF_ERROR(
        RefuseTraining(c.Has(1) ? c.in(1).value : none, c.Has(2) ? c.in(2).value : none, c.Has(1)));
    c.SetUnranked(1, MOSAIC_BOOL);
    c.SetUnranked(0, c.dtype(0));
    if (!c.in(0).ranked) return Status();
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), c.dims(0)));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_BOOL, c.dims(0)));
    c.ItemsOf(0);
    return Status();
  }

  Status Start(Call& c) const override {
    const bool mask = c.outputs.size() > 1 && c.outputs[1].defined();
    c.phases = {Phase{c.Given(2) ? 1 : 0, 1},
                Phase{mask ? (c.outputs[1].size() + kChunk - 1) / kChunk : 0, kChunk}};
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    if (phase == 0)
      return RefuseTraining(c.Given(1) ? c.inputs[1] : Tensor(), c.inputs[2], c.Given(1));
    uint8_t* mask = c.outputs[1].mutable_data<uint8_t>();
    std::fill(mask + begin * kChunk, mask + std::min(end * kChunk, c.outputs[1].size()), 1);
    return Status();
  }
  int view_of() const override { return 0; }

 private:
  // As far as the two are known. Without a ratio it is 0.5.
  static Status RefuseTraining(const Tensor& ratio, const Tensor& training, bool has_ratio) {
    const auto known = [](const Tensor& t) {
      return t.defined() && t.raw() != nullptr && t.size() == 1;
    };
    if (!known(training) || training.dtype() != MOSAIC_BOOL || !Load(*training.data<Bool>())) {
      return Status();
    }
    bool nothing_dropped = has_ratio && !known(ratio);
    if (known(ratio)) {
      Dispatch(FloatTypes(), ratio.dtype(), [&](auto type) {
        nothing_dropped = Load(*ratio.data<typename decltype(type)::T>()) == 0;
      });
    }
    if (nothing_dropped) return Status();
    return Status::Unsupported("training_mode is not supported");
  }
};

Status MakeDropout(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 3, 2));
  *out = std::make_unique<DropoutOp>();
  return Status();
}

}  // namespace

extern const OpDef kDropout = {kOnnxDomain, "Dropout", 22, 25, &MakeDropout};

}  // namespace mosaic
