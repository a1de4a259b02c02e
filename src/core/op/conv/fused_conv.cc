// com.microsoft's FusedConv without a second addend: a Conv and its activation.
#include <map>

#include "core/op/conv/conv.h"
#include "core/op/op_support.h"

namespace mosaic {
namespace {

Status MakeFusedConv(const Node& node, std::unique_ptr<Op>* out) {
  if (HasInput(node, 3)) return Status::Unsupported("a second addend is not supported");
  static const std::map<std::string, Unary> kActivations = {
      {"Relu", Unary::kRelu}, {"Sigmoid", Unary::kSigmoid}, {"Tanh", Unary::kTanh}};
  const std::string name = node.String("activation", "");
  std::vector<EpilogueStep> steps(name.empty() ? 0 : 1);
  if (const auto f = kActivations.find(name); f != kActivations.end()) {
    steps[0].function = f->second;
  } else if (!name.empty()) {
    return Status::Unsupported("activation " + name + " is not supported");
  }
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 4));
  return MakeConv(node, ConvEpilogue(steps), out);
}

}  // namespace

extern const OpDef kFusedConv = {kMicrosoftDomain, "FusedConv", 1, 1, &MakeFusedConv};

}  // namespace mosaic
