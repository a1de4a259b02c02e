// The table of operators. To add one: declare it and list it, both in alphabetical order.
#include "core/op/op.h"

namespace mosaic {

// extern const OpDef kXxx;

namespace {

const OpDef* const kOps[] = {
    nullptr,
};

}  // namespace

const std::vector<const OpDef*>& AllOps() {
  static const std::vector<const OpDef*>* const ops = [] {
    auto* all = new std::vector<const OpDef*>;
    for (const OpDef* def : kOps) {
      if (def != nullptr) all->push_back(def);
    }
    return all;
  }();
  return *ops;
}

const OpDef* FindOp(const std::string& op_type, int opset) {
  for (const OpDef* def : AllOps()) {
    if (op_type == def->op_type && opset >= def->min_opset && opset <= def->max_opset) return def;
  }
  return nullptr;
}

}  // namespace mosaic
