#include "core/op/ml/forest_crown.h"

#include <algorithm>

namespace mosaic {
namespace {

enum CrownPhase { kCrowns, kSort, kMerge, kRank, kCrownPhases };

constexpr int64_t kTreeChunk = 64, kSorted = 16384, kKeyChunk = 4096;
constexpr uint32_t kSlots = 1u << kCrownLevels;

int64_t Chunked(int64_t n, int64_t of) { return (n + of - 1) / of; }

bool Before(const CrownBuilder::Working::Key& a, const CrownBuilder::Working::Key& b) {
  return a.feature != b.feature ? a.feature < b.feature : a.value < b.value;
}

}  // namespace

CrownBuilder::Working CrownBuilder::Working::Carve(Carver* m, const ForestSizes& sizes) {
  Working w;
  w.place = m->Take<Place>(1);
  w.keys = m->Take<Key>(sizes.crown_branches);
  w.merged = m->Take<Key>(sizes.crown_branches);
  return w;
}

int CrownBuilder::Phases(const ForestSizes& sizes) {
  return sizes.crown_nodes > 0 ? kCrownPhases : 0;
}

void CrownBuilder::AddPhases(const ForestSizes& sizes, Call* c) {
  if (Phases(sizes) == 0) return;
  const int64_t chunks = Chunked(sizes.crown_branches, kSorted);
  c->phases.push_back({Chunked(sizes.trees, kTreeChunk), 4.0 * kSlots * kTreeChunk});
  c->phases.push_back({chunks, 20.0 * kSorted});
  c->phases.push_back({chunks - 1, static_cast<double>(4 * sizes.crown_branches)});
  c->phases.push_back({Chunked(sizes.crown_branches, kKeyChunk), 4.0 * kKeyChunk});
}

void CrownBuilder::Run(int phase, int64_t begin, int64_t end) {
  if (!f_.header->plain) return;
  if (phase == kCrowns) {
    if (begin == 0) f_.header->whole = f_.header->crowned = true;
    const int64_t trees = f_.header->trees, last = std::min(end * kTreeChunk, trees);
    for (int64_t t = begin * kTreeChunk; t < last; ++t) AddCrown(static_cast<uint32_t>(t));
  } else if (phase == kRank) {
    Rank(begin * kKeyChunk, std::min(end * kKeyChunk, w_.place->keys));
    if (end * kKeyChunk >= s_.crown_branches) Finish();
  } else {
    for (int64_t u = begin; u < end; ++u) phase == kSort ? Sort(u) : Merge(u);
  }
}

// Levels whose nodes are at least a quarter of all that could be.
int CrownBuilder::Levels(uint32_t root) const {
  uint32_t level[kSlots] = {root}, next[kSlots];
  uint32_t n = 1, branches = 0;
  int best = 1;  // also of a leaf alone
  for (int d = 1; d <= kCrownLevels; ++d) {
    uint32_t below = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (f_.modes[level[i]] == kTreeLeaf) continue;
      ++branches;
      for (uint32_t child : f_.nodes[level[i]].children) {
        if (below < kSlots) next[below++] = child;
      }
    }
    if (below == 0) break;
    if ((1u << d) <= 4 * branches) best = d;
    std::copy(next, next + below, level);
    n = below;
  }
  return best;
}

void CrownBuilder::AddCrown(uint32_t tree) {
  TreeCrown& crown = f_.crowns[tree];
  crown = TreeCrown();
  const int levels = Levels(f_.trees[tree].root);
  const int64_t nodes = int64_t{1} << levels;
  if (w_.place->nodes + nodes <= s_.crown_nodes &&
      w_.place->keys + nodes <= s_.crown_branches + 1) {
    crown.levels = static_cast<uint8_t>(levels);
    crown.first = static_cast<uint32_t>(w_.place->nodes);
    w_.place->nodes += nodes;
    f_.crown_subtrees[crown.first] = f_.trees[tree].root;
    AddSubtrees(&crown);
  }
  f_.header->whole = f_.header->whole && crown.levels > 0;
  f_.header->crowned = f_.header->crowned && crown.valued;
}

void CrownBuilder::SetNode(uint32_t node, uint32_t column, uint8_t rank) {
  f_.crown_nodes[node] = CrownNode(column, rank);
  f_.few_columns[node] = static_cast<uint8_t>(column);
  f_.few_ranks[node] = rank;
}

void CrownBuilder::AddSubtrees(TreeCrown* crown) {
  uint32_t* subtrees = f_.crown_subtrees + crown->first;
  for (int d = 0; d < crown->levels; ++d) {
    const uint32_t n = 1u << d;
    // Twice as many, from the last: they lie where these do.
    for (uint32_t i = n; i-- > 0;) {
      const uint32_t node = subtrees[i], at = crown->first + n - 1 + i;
      subtrees[2 * i] = f_.nodes[node].children[0];
      subtrees[2 * i + 1] = f_.nodes[node].children[1];
      // A leaf is its own child on both sides: either will do, and no rank is larger than this.
      SetNode(at, 0, UINT8_MAX);
      if (f_.modes[node] != kTreeLeaf) {
        w_.keys[w_.place->keys++] = {f_.nodes[node].feature, f_.nodes[node].value, at};
      }
    }
  }
  crown->valued = true;
  for (uint32_t i = 0; i < (1u << crown->levels); ++i) {
    const ForestSpan& span = f_.spans[subtrees[i]];
    f_.crown_values[crown->first + i] = f_.nodes[subtrees[i]].value;
    if (f_.modes[subtrees[i]] != kTreeLeaf || span.count != 1) {
      crown->valued = false;
      continue;
    }
    const uint32_t target = f_.targets[span.first];
    if (i == 0) crown->target = target;
    crown->valued = crown->valued && target == crown->target;
  }
}

void CrownBuilder::Sort(int64_t unit) {
  const int64_t n = w_.place->keys;
  std::sort(w_.keys + std::min(n, unit * kSorted), w_.keys + std::min(n, (unit + 1) * kSorted),
            Before);
}

// Unit by unit: all pairs of sorted parts, then all pairs of what they became, to the end.
void CrownBuilder::Merge(int64_t unit) {
  const int64_t n = w_.place->keys;
  int64_t width = kSorted;
  for (int64_t parts = Chunked(s_.crown_branches, kSorted); unit >= parts / 2;
       parts = Chunked(parts, 2)) {
    unit -= parts / 2;
    width *= 2;
  }
  Working::Key* first = w_.keys + std::min(n, 2 * unit * width);
  Working::Key* second = w_.keys + std::min(n, (2 * unit + 1) * width);
  Working::Key* end = w_.keys + std::min(n, (2 * unit + 2) * width);
  if (second == end) return;
  std::copy(w_.merged, std::merge(first, second, second, end, w_.merged, Before), first);
}

void CrownBuilder::Rank(int64_t begin, int64_t end) {
  Working::Place& p = *w_.place;
  for (int64_t k = begin; k < end && !p.full; ++k) {
    const Working::Key& key = w_.keys[k];
    CrownGroup* group = f_.groups + (k == 0 ? 0 : f_.header->groups - 1);
    if (k == 0 || w_.keys[k - 1].feature != key.feature) {
      p.full = f_.header->columns >= s_.crown_columns();
      if (p.full) return;
      group = f_.groups + f_.header->groups++;
      *group = {key.feature & ~kNanFirst, (key.feature & kNanFirst) != 0, f_.header->columns,
                static_cast<uint32_t>(p.thresholds), 0};
    }
    float* thresholds = f_.thresholds + group->first;
    if (group->thresholds == 0 || thresholds[group->thresholds - 1] != key.value) {
      thresholds[group->thresholds++] = key.value;
      ++p.thresholds;
    }
    const uint32_t at = group->thresholds - 1, column = group->column + at / kCrownThresholds;
    p.full = column >= s_.crown_columns();
    f_.header->columns = column + 1;
    SetNode(key.node, column, static_cast<uint8_t>(at % kCrownThresholds));
  }
}

void CrownBuilder::Finish() {
  if (w_.place->full) f_.header->groups = 0;
  f_.header->whole = f_.header->whole && f_.header->groups > 0;
  f_.header->crowned = f_.header->crowned && f_.header->whole;
}

}  // namespace mosaic
