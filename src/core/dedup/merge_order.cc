#include "core/dedup/merge_order.h"

#include <algorithm>

namespace mosaic {
namespace {

// Divides each block's quartile by the largest among the layer's merges, so that figures of
// different layers can be set side by side.
void Normalise(size_t layers, std::vector<Merge>* merges) {
  std::vector<float> largest(layers);
  for (const Merge& m : *merges) {
    float& l = largest[static_cast<size_t>(m.tensor)];
    l = std::max(l, m.third_quartile);
  }
  for (Merge& m : *merges) {
    const float l = largest[static_cast<size_t>(m.tensor)];
    m.importance = l > 0 ? static_cast<double>(m.third_quartile) / static_cast<double>(l) : 0;
  }
}

void NumberBlocks(std::vector<Merge>* merges) {
  std::vector<Merge*> by_block;
  by_block.reserve(merges->size());
  for (Merge& m : *merges) by_block.push_back(&m);
  std::sort(by_block.begin(), by_block.end(),
            [](const Merge* a, const Merge* b) { return a->block < b->block; });
  for (size_t i = 1; i < by_block.size(); ++i) {
    const Merge& before = *by_block[i - 1];
    by_block[i]->number = before.number + (by_block[i]->block == before.block ? 0 : 1);
  }
}

}  // namespace

std::vector<size_t> OrderMerges(const std::vector<Layer>& layers, std::vector<Merge>* merges) {
  const auto layer = [&layers](const Merge& m) -> const Layer& {
    return layers[static_cast<size_t>(m.tensor)];
  };
  merges->erase(std::remove_if(merges->begin(), merges->end(),
                               [&](const Merge& m) { return layer(m).blocks < 2; }),
                merges->end());
  Normalise(layers.size(), merges);
  std::sort(merges->begin(), merges->end(), [&](const Merge& a, const Merge& b) {
    if (a.recalled != b.recalled) return a.recalled;
    if (a.tensor != b.tensor) {
      const int64_t x = layer(a).bytes, y = layer(b).bytes;
      return x != y ? x > y : a.tensor < b.tensor;
    }
    return a.third_quartile != b.third_quartile ? a.third_quartile < b.third_quartile
                                                : a.index < b.index;
  });
  NumberBlocks(merges);
  std::vector<size_t> sizes;
  for (size_t i = 0; i < merges->size(); ++i) {
    const Merge &m = (*merges)[i], &before = (*merges)[i == 0 ? 0 : i - 1];
    const bool same = m.recalled == before.recalled && (m.recalled || m.tensor == before.tensor);
    if (i == 0 || !same) sizes.push_back(0);
    ++sizes.back();
  }
  return sizes;
}

}  // namespace mosaic
