// com.microsoft: Gelu, BiasGelu, FastGelu, QuickGelu.
#include "core/op/math/activation_functions.h"

namespace mosaic {
namespace {

// f(x + bias), with the bits of an Add and f one after the other.
template <typename Fn>
class BiasedOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    MOSAIC_RETURN_IF_ERROR(CheckType<typename Fn::List>(c.dtype(0), "an input"));
    return InferBroadcast(c, c.dtype(0));
  }
  Status Start(Call& c) const override {
    StartBroadcast(c, Fn::kCost + 1);
    return Status();
  }
  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const StridedWalk& walk = c.state<StridedWalk>();
    end = ElementRange(c, &begin, end);
    Dispatch(typename Fn::List(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        MapRun(c.inputs[0].data<T>() + offset[0], walk.run_stride(0),
               c.inputs[1].data<T>() + offset[1], walk.run_stride(1), y + at, n,
               [](auto a, auto b) { return a + b; });
        MapUnary(Fn(), y + at, y + at, n);
      });
    });
    return Status();
  }
  bool in_place(int) const override { return true; }
};

template <typename Fn, int kMinInputs>
Status MakeBiased(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kMinInputs, 2));
  if (HasInput(node, 1)) {
    *out = std::make_unique<BiasedOp<Fn>>();
  } else {
    *out = std::make_unique<UnaryOp<Fn>>();
  }
  return Status();
}

Status MakeQuickGelu(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<UnaryOp<SwishFn>>(SwishFn(node.Float("alpha", 1.702F)));
  return Status();
}

}  // namespace

extern const OpDef kBiasGelu = {kMicrosoftDomain, "BiasGelu", 1, 1, &MakeBiased<GeluFn, 2>};
extern const OpDef kFastGelu = {kMicrosoftDomain, "FastGelu", 1, 1, &MakeBiased<GeluTanhFn, 1>};
extern const OpDef kMicrosoftGelu = {kMicrosoftDomain, "Gelu", 1, 1,
                                     &MakePlain<UnaryOp<GeluFn>, 1, 1>};
extern const OpDef kQuickGelu = {kMicrosoftDomain, "QuickGelu", 1, 1, &MakeQuickGelu};

}  // namespace mosaic
