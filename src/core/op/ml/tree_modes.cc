#include "core/op/ml/tree_modes.h"

namespace mosaic {

uint8_t TreeModeOf(const std::string& name) {
  static constexpr const char* kNames[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                           "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  for (uint8_t i = 0; i < 6; ++i) {
    if (name == kNames[i]) return i;
  }
  return name == "LEAF" ? kTreeLeaf : kTreeNoMode;
}

}  // namespace mosaic
