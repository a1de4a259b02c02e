// RegexFullMatch: whether a whole string matches a regular expression.
#include <algorithm>

#include "core/op/op_support.h"
#include "core/op/text/regex.h"

namespace mosaic {
namespace {

class RegexFullMatchOp : public Op {
 public:
  explicit RegexFullMatchOp(Regex regex) : regex_(std::move(regex)) {}

  Status Infer(InferContext& c) const override {
    if (c.dtype(0) != MOSAIC_STRING) return UnsupportedType("an input", c.dtype(0));
    return InferSame(c, MOSAIC_BOOL);
  }

  Status Start(Call& c) const override {
    c.NewState<Regex::Memory>();
    c.OnePhase(c.inputs[0].size(), Regex::kMaxSteps);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    const StringElement* x = c.inputs[0].data<StringElement>();
    Regex::Memory& memory = c.state<Regex::Memory>();
    Bool* y = c.outputs[0].mutable_data<Bool>();
    for (int64_t i = begin; i < end; ++i) {
      memory.steps = 0;
      bool matches = false;
      MOSAIC_RETURN_IF_ERROR(regex_.FullMatch(x[i].view(), &memory, &matches));
      y[i] = Store<Bool>(matches);
    }
    return Status();
  }

 private:
  Regex regex_;
};

Status MakeRegexFullMatch(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  if (!HasAttribute(node, "pattern")) return Status::BadModel("attribute pattern is missing");
  Regex regex;
  MOSAIC_RETURN_IF_ERROR(Regex::Parse(node.String("pattern", ""), &regex));
  *out = std::make_unique<RegexFullMatchOp>(std::move(regex));
  return Status();
}

}  // namespace

extern const OpDef kRegexFullMatch = {kOnnxDomain, "RegexFullMatch", 20, 25, &MakeRegexFullMatch};

}  // namespace mosaic
