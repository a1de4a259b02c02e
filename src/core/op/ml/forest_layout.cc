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

Status ForestSizes::Of(const ForestLists& lists, int64_t targets, const Call& c,
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
  return Status();
}

template struct Forest<float>;
template struct Forest<double>;

}  // namespace mosaic
