// The trees of an ensemble, packed and checked, once for all predictions (op/preparing.h).
//
// Made from the lists of a node in phases of short units: a table of nodes by (tree, node), links,
// an order from the roots down that finds cycles and depths, the weights of leaves, and a cut of the
// trees into parts of equal cost. What takes time in proportion to the nodes is all here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/op/ml/forest_walk.h"
#include "core/op/ml/number_list.h"

namespace mosaic {

// The lists of TreeEnsembleClassifier and TreeEnsembleRegressor ("class" or "target"), or those of
// TreeEnsemble, which counts leaves apart.
struct ForestLists {
  bool indexed = false;  // TreeEnsemble: children are indexes
  NumberList features, modes, values, true_ids, false_ids, missing;
  std::vector<uint8_t> own_modes;                           // not indexed, where short: of names
  NumberList tree_ids, node_ids;                            // not indexed
  NumberList true_leaves, false_leaves, roots, members;     // indexed
  NumberList weight_targets, weights;                       // of leaves
  NumberList weight_trees, weight_nodes;                    // not indexed

  // prefix: "class" or "target".
  static Status Make(const Node& node, const std::string& prefix, ForestLists* out);
  static Status MakeIndexed(const Node& node, ForestLists* out);
  bool Has(int input) const;
  // The lengths fit each other, and the types are readable.
  Status Check(const InferContext& c) const;
};

constexpr uint32_t kMaxTreeDepth = 16384;

struct ForestHeader {
  uint32_t nodes, trees;
  uint32_t width;   // features that the trees look at: 1 + the largest
  bool plain;       // all nodes compare with <, or are leaves: ForestStep
  bool nans;        // some nodes send NaN to children[0]
  bool single;      // each leaf has one weight, its value, and there is one target
  bool negative;    // a weight is negative
  bool one_target;  // all weights are of the same target ...
  uint32_t target;  // ... which is this
  int64_t cost;     // steps that a row takes, at most
};

// What Start knows of the lists.
struct ForestSizes {
  int64_t targets = 1, branches = 0, leaves = 0, weights = 0, members = 0, trees = 0, parts = 1;
  int64_t nodes() const { return branches + leaves; }
  // Errors: LIMIT.
  static Status Of(const ForestLists& lists, int64_t targets, const Call& c, ForestSizes* out);
};

// Where the parts of the packed form are.
template <typename T>
struct Forest {
  ForestHeader* header;
  ForestNode<T>* nodes;
  ForestTree* trees;
  ForestSpan* spans;   // per node: weights of a leaf, members of a node
  uint8_t* modes;      // per node
  uint32_t* targets;   // per weight
  T* weights;          // per weight
  T* members;
  uint32_t* parts;     // of the trees: part p is [parts[p], parts[p + 1])

  static int64_t Bytes(const ForestSizes& sizes);
  static Forest At(void* memory, const ForestSizes& sizes);
};

// Appends the phases that make it to c.phases, and runs units of them.
template <typename T>
class ForestBuilder {
 public:
  static void AddPhases(const ForestLists& lists, const ForestSizes& sizes, Call* c);
  // working: memory of the build, kept by the caller from the first phase to the last.
  static Status Run(const ForestLists& lists, const ForestSizes& sizes, Call& c, int phase, int64_t begin,
                    int64_t end, Tensor* working);
};

}  // namespace mosaic
