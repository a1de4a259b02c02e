// Identity: the input itself, of any type (also a sequence).
#include "core/op/op_support.h"

namespace mosaic {
namespace {

class IdentityOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    c.out(0).ints = c.in(0).ints;
    return Status();
  }
  // A sequence has no shape that could be told before.
  Status Start(Call& c) const override {
    if (!c.outputs[0].defined()) c.OnePhase(1, 1);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    c.outputs[0] = c.inputs[0];
    return Status();
  }
  int view_of() const override { return 0; }
};

}  // namespace

extern const OpDef kIdentity = {kOnnxDomain, "Identity", 25, 25, &MakePlain<IdentityOp, 1, 1>};

}  // namespace mosaic
