// Runs a plan in short steps. The caller hands in weights as pointers to block payloads.
//
// Step does some milliseconds of work, by the operators' costs and without a clock, and then
// returns kMore; kNeedBlocks asks for payloads, to be set with Supply before the next Step.
// Activations live in an arena with a limit and are released after their last use.
//
// One run computes the whole graph on the inputs as they are. How a batch of items becomes one or
// several runs: run/batch.h.
#pragma once

#include <memory>
#include <vector>

#include "core/run/checkpoint.h"
#include "core/run/control.h"
#include "core/run/copies.h"
#include "core/run/frame.h"
#include "core/run/loader.h"

namespace mosaic {

struct BlockRequest {
  int tensor = -1;
  std::vector<int32_t> indexes;
  bool deltas = false;  // blocks may be supplied as MosaicDeltaBlock (mosaic/capi_delta.h)
};

class Executor {
 public:
  enum class Outcome { kMore, kNeedBlocks, kDone };

  // model must outlive the executor. max_blocks >= 1 bounds a request.
  Executor(const Model& model, int max_blocks);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Most bytes of activations of a run.
  void SetMemoryLimit(int64_t bytes) {
    arena_.SetLimit(bytes);
    limit_ = bytes;
  }
  // Most blocks of a request that does not take deltas; those that a phase holds are no matter.
  void SetMadeBlocks(int64_t most) { made_blocks_ = most < 1 ? 1 : most; }
  // What is prepared of constants is the model's, for all executions of it, from now on. REQUIRES:
  // the blocks that are supplied are the model's own weights. Else it is this execution's.
  void SharePrepared() { prepared_ = &model_.prepared; }
  // Seconds of steps are measured from now on.
  void SetTimed(bool timed) { timed_ = timed; }

  // After a run that is done: as new, but for what is known of shapes seen before. Lets go of all
  // that the run holds, and of memory kept for reuse beyond kKeptBytes.
  void Renew();
  // Enough for a text of some sentences: memory that is fresh costs more than what it is used for.
  static constexpr int64_t kKeptBytes = 4 << 20;
  // Lets go of the run that is under way or done, but for characters of strings: copies of outputs
  // may refer to them. Who has no such copies releases them in the arena.
  void Reset();
  // What it holds between runs, about.
  int64_t kept_bytes() const;

  // Sizes the plan for inputs of these shapes (elements are not looked at): *peak is the most
  // memory it needs, as far as that can be told. Errors are those of the operators. Forgets an
  // unfinished run.
  Status Size(const std::vector<Tensor>& inputs, int64_t* peak);
  // inputs: one per graph input, of the declared type and rank; borrowed until done. Errors: those
  // of the operators; NOMEM where it would pass the memory limit.
  Status Start(const std::vector<Tensor>& inputs);
  // After Start, before the first Step: skips the steps before from.step. The outputs are those of
  // the whole run, to the bit, if from was kept with the same model and inputs, and the same
  // weights in the steps that are skipped.
  void Resume(const Checkpoint& from);
  // After Start and Resume: sets *out, which must outlive the run, when it comes to a step that it
  // still has to reach; memory is taken from *arena.
  void KeepAt(size_t step, Arena* arena, Checkpoint* out);
  Status Step(Outcome* outcome);
  const BlockRequest& request() const { return request_; }
  void Supply(const void* const* payloads) { payloads_ = payloads; }
  // REQUIRES: done. One per graph output; valid until the next Start.
  const Tensor& output(size_t i) const { return outputs_[i]; }

  Arena* arena() { return &arena_; }
  // Seconds spent in each step of the main body, over all runs that were timed.
  const std::vector<double>& step_seconds() const { return seconds_; }
  // Most bytes of activations in use at a time since arena()->StartPeak().
  int64_t memory() const { return arena_.peak(); }

 private:
  // What the next piece of work is.
  enum class Stage { kIdle, kBegin, kUnits };

  const Model& model() const { return model_; }
  Frame& top() { return frames_.back(); }
  const mosaic::Step& step_of(const Frame& f) const { return f.body->steps[f.step]; }
  Status MemoryError(const MemoryLimitExceeded& e) const;

  Status EnterBody(int body, const std::vector<Tensor>& inputs);
  Status Advance(Outcome* outcome);
  Status AdvanceOnce(Outcome* outcome);
  Status BeginStep(Outcome* outcome);
  bool FetchConstant(Frame& f, int value);
  Status AdvanceLoad(Outcome* outcome);
  bool HasSizes(const Frame& f) const;
  Status SizeStep(Frame& f);
  bool IsResult(const Frame& f) const;
  bool FindResult(Frame& f);
  void KeepResult(const Frame& f);
  bool FindPrepared(Frame& f);
  Status StartPreparing(Frame& f);
  void FinishPreparing(Frame& f);
  void BindCall(Frame& f);
  int InPlaceInput(const Frame& f) const;
  Status AdvanceUnits(Outcome* outcome);
  bool TakesDeltas(const Frame& f) const;
  int64_t ChooseRange(Frame& f);
  Status RunRange(Frame& f, int64_t end);
  void FinishStep(Frame& f);
  Status ControlStep(Frame& f);
  Status UseControl(ControlNext& next);
  Status AddNothing(const Frame& f, ControlNext* next);
  Status LeaveBody(Outcome* outcome);
  Status Named(const Frame& f, const Status& status) const;

  const Model& model_;
  const int64_t max_blocks_;
  int64_t made_blocks_ = INT64_MAX;
  Arena arena_;
  int64_t limit_ = INT64_MAX;
  bool timed_ = false;
  std::vector<SizingCache> sizings_;  // per body
  std::vector<double> seconds_;

  PreparedConstants own_prepared_;
  PreparedConstants* prepared_ = &own_prepared_;

  std::vector<Frame> frames_;
  std::vector<Tensor> outputs_;
  Stage stage_ = Stage::kIdle;
  double spent_ = 0;  // of this Step

  Copies copies_;  // between a control step and its bodies
  TensorLoader loader_;
  int loading_ = -1;  // the value that the loader makes
  BlockRequest request_;
  bool asked_ = false;  // the next Step needs payloads_ for request_
  const void* const* payloads_ = nullptr;
  int64_t range_end_ = 0;

  Checkpoint* keep_ = nullptr;
  Arena* keep_arena_ = nullptr;
  size_t keep_at_ = 0;
};

}  // namespace mosaic
