// The kinds of nodes of trees, as TreeEnsemble numbers them since version 5; and leaves, which there
// are apart.
#pragma once

#include <cstdint>
#include <string>

namespace mosaic {

enum TreeMode : uint8_t {
  kTreeLeq = 0,
  kTreeLt = 1,
  kTreeGte = 2,
  kTreeGt = 3,
  kTreeEq = 4,
  kTreeNeq = 5,
  kTreeMember = 6,
  kTreeLeaf = 7,
  kTreeNoMode = 255
};

// Of the names of versions 1 to 3: BRANCH_LEQ, ..., LEAF.
uint8_t TreeModeOf(const std::string& name);

}  // namespace mosaic
