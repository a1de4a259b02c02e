// The trees of an ensemble, packed and checked, once for all predictions (op/preparing.h).
//
// Made from the lists of a node in phases of short units: a table of nodes by (tree, node), links,
// an order from the roots down that finds cycles and depths, the weights of leaves, a cut of the
// trees into parts of equal cost, and the crowns of trees, by which batches are computed. What
// takes time in proportion to the nodes is all here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/kernel/tree_crown.h"
#include "core/op/ml/forest_walk.h"
#include "core/op/ml/number_list.h"

namespace mosaic {

// The lists of TreeEnsembleClassifier and TreeEnsembleRegressor ("class" or "target"), or those of
// TreeEnsemble, which counts leaves apart.
struct ForestLists {
  bool indexed = false;  // TreeEnsemble: children are indexes
  NumberList features, modes, values, true_ids, false_ids, missing;
  std::vector<uint8_t> own_modes;                        // not indexed, where short: of names
  NumberList tree_ids, node_ids;                         // not indexed
  NumberList true_leaves, false_leaves, roots, members;  // indexed
  NumberList weight_targets, weights;                    // of leaves
  NumberList weight_trees, weight_nodes;                 // not indexed

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
  uint32_t groups;  // of columns; 0: there are no crowns
  uint32_t columns;
  bool whole;    // all trees have crowns ...
  bool crowned;  // ... which are valued
};

// Bounds of what crowns take; trees beyond are walked through.
constexpr int64_t kMostCrownNodes = int64_t{1} << 19;
constexpr int64_t kMostCrownColumns = 2048;

// What Start knows of the lists.
struct ForestSizes {
  int64_t targets = 1, branches = 0, leaves = 0, weights = 0, members = 0, trees = 0, parts = 1;
  int64_t crown_nodes = 0;     // in crowns, at most
  int64_t crown_branches = 0;  // of these
  int64_t crown_columns() const {
    return crown_branches < kMostCrownColumns ? crown_branches : kMostCrownColumns;
  }
  int64_t nodes() const { return branches + leaves; }
  // crowns: there may be some. Errors: LIMIT.
  static Status Of(const ForestLists& lists, int64_t targets, const Call& c, bool crowns,
                   ForestSizes* out);
};

// Where the parts of the packed form are.
template <typename T>
struct Forest {
  ForestHeader* header;
  ForestNode<T>* nodes;
  ForestTree* trees;
  ForestSpan* spans;  // per node: weights of a leaf, members of a node
  uint8_t* modes;     // per node
  uint32_t* targets;  // per weight
  T* weights;         // per weight
  T* members;
  uint32_t* parts;        // of the trees: part p is [parts[p], parts[p + 1])
  TreeCrown* crowns;      // per tree
  uint32_t* crown_nodes;  // these as CrownTable has them
  uint8_t *few_columns, *few_ranks;
  float* crown_values;
  uint32_t* crown_subtrees;  // their nodes
  CrownGroup* groups;        // of columns
  float* thresholds;         // of groups

  static int64_t Bytes(const ForestSizes& sizes);
  static Forest At(void* memory, const ForestSizes& sizes);
};

// Appends the phases that make it to c.phases, and runs units of them.
template <typename T>
class ForestBuilder {
 public:
  static void AddPhases(const ForestLists& lists, const ForestSizes& sizes, Call* c);
  // working: memory of the build, kept by the caller from the first phase to the last.
  static Status Run(const ForestLists& lists, const ForestSizes& sizes, Call& c, int phase,
                    int64_t begin, int64_t end, Tensor* working);
};

}  // namespace mosaic
