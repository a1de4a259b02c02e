// Some rows on their way through the packed trees of an ensemble (forest.h): what leaves give each
// is added up in the order of the trees, alone and among others.
//
// Many rows are taken through the crowns of trees at once (core/kernel/tree_crown.h), few one by
// one; below the crowns, and where there are none, nodes are walked through. All ways lead to the
// same leaves.
#pragma once

#include <algorithm>
#include <type_traits>

#include "core/op/ml/carver.h"
#include "core/op/ml/forest.h"
#include "core/op/ml/tree_scores.h"

namespace mosaic {

// How many rows are "few", at most this - 1.
constexpr int64_t kFewRows = 4;
// More targets than this have no sums of their own: kCrownRows each.
constexpr int64_t kMostSums = 1024;

template <typename T>
class ForestChunk {
 public:
  // Doubles have no crowns.
  static constexpr bool kCrowns = std::is_same_v<T, float>;

  struct Memory {
    T* scores;       // [rows, targets]
    uint8_t* has;    // the same
    uint8_t* ranks;  // [columns, kCrownRows], or of each of few rows
    float* sums;     // [targets, kCrownRows]

    // rows: of a chunk, at most kCrownRows.
    static Memory Carve(Carver* m, const ForestSizes& sizes, int64_t rows) {
      Memory c;
      const int64_t crowns = rows >= kFewRows && sizes.crown_nodes > 0 ? kCrownRows : 0;
      const int64_t few = sizes.crown_nodes > 0 ? kFewRows : 0;
      c.scores = m->Take<T>(rows * sizes.targets);
      c.has = m->Take<uint8_t>(rows * sizes.targets);
      c.ranks = m->Take<uint8_t>(std::max(sizes.crown_columns() * crowns, few * RankPitch(sizes)));
      c.sums = m->Take<float>(sizes.targets <= kMostSums ? sizes.targets * crowns : 0);
      return c;
    }
  };

  // few: chunks have less than kFewRows rows. All refers to what must stay.
  ForestChunk(const Forest<T>& forest, const ForestSizes& sizes, TreeAggregate aggregate, bool few,
              const Memory& memory)
      : f_(forest), sizes_(sizes), aggregate_(aggregate), few_(few), m_(memory) {
    crowns_ = kCrowns && (few ? f_.header->whole : f_.header->groups > 0);
    sums_ = crowns_ && !few && f_.header->crowned && sizes.targets <= kMostSums &&
            (aggregate == TreeAggregate::kSum || aggregate == TreeAggregate::kAverage);
  }

  // Begins with rows at x, x + width, ...; memory keeps what follows from them until Finish.
  void Begin(const T* x, int64_t width, int64_t rows) const {
    std::fill(m_.scores, m_.scores + rows * sizes_.targets, T(0));
    std::fill(m_.has, m_.has + rows * sizes_.targets, uint8_t{0});
    if constexpr (kCrowns) {
      if (!crowns_) return;
      if (!few_) {
        RankRows(f_.groups, f_.header->groups, f_.thresholds, x, width, rows, m_.ranks);
      } else {
        for (int64_t r = 0; r < rows; ++r) {
          RankRow(f_.groups, f_.header->groups, f_.thresholds, x + r * width, RanksOf(r));
        }
      }
      if (sums_) std::fill(m_.sums, m_.sums + sizes_.targets * kCrownRows, 0.0F);
    }
  }

  // Adds trees [begin, end); x, width and rows as Begin had them.
  void Add(uint32_t begin, uint32_t end, const T* x, int64_t width, int64_t rows) const {
    if (sums_) {
      AddCrowns(Table(), f_.crowns + begin, end - begin, m_.ranks, m_.sums);
    } else if (!f_.header->plain) {
      for (int64_t r = 0; r < rows; ++r) {
        for (uint32_t t = begin; t < end; ++t) {
          AddLeaf(
              WalkAnyForest(f_.nodes, f_.modes, f_.spans, f_.members, f_.trees[t], x + r * width),
              r);
        }
      }
    } else if (f_.header->nans) {
      AddPlain<true>(begin, end, x, width, rows);
    } else {
      AddPlain<false>(begin, end, x, width, rows);
    }
  }

  // After all trees.
  void Finish(int64_t rows) const {
    if (!sums_) return;
    for (uint32_t t = 0; t < f_.header->trees; ++t) m_.has[f_.crowns[t].target] = 1;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < sizes_.targets; ++k) {
        m_.scores[r * sizes_.targets + k] = static_cast<T>(m_.sums[k * kCrownRows + r]);
        m_.has[r * sizes_.targets + k] = m_.has[k];
      }
    }
  }
  TreeScores<T> scores(int64_t row) const {
    return {m_.scores + row * sizes_.targets, m_.has + row * sizes_.targets};
  }

 private:
  static int64_t RankPitch(const ForestSizes& sizes) { return sizes.crown_columns() + kFewColumns; }
  uint8_t* RanksOf(int64_t row) const { return m_.ranks + row * RankPitch(sizes_); }
  CrownTable Table() const {
    const bool few = f_.header->columns <= kFewColumns;
    return {f_.crown_nodes, f_.crown_values, few ? f_.few_columns : nullptr,
            few ? f_.few_ranks : nullptr};
  }

  void AddLeaf(uint32_t leaf, int64_t row) const {
    TreeScores<T> s = scores(row);
    if (f_.header->single) {
      if (f_.spans[leaf].count > 0) s.Add(aggregate_, 0, f_.nodes[leaf].value);
      return;
    }
    const ForestSpan span = f_.spans[leaf];
    for (uint32_t i = span.first; i < span.first + span.count; ++i) {
      s.Add(aggregate_, f_.targets[i], f_.weights[i]);
    }
  }

  template <bool kNans>
  void AddPlain(uint32_t begin, uint32_t end, const T* x, int64_t width, int64_t rows) const {
    if (!crowns_) return WalkTrees<kNans>(begin, end, x, width, rows);
    if (few_) {
      for (int64_t r = 0; r < rows; ++r) AddRow<kNans>(begin, end, x + r * width, r);
      return;
    }
    for (uint32_t t = begin; t < end; ++t) {
      if (f_.crowns[t].levels > 0) {
        AddBelow<kNans>(t, x, width, rows);
      } else {
        WalkTrees<kNans>(t, t + 1, x, width, rows);
      }
    }
  }

  // One row through the crowns of some trees, then below each.
  template <bool kNans>
  void AddRow(uint32_t begin, uint32_t end, const T* x, int64_t row) const {
    TreeScores<T> s = scores(row);
    uint32_t places[kCrownRows];
    for (uint32_t t = begin; t < end; t += kCrownRows) {
      const uint32_t n = std::min<uint32_t>(end - t, kCrownRows);
      CrownPlaces(Table(), f_.crowns + t, n, RanksOf(row), places);
      for (uint32_t k = 0; k < n; ++k) {
        const TreeCrown& crown = f_.crowns[t + k];
        if (crown.valued) {
          s.Add(aggregate_, crown.target, static_cast<T>(f_.crown_values[places[k]]));
          continue;
        }
        uint32_t node = f_.crown_subtrees[places[k]];
        for (uint32_t last = node; (node = ForestStep<T, kNans>(f_.nodes[node], x)) != last;)
          last = node;
        AddLeaf(node, row);
      }
    }
  }

  // Many rows from the crown of a tree on: eight walks at once.
  template <bool kNans>
  void AddBelow(uint32_t tree, const T* x, int64_t width, int64_t rows) const {
    const TreeCrown& crown = f_.crowns[tree];
    const uint32_t depth = f_.trees[tree].depth, levels = crown.levels;
    uint8_t leaves[kCrownRows];
    CrownLeaves(Table(), crown, m_.ranks, leaves);
    for (int64_t r = 0; r < rows; r += kWalks) {
      const T* from[kWalks];
      uint32_t at[kWalks];
      for (int k = 0; k < kWalks; ++k) {
        from[k] = x + std::min(r + k, rows - 1) * width;
        at[k] = f_.crown_subtrees[crown.first + leaves[r + k]];
      }
      WalkForest<T, kNans>(f_.nodes, depth > levels ? depth - levels : 0, from, at);
      for (int k = 0; k < kWalks && r + k < rows; ++k) AddLeaf(at[k], r + k);
    }
  }

  // Walks are made of eight rows, or of what is left over in eight trees.
  template <bool kNans>
  void WalkTrees(uint32_t begin, uint32_t end, const T* x, int64_t width, int64_t rows) const {
    const T* from[kWalks];
    uint32_t at[kWalks];
    int64_t r = 0;
    for (; r + kWalks / 2 < rows; r += kWalks) {
      for (int k = 0; k < kWalks; ++k) from[k] = x + std::min(r + k, rows - 1) * width;
      for (uint32_t t = begin; t < end; ++t) {
        std::fill(at, at + kWalks, f_.trees[t].root);
        WalkForest<T, kNans>(f_.nodes, f_.trees[t].depth, from, at);
        for (int k = 0; k < kWalks && r + k < rows; ++k) AddLeaf(at[k], r + k);
      }
    }
    for (; r < rows; ++r) {
      std::fill(from, from + kWalks, x + r * width);
      for (uint32_t t = begin; t < end; t += kWalks) {
        uint32_t depth = 0;
        for (uint32_t k = 0; k < kWalks; ++k) {
          const ForestTree& tree = f_.trees[std::min(t + k, end - 1)];
          at[k] = tree.root;
          depth = std::max(depth, tree.depth);
        }
        WalkForest<T, kNans>(f_.nodes, depth, from, at);
        for (uint32_t k = 0; k < kWalks && t + k < end; ++k) AddLeaf(at[k], r);
      }
    }
  }

  const Forest<T>& f_;
  const ForestSizes& sizes_;
  const TreeAggregate aggregate_;
  const bool few_;
  const Memory m_;
  bool crowns_ = false;  // they are used
  bool sums_ = false;    // their values are added up for all rows at once
};

}  // namespace mosaic
