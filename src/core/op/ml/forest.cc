#include "core/op/ml/forest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <limits>
#include <utility>

#include "core/op/ml/carver.h"
#include "core/op/ml/forest_crown.h"

namespace mosaic {
namespace {

constexpr int64_t kClearChunk = 65536, kNodeChunk = 2048;
constexpr uint32_t kNone = UINT32_MAX;

int64_t Chunked(int64_t n, int64_t of) { return (n + of - 1) / of; }

// What is needed while the packed form is made.
struct Working {
  struct Place {
    int64_t head = 0, tail = 0;        // of the queue
    int64_t member = 0;                // the next member of a set
    int64_t sum = 0;                   // of spans, or of costs
  };
  Place* place;
  uint32_t* table;     // nodes by (tree, node), open addressing: index + 1, 0: free
  uint32_t *parents, *queue, *depth, *tree;  // per node
  int64_t* ids;        // per node: tree, node

  int64_t capacity;    // of table, a power of two

  static Working Carve(Carver* m, int64_t nodes, bool indexed) {
    Working w;
    w.capacity = 1;
    while (!indexed && w.capacity < 2 * nodes) w.capacity *= 2;
    w.place = m->Take<Place>(1);
    w.parents = m->Take<uint32_t>(nodes);
    w.queue = m->Take<uint32_t>(nodes);
    w.depth = m->Take<uint32_t>(nodes);
    w.tree = m->Take<uint32_t>(nodes);
    w.table = m->Take<uint32_t>(w.capacity);
    w.ids = m->Take<int64_t>(indexed ? 0 : 2 * nodes);
    return w;
  }
  uint32_t* Slot(int64_t tree_id, int64_t node_id) const {
    uint64_t h = static_cast<uint64_t>(tree_id) * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(node_id);
    h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
    for (uint64_t i = h;; ++i) {
      uint32_t* slot = table + (i & static_cast<uint64_t>(capacity - 1));
      if (*slot == 0) return slot;
      const int64_t* id = ids + 2 * int64_t{*slot - 1};
      if (id[0] == tree_id && id[1] == node_id) return slot;
    }
  }
};

std::string NodeName(int64_t tree, int64_t node) {
  return "tree " + std::to_string(tree) + ": node " + std::to_string(node);
}

// One build: what all phases work on.
template <typename T>
class Build {
 public:
  Build(const ForestLists& lists, const ForestSizes& sizes, Call& c, const Working& w)
      : l_(lists), s_(sizes), c_(c), w_(w), f_(Forest<T>::At(c.outputs[0].mutable_raw(), sizes)) {}

  void Clear(int64_t unit);
  Status Roots(int64_t begin, int64_t end);
  Status Nodes(int64_t begin, int64_t end);
  Status Links(int64_t begin, int64_t end);
  void Tops(int64_t begin, int64_t end);
  Status Order(int64_t unit);
  Status CountWeights(int64_t begin, int64_t end);
  void PlaceWeights(int64_t begin, int64_t end);
  void FillWeights(int64_t begin, int64_t end);
  Status Finish(int64_t begin, int64_t end);
  void SumCosts(int64_t begin, int64_t end);
  void Parts(int64_t begin, int64_t end);

 private:
  Status Branch(int64_t i, int64_t feature, uint8_t mode, T value);
  Status Link(int64_t i, int which, const NumberList& ids);
  Status LinkIndexed(int64_t i, int which);
  Status Child(int64_t i, int which, uint32_t child);
  void Normalise(ForestNode<T>* node, uint8_t mode, bool missing);
  bool Tracks(int64_t i) const {
    return i < l_.missing.size(c_) && l_.missing.template At<int64_t>(c_, i) == 1;
  }
  std::string Name(int64_t i) const {
    if (l_.indexed) return "node " + std::to_string(i);
    return NodeName(w_.ids[2 * i], w_.ids[2 * i + 1]);
  }

  const ForestLists& l_;
  const ForestSizes& s_;
  Call& c_;
  Working w_;
  Forest<T> f_;
};

template <typename T>
void Build<T>::Clear(int64_t unit) {
  const auto clear = [unit](uint32_t* list, int64_t n, int value) {
    const int64_t begin = std::min(n, unit * kClearChunk), end = std::min(n, begin + kClearChunk);
    std::memset(list + begin, value, static_cast<size_t>(end - begin) * sizeof(uint32_t));
  };
  if (unit == 0) *w_.place = Working::Place();
  if (unit == 0) f_.header->plain = true;
  clear(w_.table, w_.capacity, 0);
  clear(w_.parents, s_.nodes(), 0);
  clear(w_.depth, s_.nodes(), 0);
  clear(w_.tree, s_.nodes(), 255);
}

template <typename T>
Status Build<T>::Branch(int64_t i, int64_t feature, uint8_t mode, T value) {
  if (feature < 0 || feature >= int64_t{kNanFirst}) {
    return Status::BadModel(Name(i) + " looks at feature " + std::to_string(feature));
  }
  f_.nodes[i].feature = static_cast<uint32_t>(feature);
  f_.header->width = std::max(f_.header->width, static_cast<uint32_t>(feature) + 1);
  // "<=" becomes "<" the next number, which the largest has not.
  const bool next = mode == kTreeLeq || mode == kTreeGt;
  if (mode > kTreeGt || std::isnan(value) || (next && value == std::numeric_limits<T>::infinity())) {
    f_.header->plain = false;
  }
  return Status();
}

template <typename T>
Status Build<T>::Nodes(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    f_.nodes[i].children[0] = f_.nodes[i].children[1] = static_cast<uint32_t>(i);
    f_.modes[i] = kTreeLeaf;
    if (i >= s_.branches) continue;  // a leaf of TreeEnsemble
    const T value = l_.values.template At<T>(c_, i);
    const uint8_t mode = l_.modes.input() < 0 ? l_.own_modes[static_cast<size_t>(i)]
                                              : static_cast<uint8_t>(l_.modes.template At<int64_t>(c_, i));
    f_.modes[i] = mode;
    f_.nodes[i].value = value;
    if (!l_.indexed) {
      int64_t* id = w_.ids + 2 * i;
      id[0] = l_.tree_ids.template At<int64_t>(c_, i);
      id[1] = l_.node_ids.template At<int64_t>(c_, i);
      uint32_t* slot = w_.Slot(id[0], id[1]);
      if (*slot != 0) return Status::BadModel(Name(i) + " is there twice");
      *slot = static_cast<uint32_t>(i) + 1;
      // A tree begins with its root.
      if (i == 0 || id[-2] != id[0]) f_.trees[f_.header->trees++].root = static_cast<uint32_t>(i);
      w_.tree[i] = f_.header->trees - 1;
    }
    if (mode > kTreeLeaf || (mode == kTreeLeaf && l_.indexed)) {
      return Status::BadModel(Name(i) + " is of an unknown mode");
    }
    if (mode == kTreeLeaf) continue;
    MOSAIC_RETURN_IF_ERROR(Branch(i, l_.features.template At<int64_t>(c_, i), mode, value));
  }
  return Status();
}

template <typename T>
Status Build<T>::Roots(int64_t begin, int64_t end) {
  for (int64_t t = begin; t < end; ++t) {
    const int64_t root = l_.roots.template At<int64_t>(c_, t);
    if (root < 0 || root >= s_.branches) {
      return Status::BadModel("the root of tree " + std::to_string(t) + " is node " +
                              std::to_string(root) + " of " + std::to_string(s_.branches));
    }
    if (w_.tree[root] != kNone) {
      return Status::BadModel("node " + std::to_string(root) + " is the root of two trees");
    }
    w_.tree[root] = static_cast<uint32_t>(t);
    f_.trees[t].root = static_cast<uint32_t>(root);
  }
  f_.header->trees = static_cast<uint32_t>(s_.trees);
  return Status();
}

template <typename T>
Status Build<T>::Child(int64_t i, int which, uint32_t child) {
  if (!l_.indexed && w_.tree[child] != w_.tree[i]) {
    return Status::BadModel(Name(i) + ": its tree is listed in several places");
  }
  f_.nodes[i].children[which] = child;
  ++w_.parents[child];
  return Status();
}

template <typename T>
Status Build<T>::Link(int64_t i, int which, const NumberList& ids) {
  const int64_t id = ids.template At<int64_t>(c_, i);
  const uint32_t* slot = w_.Slot(w_.ids[2 * i], id);
  if (*slot == 0) {
    return Status::BadModel(Name(i) + " leads to node " + std::to_string(id) +
                            ", which its tree has not");
  }
  return Child(i, which, *slot - 1);
}

template <typename T>
Status Build<T>::LinkIndexed(int64_t i, int which) {
  const NumberList& ids = which == 0 ? l_.true_ids : l_.false_ids;
  const NumberList& leaves = which == 0 ? l_.true_leaves : l_.false_leaves;
  const int64_t id = ids.template At<int64_t>(c_, i);
  const bool leaf = leaves.template At<int64_t>(c_, i) != 0;
  if (id < 0 || id >= (leaf ? s_.leaves : s_.branches)) {
    return Status::BadModel(Name(i) + " leads to " + (leaf ? "leaf " : "node ") + std::to_string(id) +
                            " of " + std::to_string(leaf ? s_.leaves : s_.branches));
  }
  return Child(i, which, static_cast<uint32_t>(leaf ? s_.branches + id : id));
}

template <typename T>
Status Build<T>::Links(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < std::min(end, s_.branches); ++i) {
    if (f_.modes[i] == kTreeLeaf) continue;
    for (int which = 0; which < 2; ++which) {
      MOSAIC_RETURN_IF_ERROR(l_.indexed ? LinkIndexed(i, which)
                                        : Link(i, which, which == 0 ? l_.true_ids : l_.false_ids));
    }
  }
  return Status();
}

// Nodes that none leads to begin the order.
template <typename T>
void Build<T>::Tops(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    if (w_.parents[i] == 0) w_.queue[w_.place->tail++] = static_cast<uint32_t>(i);
  }
}

// Each node after all that lead to it: those in a cycle are never reached.
template <typename T>
Status Build<T>::Order(int64_t unit) {
  Working::Place& p = *w_.place;
  for (int64_t k = 0; k < kNodeChunk && p.head < p.tail; ++k) {
    const uint32_t i = w_.queue[p.head++];
    if (f_.modes[i] == kTreeLeaf) continue;
    for (uint32_t child : f_.nodes[i].children) {
      if (l_.indexed && child < s_.branches) {  // leaves may be shared
        if (w_.tree[child] != kNone && w_.tree[child] != w_.tree[i]) {
          return Status::BadModel(Name(child) + " is part of two trees");
        }
        w_.tree[child] = w_.tree[i];
      }
      w_.depth[child] = std::max(w_.depth[child], w_.depth[i] + 1);
      if (w_.depth[child] > kMaxTreeDepth) {
        return Status::Limit(Name(child) + " is more than " + std::to_string(kMaxTreeDepth) +
                             " levels deep");
      }
      if (w_.tree[i] != kNone) {
        uint32_t& depth = f_.trees[w_.tree[i]].depth;
        depth = std::max(depth, w_.depth[child]);
      }
      if (--w_.parents[child] == 0) w_.queue[p.tail++] = child;
    }
  }
  if ((unit + 1) * kNodeChunk >= s_.nodes() && p.head < s_.nodes()) {
    int64_t i = 0;
    while (w_.parents[i] == 0) ++i;
    return Status::BadModel(Name(i) + " leads back to itself");
  }
  return Status();
}

template <typename T>
Status Build<T>::CountWeights(int64_t begin, int64_t end) {
  ForestHeader& h = *f_.header;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t target = l_.weight_targets.template At<int64_t>(c_, i);
    if (target < 0 || target >= s_.targets) {
      return Status::BadModel("a weight is of target " + std::to_string(target) + " of " +
                              std::to_string(s_.targets));
    }
    if (i == 0) h.target = static_cast<uint32_t>(target);
    if (i == 0) h.one_target = true;
    h.one_target = h.one_target && h.target == target;
    h.negative = h.negative || l_.weights.template At<T>(c_, i) < 0;
    if (l_.indexed) {
      f_.spans[s_.branches + i] = {static_cast<uint32_t>(i), 1};
      f_.targets[i] = static_cast<uint32_t>(target);
      f_.weights[i] = l_.weights.template At<T>(c_, i);
      continue;
    }
    const int64_t tree = l_.weight_trees.template At<int64_t>(c_, i);
    const int64_t node = l_.weight_nodes.template At<int64_t>(c_, i);
    const uint32_t* slot = w_.Slot(tree, node);
    if (*slot == 0) return Status::BadModel(NodeName(tree, node) + " has a weight, but is not there");
    // Those of nodes that are no leaves mean nothing.
    if (f_.modes[*slot - 1] == kTreeLeaf) ++f_.spans[*slot - 1].count;
  }
  return Status();
}

template <typename T>
void Build<T>::PlaceWeights(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    f_.spans[i].first = static_cast<uint32_t>(w_.place->sum);
    w_.place->sum += f_.spans[i].count;
    f_.spans[i].count = 0;
  }
}

template <typename T>
void Build<T>::FillWeights(int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const uint32_t* slot = w_.Slot(l_.weight_trees.template At<int64_t>(c_, i),
                                   l_.weight_nodes.template At<int64_t>(c_, i));
    if (f_.modes[*slot - 1] != kTreeLeaf) continue;
    ForestSpan& span = f_.spans[*slot - 1];
    const uint32_t at = span.first + span.count++;
    f_.targets[at] = static_cast<uint32_t>(l_.weight_targets.template At<int64_t>(c_, i));
    f_.weights[at] = l_.weights.template At<T>(c_, i);
  }
}

// "<" alone, so that all nodes of a plain forest are one instruction.
template <typename T>
void Build<T>::Normalise(ForestNode<T>* node, uint8_t mode, bool missing) {
  if (mode == kTreeLeq || mode == kTreeGt) {
    node->value = std::nextafter(node->value, std::numeric_limits<T>::infinity());
  }
  if (mode == kTreeGte || mode == kTreeGt) {
    std::swap(node->children[0], node->children[1]);
    missing = !missing;
  }
  if (missing) node->feature |= kNanFirst;
}

template <typename T>
Status Build<T>::Finish(int64_t begin, int64_t end) {
  ForestHeader& h = *f_.header;
  if (begin == 0) h.single = s_.targets == 1;
  if (begin == 0) h.nodes = static_cast<uint32_t>(s_.nodes());
  for (int64_t i = begin; i < end; ++i) {
    ForestNode<T>& node = f_.nodes[i];
    if (f_.modes[i] == kTreeLeaf) {
      node.feature = 0;
      node.value = f_.spans[i].count == 1 ? f_.weights[f_.spans[i].first] : T(0);
      h.single = h.single && f_.spans[i].count <= 1;
      continue;
    }
    const bool missing = Tracks(i);
    if (h.plain) {
      Normalise(&node, f_.modes[i], missing);
    } else if (missing) {
      node.feature |= kNanFirst;
    }
    h.nans = h.nans || (node.feature & kNanFirst) != 0;
    if (f_.modes[i] != kTreeMember) continue;
    // Its values are those up to the next NaN.
    int64_t& at = w_.place->member;
    f_.spans[i].first = static_cast<uint32_t>(at);
    for (; at < s_.members; ++at, ++f_.spans[i].count) {
      f_.members[at] = l_.members.template At<T>(c_, at);
      if (std::isnan(f_.members[at])) break;
    }
    if (f_.spans[i].count == 0) return Status::BadModel(Name(i) + " has no values to be a member of");
    ++at;
  }
  return Status();
}

template <typename T>
void Build<T>::SumCosts(int64_t begin, int64_t end) {
  for (int64_t t = begin; t < std::min(end, int64_t{f_.header->trees}); ++t) {
    f_.header->cost += f_.trees[t].depth + 1;
  }
  w_.place->sum = 0;
}

// Trees go to parts by the cost of all before them, so that parts cost about the same.
template <typename T>
void Build<T>::Parts(int64_t begin, int64_t end) {
  const ForestHeader& h = *f_.header;
  for (int64_t t = begin; t < std::min(end, int64_t{h.trees}); ++t) {
    ++f_.parts[1 + w_.place->sum * s_.parts / h.cost];
    w_.place->sum += f_.trees[t].depth + 1;
  }
  if (end < s_.trees) return;
  for (int64_t p = 0; p < s_.parts; ++p) f_.parts[p + 1] += f_.parts[p];
}

enum BuildPhase { kClear, kRoots, kNodes, kLinks, kTops, kOrder, kCount, kPlace, kFill, kFinish, kCosts, kParts, kBuildPhases };

int64_t ItemsOf(const ForestLists& lists, const ForestSizes& s, int phase) {
  switch (phase) {
    case kRoots:
      return lists.indexed ? s.trees : 0;
    case kCount:
      return s.weights;
    case kPlace:
      return lists.indexed ? 0 : s.nodes();
    case kFill:
      return lists.indexed ? 0 : s.weights;
    case kCosts:
    case kParts:
      return s.trees;
    default:
      return s.nodes();
  }
}

}  // namespace

template <typename T>
void ForestBuilder<T>::AddPhases(const ForestLists& lists, const ForestSizes& sizes, Call* c) {
  for (int p = 0; p < kBuildPhases; ++p) {
    Phase phase;
    phase.units = Chunked(ItemsOf(lists, sizes, p), kNodeChunk);
    phase.unit_cost = 50.0 * kNodeChunk;
    if (p == kClear) phase.units = 1 + Chunked(2 * 2 * sizes.nodes(), kClearChunk);
    if (p == kClear) phase.unit_cost = kClearChunk;
    c->phases.push_back(phase);
  }
  CrownBuilder::AddPhases(sizes, c);
}

template <typename T>
Status ForestBuilder<T>::Run(const ForestLists& lists, const ForestSizes& sizes, Call& c, int phase,
                             int64_t begin, int64_t end, Tensor* working) {
  if (phase == kClear && begin == 0) {
    Carver count(nullptr);
    (void)Working::Carve(&count, sizes.nodes(), lists.indexed);
    (void)CrownBuilder::Working::Carve(&count, sizes);
    *working = c.arena->New(MOSAIC_UINT8, {count.bytes()});
  }
  Carver m(working->mutable_raw());
  Build<T> build(lists, sizes, c, Working::Carve(&m, sizes.nodes(), lists.indexed));
  const CrownBuilder::Working crowns = CrownBuilder::Working::Carve(&m, sizes);
  if (phase == kClear && begin == 0 && sizes.crown_nodes > 0) *crowns.place = {};
  if (phase >= kBuildPhases) {
    if constexpr (std::is_same_v<T, float>) {
      CrownBuilder(sizes, Forest<float>::At(c.outputs[0].mutable_raw(), sizes), crowns).Run(phase - kBuildPhases, begin, end);
    }
    return Status();
  }
  const int64_t items = ItemsOf(lists, sizes, phase);
  const int64_t first = begin * kNodeChunk, last = std::min(end * kNodeChunk, items);
  switch (phase) {
    case kClear:
      for (int64_t u = begin; u < end; ++u) build.Clear(u);
      return Status();
    case kRoots:
      return build.Roots(first, last);
    case kNodes:
      return build.Nodes(first, last);
    case kLinks:
      return build.Links(first, last);
    case kTops:
      build.Tops(first, last);
      return Status();
    case kOrder:
      for (int64_t u = begin; u < end; ++u) MOSAIC_RETURN_IF_ERROR(build.Order(u));
      return Status();
    case kCount:
      return build.CountWeights(first, last);
    case kPlace:
      build.PlaceWeights(first, last);
      return Status();
    case kFill:
      build.FillWeights(first, last);
      return Status();
    case kFinish:
      return build.Finish(first, last);
    case kCosts:
      build.SumCosts(first, last);
      return Status();
    default:
      build.Parts(first, last);
      return Status();
  }
}

template class ForestBuilder<float>;
template class ForestBuilder<double>;

}  // namespace mosaic
