#include <algorithm>

#include "core/op/ml/carver.h"
#include "core/op/ml/forest.h"

namespace mosaic {
namespace {

constexpr int64_t kPartCost = 4096;  // steps of a row in a unit, on average at most twice as many

template <typename T>
Forest<T> Carve(Carver* m, const ForestSizes& s) {
  Forest<T> f;
  f.header = m->Take<ForestHeader>(1);
  f.nodes = m->Take<ForestNode<T>>(s.nodes());
  f.trees = m->Take<ForestTree>(s.trees);
  f.spans = m->Take<ForestSpan>(s.nodes());
  f.modes = m->Take<uint8_t>(s.nodes());
  f.targets = m->Take<uint32_t>(s.weights);
  f.weights = m->Take<T>(s.weights);
  f.members = m->Take<T>(s.members);
  f.parts = m->Take<uint32_t>(s.parts + 1);
  f.crowns = m->Take<TreeCrown>(s.crown_nodes > 0 ? s.trees : 0);
  f.crown_nodes = m->Take<uint32_t>(s.crown_nodes);
  // Whole crowns are loaded.
  f.few_columns = m->Take<uint8_t>(s.crown_nodes > 0 ? s.crown_nodes + 64 : 0);
  f.few_ranks = m->Take<uint8_t>(s.crown_nodes > 0 ? s.crown_nodes + 64 : 0);
  f.crown_values = m->Take<float>(s.crown_nodes);
  f.crown_subtrees = m->Take<uint32_t>(s.crown_nodes);
  f.groups = m->Take<CrownGroup>(s.crown_columns());
  f.thresholds = m->Take<float>(s.crown_branches);
  return f;
}

}  // namespace

template <typename T>
int64_t Forest<T>::Bytes(const ForestSizes& sizes) {
  Carver m(nullptr);
  (void)Carve<T>(&m, sizes);
  return m.bytes();
}

template <typename T>
Forest<T> Forest<T>::At(void* memory, const ForestSizes& sizes) {
  Carver m(memory);
  return Carve<T>(&m, sizes);
}

Status ForestSizes::Of(const ForestLists& lists, int64_t targets, const Call& c, bool crowns,
                       ForestSizes* out) {
  out->targets = targets;
  out->branches = lists.features.size(c);
  out->weights = lists.weights.size(c);
  out->leaves = lists.indexed ? out->weights : 0;
  out->members = lists.members.size(c);
  out->trees = lists.indexed ? lists.roots.size(c) : out->branches;
  out->parts = std::max<int64_t>(1, (out->nodes() + kPartCost - 1) / kPartCost);
  constexpr int64_t kMost = int64_t{1} << 30;
  if (out->nodes() > kMost || out->weights > kMost || out->members > kMost || out->trees > kMost) {
    return Status::Limit("an ensemble of more than 2^30 nodes");
  }
  // Four for each branch (forest_crown.h), of which a tree has less than leaves, if those of
  // TreeEnsemble are not shared.
  out->crown_nodes = !crowns ? 0 : lists.indexed ? 4 * out->branches : 2 * out->nodes();
  out->crown_nodes = std::min(out->crown_nodes, kMostCrownNodes);
  out->crown_branches =
      std::min(out->crown_nodes, lists.indexed ? out->crown_nodes : out->nodes() / 2 + 1);
  return Status();
}

template struct Forest<float>;
template struct Forest<double>;

}  // namespace mosaic
