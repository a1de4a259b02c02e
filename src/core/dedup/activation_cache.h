// What evaluations of one model over the same rows need not compute again: the activations before
// the first layer that differs from the last evaluation.
//
// The rows come in batches, the same ones each time. Of each batch a checkpoint is kept at a cut:
// the first node that reads a tensor which the next evaluation may change. It is good until a
// tensor changes that a node before it reads. Batches whose checkpoints do not fit in the memory
// given are computed anew each time; metrics are the same bits either way.
//
//   cache.Begin(changed, next);                             // for each evaluation
//   cache.Start(&executor, batch, inputs, items); Step ...  // for each batch
#pragma once

#include <cstdint>
#include <vector>

#include "core/run/batch.h"

namespace mosaic {

class ActivationCache {
 public:
  // max_bytes: of all checkpoints; 0 keeps nothing. model must outlive the cache.
  ActivationCache(const Model& model, int64_t max_bytes);

  // changed: tensors whose blocks are others than in the last evaluation. next: tensors that may
  // change from this one to the next; where others do, the next has less to go on from.
  void Begin(const std::vector<int>& changed, const std::vector<int>& next);
  // Starts the executor with batch 0, 1, ... of the evaluation. A run must be over before the next
  // one starts.
  Status Start(BatchRun* run, size_t batch, std::vector<Tensor> inputs, int64_t items);

  // Nodes that were skipped, over all batches and evaluations.
  int64_t nodes_skipped() const { return nodes_skipped_; }
  int64_t bytes() const { return arena_.bytes(); }

 private:
  size_t FirstUse(const std::vector<int>& tensors) const;
  void Fit();

  const int64_t max_bytes_;
  size_t nodes_;
  std::vector<size_t> first_use_;  // per tensor: the first node that reads it; nodes_: none
  Arena arena_;
  std::vector<Checkpoint> kept_;  // per batch
  size_t cut_ = 0;                // of this evaluation; 0: nothing is kept
  size_t running_ = SIZE_MAX;     // the batch that may have been kept since
  int64_t nodes_skipped_ = 0;
};

}  // namespace mosaic
