// How alike two blocks are: the measure by which a block may stand in for another.
//
// The paper's measure (Zhou et al., PVLDB 15(10), 2022) is the share of weights that differ by at
// most a tolerance, accepted from 0.7 on. Alone it has a hole: where all weights are about as small
// as the tolerance, any two blocks are alike. So a partner must also be closer to the block than
// max_relative_l2 of the block's own length; with 1, a block of zeros would be as good.
#pragma once

#include <cstdint>
#include <limits>

#include "core/dedup/block_values.h"

namespace mosaic {

struct NearSettings {
  float tolerance = 0.01f;
  double min_similarity = 0.7;
  double max_relative_l2 = 0.5;
  double max_abs = std::numeric_limits<double>::infinity();  // largest |difference| accepted
};

struct Likeness {
  double similarity = 0;   // share of weights with |difference| <= tolerance
  double relative_l2 = 0;  // ||block - partner|| / ||block||; 0 / 0 is 0
  double max_abs = 0;      // largest |difference|
  bool accepted = false;
};

// Compares a block with one that might take its place. Only an accepted likeness is complete: the
// comparison ends as soon as acceptance is out of reach. NaN and infinite differences are never
// close.
Likeness Compare(const BlockShape& shape, const float* block, const float* partner,
                 const NearSettings& settings);

// A block that may take another's place.
struct Match {
  uint32_t partner = 0;  // block_id
  Likeness likeness;
};

// Which of two accepted matches is taken: the larger similarity, then the smaller relative L2, then
// the smaller id. A total order, so the outcome does not depend on that of the search.
bool Better(const Match& a, const Match& b);

}  // namespace mosaic
