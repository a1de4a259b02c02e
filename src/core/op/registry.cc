// The table of operators. To add one: declare it and list it, both in alphabetical order.
#include <iterator>

#include "core/op/op.h"

namespace mosaic {

extern const OpDef kGather;
extern const OpDef kGemm;
extern const OpDef kMatMul;

namespace {

const OpDef* const kOps[] = {
    &kGather,
    &kGemm,
    &kMatMul,
};

}  // namespace

const std::vector<const OpDef*>& AllOps() {
  static const auto* const ops =
      new std::vector<const OpDef*>(std::begin(kOps), std::end(kOps));  // never destroyed
  return *ops;
}

const OpDef* FindOp(const std::string& op_type, int opset) {
  for (const OpDef* def : AllOps()) {
    if (op_type == def->op_type && opset >= def->min_opset && opset <= def->max_opset) return def;
  }
  return nullptr;
}

}  // namespace mosaic
