// The first levels of decision trees, for 64 rows at once.
//
// A row is a list of ranks, one byte a column: how many thresholds of the column are not above the
// row's value. A node is then one comparison of 64 bytes, whose bits are the decisions of 64 rows.
// All nodes of a crown are decided; which decisions count follows from those above, by logic on
// whole masks. Nothing branches, and no row depends on another.
//
// The idea of comparing ranks instead of values is of RapidScorer (Ye et al., KDD 2018).
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int64_t kCrownRows = 64;
constexpr int kCrownLevels = 6;
// Thresholds of a column: ranks are bytes.
constexpr int64_t kCrownThresholds = 255;

// A complete binary tree of 1 to kCrownLevels levels, nodes in heap order: the children of node i
// are 2 i + 1 and 2 i + 2. Below it are 2^levels subtrees, from left to right.
struct TreeCrown {
  uint32_t first = 0;   // its first node in the table, and its first value
  uint32_t target = 0;  // that its values are of
  uint8_t levels = 0;   // 0: there is none
  bool valued = false;  // all subtrees are leaves of one value
};

struct CrownTable {
  const uint32_t* nodes;  // CrownNode(...)
  const float* values;    // per subtree
  // Per node: column and rank, where there are kFewColumns at most; else nullptr.
  const uint8_t *few_columns, *few_ranks;
};
constexpr int64_t kFewColumns = 128;

// A node looks at a column, below 2^17, and a row goes right where its rank is larger than the
// node's.
inline uint32_t CrownNode(uint32_t column, uint8_t rank) {
  return column * static_cast<uint32_t>(kCrownRows) << 8 | rank;
}

// The columns that rank a feature: one for each kCrownThresholds thresholds that it has.
struct CrownGroup {
  uint32_t feature;
  bool nan_first;   // NaN ranks below all thresholds, else above
  uint32_t column;  // the first
  uint32_t first,
      thresholds;  // ascending and distinct, at least one: [first, first + thresholds) of the list
};

// Ranks of kCrownRows rows of which there are rows, at x, x + pitch, ...: out [columns,
// kCrownRows].
void RankRows(const CrownGroup* groups, int64_t n, const float* thresholds, const float* x,
              int64_t pitch, int64_t rows, uint8_t* out);
// The same of one row: out [columns].
void RankRow(const CrownGroup* groups, int64_t n, const float* thresholds, const float* x,
             uint8_t* out);

// leaves[r]: the subtree that row r, of kCrownRows, comes to. rows: ranks [columns, kCrownRows].
void CrownLeaves(const CrownTable& table, const TreeCrown& crown, const uint8_t* rows,
                 uint8_t* leaves);

// sums[crown.target, r] += the value of that subtree, for n crowns one after another. REQUIRES:
// they are valued.
void AddCrowns(const CrownTable& table, const TreeCrown* crowns, int64_t n, const uint8_t* rows,
               float* sums);

// places[t]: the subtree, counted from the table's first, that one row comes to in each of n
// crowns. row: its rank in each column; kFewColumns bytes at least can be read.
void CrownPlaces(const CrownTable& table, const TreeCrown* crowns, int64_t n, const uint8_t* row,
                 uint32_t* places);

}  // namespace mosaic
