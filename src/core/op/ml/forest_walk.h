// Decision trees over packed nodes.
//
// A node compares one feature with its value and has two children; a leaf is its own child, so that
// a walk may take more steps than a tree has levels. Eight walks, of eight rows in one tree or of
// one row in eight trees, are interleaved: each waits for its own loads, and there is no branch.
// Walks depend on nothing but their row, so leaves have no rounding and no order of their own.
#pragma once

#include <cstdint>

#include "core/op/ml/tree_modes.h"

namespace mosaic {

template <typename T>
struct ForestNode {
  T value;           // threshold: x < value goes to children[0]; of a leaf: what the caller puts there
  uint32_t feature;  // and in the highest bit: NaN goes to children[0], else to children[1]
  uint32_t children[2];
};

constexpr uint32_t kNanFirst = uint32_t{1} << 31;
constexpr int kWalks = 8;

struct ForestTree {
  uint32_t root;
  uint32_t depth;  // steps from the root to the deepest leaf, at most
};

template <typename T, bool kNans>
inline uint32_t ForestStep(const ForestNode<T>& node, const T* x) {
  if (!kNans) return node.children[!(x[node.feature] < node.value)];
  const T v = x[node.feature & ~kNanFirst];
  const bool first = (v < node.value) | ((v != v) & ((node.feature & kNanFirst) != 0));
  return node.children[!first];
}

// Takes row x[k] from node at[k] to its leaf, which is at most depth steps away.
template <typename T, bool kNans>
inline void WalkForest(const ForestNode<T>* nodes, uint32_t depth, const T* const* x, uint32_t* at) {
  while (depth > 0) {
    // Trees may be much deeper than most of their leaves.
    const uint32_t steps = depth < 4 ? depth : 4;
    uint32_t moved = 0;
    for (uint32_t d = 0; d < steps; ++d) {
      moved = 0;
      for (int k = 0; k < kWalks; ++k) {
        const uint32_t next = ForestStep<T, kNans>(nodes[at[k]], x[k]);
        moved |= next ^ at[k];
        at[k] = next;
      }
    }
    if (moved == 0) break;
    depth -= steps;
  }
}

// The same of one row with nodes of any mode. children[0]: the comparison is true. members: of a
// node of kTreeMember, the values [first, first + count) of member_values.
struct ForestSpan {
  uint32_t first, count;
};

template <typename T>
uint32_t WalkAnyForest(const ForestNode<T>* nodes, const uint8_t* modes, const ForestSpan* members,
                       const T* member_values, ForestTree tree, const T* x) {
  uint32_t at = tree.root;
  for (;;) {
    const ForestNode<T>& node = nodes[at];
    const T v = x[node.feature & ~kNanFirst];
    bool first = false;
    switch (modes[at]) {
      case kTreeLeq:
        first = v <= node.value;
        break;
      case kTreeLt:
        first = v < node.value;
        break;
      case kTreeGte:
        first = v >= node.value;
        break;
      case kTreeGt:
        first = v > node.value;
        break;
      case kTreeEq:
        first = v == node.value;
        break;
      case kTreeNeq:
        first = v != node.value;
        break;
      case kTreeMember:
        for (uint32_t i = 0; i < members[at].count && !first; ++i) {
          first = v == member_values[members[at].first + i];
        }
        break;
      default:
        return at;
    }
    if (v != v && (node.feature & kNanFirst) != 0) first = true;
    at = node.children[!first];
  }
}

}  // namespace mosaic
