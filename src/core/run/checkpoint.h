// What the steps of a run from one on read of the steps before it: enough to go on from there.
//
// Holds copies: nothing of the run, its inputs or its executor is needed any more.
#pragma once

#include <utility>
#include <vector>

#include "core/plan/model.h"
#include "core/tensor/arena.h"

namespace mosaic {

struct Checkpoint {
  size_t step = 0;    // of the main body, the first that is not run; 0: nothing is kept
  int64_t items = 1;  // of the batch (run/batch.h)
  std::vector<std::pair<int, Tensor>> values;  // by number in the body

  // Of a run that has come to a step. values: all of the body. Not kept are inputs, which are given
  // again, and constants, which are fetched again. Copies take memory from *arena. Nothing is kept
  // where a value has strings, whose characters are the run's.
  static Checkpoint Of(const BodyPlan& body, size_t step, const std::vector<Tensor>& values,
                       Arena* arena);
};

}  // namespace mosaic
