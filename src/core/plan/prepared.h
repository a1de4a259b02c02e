// What operators prepared of constants (op/preparing.h), and results of steps that follow from
// constants alone but could not be computed when the model was loaded.
//
// Belongs to a model, for all executions of it that read its own weights, or to one execution. Kept
// as long as its owner, so its size is bounded: by the sizes of the constants that it is made of
// (operators make no more than a small multiple of them), and by the limit of the run that makes it.
#pragma once

#include <cstddef>
#include <map>
#include <utility>

#include "core/tensor/arena.h"

namespace mosaic {

class PreparedConstants {
 public:
  // Of a step of a body; null where nothing is kept yet.
  const Tensor* Find(size_t body, size_t step) const {
    const auto found = kept_.find({body, step});
    return found == kept_.end() ? nullptr : &found->second;
  }
  // Memory for one, zeroed. Throws MemoryLimitExceeded where all that is kept would pass the limit.
  Tensor New(int64_t bytes, int64_t limit);
  // Keeps an array that follows from constants alone, if it is small and all that is kept so too.
  void KeepResult(size_t body, size_t step, const Tensor& value, int64_t limit);
  // Complete: later runs read it. The first one that is kept stays.
  void Keep(size_t body, size_t step, const Tensor& prepared) {
    kept_.emplace(std::make_pair(body, step), prepared);
  }
  void Drop() {
    kept_.clear();
    results_ = 0;
    arena_.Trim();
  }
  // Gives back what was not kept.
  void Trim() { arena_.Trim(); }
  int64_t bytes() const { return arena_.used(); }

 private:
  Arena arena_;  // outlives its tensors
  std::map<std::pair<size_t, size_t>, Tensor> kept_;
  int64_t results_ = 0;  // bytes of KeepResult
};

}  // namespace mosaic
