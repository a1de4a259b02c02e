// Runs a model in short steps. The caller hands in weights as pointers to block payloads.
//
// Step does at most some 5 ms of work (unit_cost is an estimate) and then returns kMore;
// kNeedBlocks asks for payloads, to be set with Supply before the next Step. Activations live in an
// arena and are released after their last use.
//
// A batch of items > 1 is run as one where every operator on the way keeps items apart (items.h);
// else the executor starts over item by item. Both give the same bits: the outputs of the items
// alone, joined along dimension 0 (scalars become a vector).
#pragma once

#include <memory>
#include <vector>

#include "core/infer/checkpoint.h"
#include "core/infer/model.h"

namespace mosaic {

struct BlockRequest {
  int tensor = -1;
  std::vector<int32_t> indexes;
};

class Executor {
 public:
  enum class Outcome { kMore, kNeedBlocks, kDone };

  // model must outlive the executor. max_blocks >= 1 bounds a request.
  Executor(const Model& model, int max_blocks);
  ~Executor();

  // inputs: one per graph input, of the declared type and shape (symbolic dimensions free);
  // their elements are borrowed until done. Errors name the input and both shapes.
  Status Start(std::vector<Tensor> inputs, int64_t items);
  // After Start, before the first Step: skips the nodes before from.node. The outputs are those of
  // the whole run, to the bit, if from was kept with the same model, inputs and items, and the same
  // weights in the nodes that are skipped.
  void Resume(const Checkpoint& from);
  // After Start and Resume: sets *out, which must outlive the run, when it comes to a node that it
  // still has to reach; memory is taken from *arena. Clears it where items are computed one by one.
  void KeepAt(size_t node, Arena* arena, Checkpoint* out);
  Status Step(Outcome* outcome);
  const BlockRequest& request() const;
  void Supply(const void* const* payloads);
  // REQUIRES: done. One per graph output.
  const Tensor& output(int i) const;
  // Seconds spent in each node of the graph, over all predictions.
  const std::vector<double>& node_seconds() const;
  // Most bytes of activations in use at a time since Start.
  int64_t memory() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mosaic
