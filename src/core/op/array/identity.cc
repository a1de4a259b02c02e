// Identity, Optional, OptionalHasElement, OptionalGetElement: values as they are, of any type
// (sequence.h says what an optional value is).
#include "core/op/array/sequence.h"

namespace mosaic {
namespace {

// The value itself, of any type.
class SameValueOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    c.out(0).ints = c.in(0).ints;
    c.out(0).index = c.in(0).index;
    c.out(0).element = c.in(0).element;
    return Status();
  }
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

class GetElementOp : public SameValueOp {
 public:
  Status Run(Call& c, int, int64_t, int64_t) const override {
    if (IsEmptyOptional(c.inputs[0])) return Status::Invalid("the optional value is empty");
    c.outputs[0] = c.inputs[0];
    return Status();
  }
};

class EmptyOptionalOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override {
    SetSequence(c, MOSAIC_UNDEFINED);
    return Status();
  }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    c.outputs[0] = EmptyOptional();
    return Status();
  }
};

class HasElementOp : public SequenceOp {
 public:
  Status Infer(InferContext& c) const override { return c.Set(0, MOSAIC_BOOL, {}); }
  Status Run(Call& c, int, int64_t, int64_t) const override {
    const bool has = c.Given(0) && !IsEmptyOptional(c.inputs[0]);
    c.outputs[0].mutable_data<Bool>()[0] = Store<Bool>(has);
    return Status();
  }
};

Status MakeOptional(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 0, 1));
  if (HasInput(node, 0)) {
    *out = std::make_unique<SameValueOp>();
  } else {
    *out = std::make_unique<EmptyOptionalOp>();
  }
  return Status();
}

}  // namespace

extern const OpDef kIdentity = {kOnnxDomain, "Identity", 25, 25, &MakePlain<SameValueOp, 1, 1>};
extern const OpDef kOptional = {kOnnxDomain, "Optional", 15, 25, &MakeOptional};
extern const OpDef kOptionalGetElement = {kOnnxDomain, "OptionalGetElement", 18, 25,
                                          &MakePlain<GetElementOp, 1, 1>};
extern const OpDef kOptionalHasElement = {kOnnxDomain, "OptionalHasElement", 18, 25,
                                          &MakePlain<HasElementOp, 0, 1>};

}  // namespace mosaic
