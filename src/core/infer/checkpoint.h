// What the nodes of a run from one on read of the nodes before it: enough to go on from there.
//
// Holds copies: nothing of the run, its inputs or its executor is needed any more.
#pragma once

#include <utility>
#include <vector>

#include "core/infer/items.h"
#include "core/infer/model.h"
#include "core/tensor/tensor.h"

namespace mosaic {

struct Checkpoint {
  size_t node = 0;  // the first that is not run; 0: nothing is kept
  int64_t items = 1;
  std::vector<std::pair<int, Tensor>> values;  // by number in the graph
  ItemTracker tracker;                         // where items > 1

  // Of a run that has come to node. values: all of the graph. Not kept are inputs, which are given
  // again, and constants, which are fetched again. Copies take memory from *arena.
  static Checkpoint Of(const Model& model, size_t node, int64_t items,
                       const std::vector<Tensor>& values, const ItemTracker& tracker, Arena* arena);
};

}  // namespace mosaic
