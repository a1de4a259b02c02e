#include <utility>

#include "core/op/ml/forest.h"
#include "core/op/op_support.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// The lists that have one element a node, and those that have one a weight.
std::vector<const NumberList*> NodeLists(const ForestLists& f) {
  if (f.indexed) {
    return {&f.features, &f.values, &f.true_ids, &f.false_ids, &f.modes, &f.true_leaves, &f.false_leaves};
  }
  return {&f.features, &f.values, &f.true_ids, &f.false_ids, &f.tree_ids, &f.node_ids};
}

std::vector<const NumberList*> WeightLists(const ForestLists& f) {
  if (f.indexed) return {&f.weight_targets, &f.weights};
  return {&f.weight_targets, &f.weights, &f.weight_trees, &f.weight_nodes};
}

Status CheckLengths(const InferContext& c, const std::vector<const NumberList*>& lists) {
  for (size_t i = 1; i < lists.size(); ++i) {
    const Dim a = lists[0]->Length(c), b = lists[i]->Length(c);
    if (Differ(a, b)) {
      return Status::BadModel(Quoted(lists[0]->name()) + " has " + a.ToString() + " elements, " +
                              Quoted(lists[i]->name()) + " has " + b.ToString());
    }
  }
  return Status();
}

}  // namespace

Status ForestLists::Make(const Node& node, const std::string& prefix, ForestLists* out) {
  out->features = NumberList(node, "nodes_featureids");
  out->values = NumberList(node, "nodes_values");
  out->true_ids = NumberList(node, "nodes_truenodeids");
  out->false_ids = NumberList(node, "nodes_falsenodeids");
  out->missing = NumberList(node, "nodes_missing_value_tracks_true");
  out->tree_ids = NumberList(node, "nodes_treeids");
  out->node_ids = NumberList(node, "nodes_nodeids");
  out->weight_targets = NumberList(node, prefix + "_ids");
  out->weights = NumberList(node, prefix + "_weights");
  out->weight_trees = NumberList(node, prefix + "_treeids");
  out->weight_nodes = NumberList(node, prefix + "_nodeids");
  out->modes = NumberList(node, "nodes_modes");
  if (out->modes.input() >= 0) return Status();
  for (const std::string& name : node.Strings("nodes_modes")) {
    out->own_modes.push_back(TreeModeOf(name));
    if (out->own_modes.back() == kTreeNoMode) {
      return Status::BadModel("unknown mode " + Quoted(name) + " of a node");
    }
  }
  return Status();
}

Status ForestLists::MakeIndexed(const Node& node, ForestLists* out) {
  out->indexed = true;
  out->features = NumberList(node, "nodes_featureids");
  out->values = NumberList(node, "nodes_splits");
  out->modes = NumberList(node, "nodes_modes");
  out->true_ids = NumberList(node, "nodes_truenodeids");
  out->false_ids = NumberList(node, "nodes_falsenodeids");
  out->true_leaves = NumberList(node, "nodes_trueleafs");
  out->false_leaves = NumberList(node, "nodes_falseleafs");
  out->missing = NumberList(node, "nodes_missing_value_tracks_true");
  out->roots = NumberList(node, "tree_roots");
  out->weight_targets = NumberList(node, "leaf_targetids");
  out->weights = NumberList(node, "leaf_weights");
  out->members = NumberList(node, "membership_values");
  for (const NumberList* l : {&out->values, &out->modes, &out->weights}) {
    if (l->input() < 0) return Status::BadModel("attribute " + Quoted(l->name()) + " is missing");
  }
  return Status();
}

bool ForestLists::Has(int input) const {
  for (const auto& lists : {NodeLists(*this), WeightLists(*this)}) {
    for (const NumberList* l : lists) {
      if (l->Is(input)) return true;
    }
  }
  return missing.Is(input) || modes.Is(input) || roots.Is(input) || members.Is(input);
}

Status ForestLists::Check(const InferContext& c) const {
  MOSAIC_RETURN_IF_ERROR(CheckLengths(c, NodeLists(*this)));
  MOSAIC_RETURN_IF_ERROR(CheckLengths(c, WeightLists(*this)));
  if (!indexed) {
    const Dim n = features.Length(c);
    const Dim given = modes.input() >= 0 ? modes.Length(c) : Dim(static_cast<int64_t>(own_modes.size()));
    if (Differ(n, given)) {
      return Status::BadModel("\"nodes_modes\" has " + given.ToString() + " elements, there are " +
                              n.ToString() + " nodes");
    }
  }
  const Dim tracks = missing.Length(c);
  if (!tracks.Is(0) && Differ(tracks, features.Length(c))) {
    return Status::BadModel(Quoted(missing.name()) + " has " + tracks.ToString() +
                            " elements, there are " + features.Length(c).ToString() + " nodes");
  }
  bool readable = values.Readable<double>(c) && weights.Readable<double>(c) && members.Readable<double>(c);
  for (const NumberList* l : {&features, &true_ids, &false_ids, &missing, &tree_ids, &node_ids, &roots,
                              &true_leaves, &false_leaves, &weight_targets, &weight_trees, &weight_nodes}) {
    readable = readable && l->Readable<int64_t>(c);
  }
  if (modes.input() >= 0) readable = readable && modes.Readable<int64_t>(c);
  return readable ? Status() : Status::BadModel("the lists of nodes are of types that do not fit");
}

}  // namespace mosaic
