// A batch of items as one or several runs of a plan.
//
//   at once    the items are independent (ItemPlan), and their activations fit
//   in groups  they are independent: as many at a time as fit in the memory limit; one, where
//              dimensions that the model gives one name have different sizes
//   one by one the model mixes items: each is a run of its own, as if it were alone
//
// The bits of an item are the same in all three.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/run/copies.h"
#include "core/run/executor.h"

namespace mosaic {

class BatchRun {
 public:
  enum class Way { kAtOnce, kGroups, kEach };
  using Outcome = Executor::Outcome;

  // model must outlive it. max_blocks >= 1 bounds a request.
  BatchRun(const Model& model, int max_blocks);

  Executor& executor() { return executor_; }
  const Executor& executor() const { return executor_; }
  // As Executor's.
  void Renew();
  // limit: no run takes more. target: groups of items are made to take no more than that, where
  // they can.
  void SetMemoryLimit(int64_t limit, int64_t target);
  // How many of the items of these inputs (as of Start; elements are not looked at) can be run at a
  // time within so many bytes; at least 1.
  Status Fitting(const std::vector<Tensor>& inputs, int64_t items, int64_t bytes, int64_t* out);

  // inputs: one per graph input, of the declared type and shape (free dimensions open), borrowed
  // until done. items 1: one run on the arrays as they are. items > 1: the item axis of each input
  // (where the model mixes items: its first axis) has so many items. Errors name the input and
  // both shapes; NOMEM where one item alone would pass the memory limit. stacked: the elements lie
  // item after item, whatever the axis is.
  Status Start(std::vector<Tensor> inputs, int64_t items, bool stacked = false);
  // As Executor's, for runs at once; elsewhere nothing is skipped or kept.
  void Resume(const Checkpoint& from);
  void KeepAt(size_t step, Arena* arena, Checkpoint* out);
  Status Step(Outcome* outcome);
  const BlockRequest& request() const { return executor_.request(); }
  void Supply(const void* const* payloads) { executor_.Supply(payloads); }

  // REQUIRES: done. Output i as ONNX lays it out, for all items. Items that were computed one by
  // one are joined along the first axis.
  const Tensor& output(size_t i) const { return outputs_[i]; }
  // REQUIRES: done. Output i item after item: *item is the shape of each (without an axis that
  // only counts items, unless keep_axis), the elements of item k begin at k * NumElements(*item).
  // *more: they are being put in that order; call again.
  Status ItemOutput(size_t i, bool keep_axis, Shape* item, Tensor* all, bool* more);

  Way way() const { return way_; }
  int64_t group() const { return group_; }  // items of a run
  // Most bytes of activations in use at a time, with the outputs of all items, since Start.
  int64_t memory() const { return executor_.memory(); }

 private:
  template <typename F>
  Status Within(F&& f);
  Status TryStart(std::vector<Tensor> inputs, int64_t items, bool stacked);
  Status TryItemOutput(size_t i, bool keep_axis, Shape* item, Tensor* all, bool* more);
  Status CheckInput(size_t i, const Tensor& t, int64_t items) const;
  int InputAxis(size_t i) const;
  Tensor Unstack(const Tensor& stacked, int axis);
  Tensor CopyOf(const Tensor& t);
  Status CheckNames() const;
  Status ChooseWay();
  Status StartPart();
  Status TryPart();
  Status Proceed(Outcome* outcome);
  bool TakeFewer();
  Status FinishPart();
  Status TakeOutputs();
  Status Join(size_t i, const Tensor& part);

  const Model& model_;
  Executor executor_;
  int64_t limit_ = INT64_MAX, target_ = INT64_MAX;
  Copies copies_;  // of parts of inputs and outputs; before anything else goes on
  std::vector<Tensor> inputs_, outputs_;
  std::vector<Tensor> ordered_;  // outputs item after item, where that is another array
  int64_t items_ = 1, group_ = 1, done_ = 0, part_ = 0;
  bool running_ = false;    // a part is under way
  Arena::Mark characters_;  // of strings in outputs: before it
  Way way_ = Way::kAtOnce;
};

}  // namespace mosaic
