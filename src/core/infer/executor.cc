#include "core/infer/executor.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "core/infer/loader.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

using Clock = std::chrono::steady_clock;

// A range of units is sized to this time, and a step ends when it has taken it: at most twice that
// time per step, as long as the estimates hold.
constexpr double kRangeSeconds = 0.0025;
// Blocks of a range, or one grain: the caller's records of them should stay in the CPU's cache.
constexpr int64_t kRangeBlocks = 1024;
// What a node is believed to do before it was measured: cautious, floating-point operations/second.
constexpr double kFirstRate = 2e9;
// Shorter ranges tell nothing about the rate.
constexpr double kMeasurable = 10e-6;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

class Executor::Impl {
 public:
  Impl(const Model& model, int max_blocks)
      : model_(model),
        max_blocks_(std::max(1, max_blocks)),
        rate_(model.nodes.size(), kFirstRate),
        seconds_(model.nodes.size(), 0.0) {}

  Status Start(std::vector<Tensor> inputs, int64_t items);
  void Resume(const Checkpoint& from);
  void KeepAt(size_t node, Arena* arena, Checkpoint* out) {
    keep_at_ = node;
    keep_arena_ = arena;
    keep_ = out;
  }
  Status Step(Outcome* outcome);
  void Supply(const void* const* payloads) { payloads_ = payloads; }
  const BlockRequest& request() const { return request_; }
  const Tensor& output(int i) const { return outputs_[static_cast<size_t>(i)]; }
  const std::vector<double>& node_seconds() const { return seconds_; }
  int64_t memory() const { return arena_.peak(); }

 private:
  // What the next piece of work is.
  enum class Stage { kIdle, kNode, kUnits, kOutputs };
  // How a batch is computed.
  enum class Way { kAtOnce, kEach };

  Status CheckInput(size_t i, const Tensor& t, int64_t items) const;
  void Reset();
  void BeginPass();
  Status Advance(Outcome* outcome);
  Status AdvanceOnce(Outcome* outcome);
  bool FetchConstant(int value);
  Outcome AdvanceLoad();
  Status PrepareNode(Outcome* outcome);
  Outcome AdvanceUnits();
  int64_t ChooseRange();
  void RunRange(int64_t end);
  void FinishNode();
  void Release(int value, size_t node);
  Status FinishPass(Outcome* outcome);
  Status Join();

  const Model& model_;
  const int64_t max_blocks_;
  Arena arena_;
  std::vector<double> rate_;     // per node, as measured
  std::vector<double> seconds_;  // per node, in Run
  bool mixes_ = false;  // this model's items cannot be computed at once: learnt from a batch

  // The prediction.
  std::vector<Tensor> inputs_;
  int64_t items_ = 1;
  Way way_ = Way::kAtOnce;
  std::vector<Tensor> outputs_;

  // The pass over the graph: of all items, or of one.
  int64_t item_ = 0;
  Stage stage_ = Stage::kIdle;
  std::vector<Tensor> values_;
  size_t node_ = 0;
  OpContext c_;
  int64_t unit_ = 0, range_end_ = 0;
  ItemTracker tracker_;
  bool mixed_ = false;  // found while at once: start over item by item
  TensorLoader loader_;
  int loading_ = -1;  // the value that the loader makes

  // What is to be kept of the pass.
  Checkpoint* keep_ = nullptr;
  Arena* keep_arena_ = nullptr;
  size_t keep_at_ = 0;

  // Blocks. "asked": the next Step needs payloads_ for request_.
  BlockRequest request_;
  bool asked_ = false;
  const void* const* payloads_ = nullptr;
};

// ---- Start ----

Status Executor::Impl::CheckInput(size_t i, const Tensor& t, int64_t items) const {
  const Value& v = model_.graph.values[static_cast<size_t>(model_.graph.inputs[i])];
  auto who = [&] { return "model " + Quoted(model_.name) + ": input " + Quoted(v.name); };
  if (!t.defined() || (t.size() > 0 && t.raw() == nullptr)) {
    return Status::Invalid(who() + " was given an impossible type, shape or size");
  }
  if (v.dtype != MOSAIC_UNDEFINED && t.dtype() != v.dtype) {
    return Status::Invalid(who() + " takes " + DTypeName(v.dtype) + " elements, " +
                           DTypeName(t.dtype()) + " were given");
  }
  bool fits = true;
  if (v.has_shape) {
    fits = v.dims.size() == t.shape().size();
    for (size_t d = 0; fits && d < v.dims.size(); ++d) {
      const bool batch = d == 0 && items > 1 && v.dims[0] == 1;
      fits = v.dims[d] == kSymbolic || v.dims[d] == t.shape()[d] || batch;
    }
  }
  if (!fits) {
    return Status::Invalid(who() + " takes shape " + ShapeString(v.dims, v.dim_names) + ", shape " +
                           ShapeString(t.shape()) + " was given");
  }
  if (items > 1 && (t.rank() == 0 || t.dim(0) != items)) {
    return Status::Invalid(who() + ": shape " + ShapeString(t.shape()) + " is not a batch of " +
                           std::to_string(items) + " items");
  }
  return Status();
}

Status Executor::Impl::Start(std::vector<Tensor> inputs, int64_t items) {
  Reset();
  if (items < 1 || inputs.size() != model_.graph.inputs.size()) {
    return Status::Invalid("model " + Quoted(model_.name) + " takes " +
                           std::to_string(model_.graph.inputs.size()) + " inputs, " +
                           std::to_string(inputs.size()) + " were given for " +
                           std::to_string(items) + " items");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    MOSAIC_RETURN_IF_ERROR(CheckInput(i, inputs[i], items));
  }
  inputs_ = std::move(inputs);
  items_ = items;
  arena_.StartPeak();
  // A model without inputs has nothing that could tell items apart.
  way_ = items > 1 && (mixes_ || inputs_.empty()) ? Way::kEach : Way::kAtOnce;
  outputs_.assign(model_.graph.outputs.size(), Tensor());
  BeginPass();
  return Status();
}

// Drops all state of a prediction.
void Executor::Impl::Reset() {
  stage_ = Stage::kIdle;
  c_ = OpContext();
  loader_ = TensorLoader();
  loading_ = -1;
  asked_ = false;
  payloads_ = nullptr;
  keep_ = nullptr;
  item_ = 0;
  mixed_ = false;
  values_.clear();
  outputs_.clear();
  inputs_.clear();
}

void Executor::Impl::BeginPass() {
  values_.assign(model_.graph.values.size(), Tensor());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    values_[static_cast<size_t>(model_.graph.inputs[i])] =
        way_ == Way::kEach ? inputs_[i].Slice(item_, 1) : inputs_[i];
  }
  if (items_ > 1 && way_ == Way::kAtOnce) tracker_.Start(model_, items_);
  node_ = 0;
  stage_ = model_.nodes.empty() ? Stage::kOutputs : Stage::kNode;
}

void Executor::Impl::Resume(const Checkpoint& from) {
  if (from.node == 0 || from.items != items_ || way_ == Way::kEach) return;
  for (const auto& [v, value] : from.values) values_[static_cast<size_t>(v)] = value;
  tracker_ = from.tracker;
  node_ = from.node;
  stage_ = node_ < model_.nodes.size() ? Stage::kNode : Stage::kOutputs;
}

// ---- Step ----

Status Executor::Impl::Step(Outcome* outcome) {
  if (stage_ == Stage::kIdle) return Status::Internal("a step without a prediction");
  if (asked_ && payloads_ == nullptr)
    return Status::Internal("a step without the blocks asked for");
  try {
    Status status = Advance(outcome);
    if (!status.ok()) Reset();
    return status;
  } catch (...) {
    Reset();
    throw;
  }
}

Status Executor::Impl::Advance(Outcome* outcome) {
  const Clock::time_point start = Clock::now();
  do {
    *outcome = Outcome::kMore;
    Status status = AdvanceOnce(outcome);
    if (way_ == Way::kAtOnce && items_ > 1 && (mixed_ || !status.ok())) {
      // Start over. An error may be one of the batch alone; if not, an item will have it too.
      c_ = OpContext();
      loading_ = -1;
      asked_ = mixed_ = false;
      if (keep_ != nullptr) *keep_ = Checkpoint();
      way_ = Way::kEach;
      BeginPass();
      *outcome = Outcome::kMore;
      status = Status();
    }
    MOSAIC_RETURN_IF_ERROR(status);
  } while (*outcome == Outcome::kMore && SecondsSince(start) < kRangeSeconds);
  return Status();
}

Status Executor::Impl::AdvanceOnce(Outcome* outcome) {
  if (loading_ >= 0) {
    *outcome = AdvanceLoad();
    return Status();
  }
  switch (stage_) {
    case Stage::kNode:
      return PrepareNode(outcome);
    case Stage::kUnits:
      *outcome = AdvanceUnits();
      return Status();
    case Stage::kOutputs:
      return FinishPass(outcome);
    case Stage::kIdle:
      break;
  }
  return Status::Internal("a step without a prediction");
}

// Makes a constant's value available. False: it is being loaded.
bool Executor::Impl::FetchConstant(int value) {
  const size_t v = static_cast<size_t>(value);
  const int tensor = model_.graph.values[v].tensor;
  if (values_[v].defined() || tensor < 0) return true;
  const ModelTensor& t = model_.tensors[static_cast<size_t>(tensor)];
  if (t.layout == MOSAIC_LAYOUT_INLINE) {
    values_[v] = Tensor::Borrow(t.weight.dtype, t.weight.shape, t.value.data());
    return true;
  }
  loader_.Start(t, &arena_);
  loading_ = value;
  return false;
}

Executor::Outcome Executor::Impl::AdvanceLoad() {
  if (asked_) {
    loader_.Copy(payloads_, static_cast<int64_t>(request_.indexes.size()));
    asked_ = false;
    payloads_ = nullptr;
    if (loader_.done()) {
      values_[static_cast<size_t>(loading_)] = loader_.Take();
      loading_ = -1;
    }
    return Outcome::kMore;
  }
  request_.tensor = model_.graph.values[static_cast<size_t>(loading_)].tensor;
  loader_.Window(max_blocks_, &request_.indexes);
  asked_ = true;
  return Outcome::kNeedBlocks;
}

Status Executor::Impl::PrepareNode(Outcome* outcome) {
  const Node& node = model_.nodes[node_];
  const Op& op = *model_.ops[node_];
  const int streamed = model_.streamed[node_];
  const int streamed_input = streamed >= 0 ? op.streamed_input() : -1;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] < 0 || static_cast<int>(i) == streamed_input) continue;
    if (!FetchConstant(node.inputs[i])) {
      *outcome = AdvanceLoad();
      return Status();
    }
  }
  c_.inputs.resize(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool given = node.inputs[i] >= 0 && static_cast<int>(i) != streamed_input;
    c_.inputs[i] = given ? values_[static_cast<size_t>(node.inputs[i])] : Tensor();
  }
  c_.outputs.clear();
  c_.streamed = streamed >= 0 ? &model_.tensors[static_cast<size_t>(streamed)].weight : nullptr;
  c_.arena = &arena_;
  c_.working_set = model_.weight_bytes;
  c_.units = 1;
  c_.unit_cost = 0;
  c_.grain = 1;
  Status status = op.Prepare(c_);
  if (!status.ok()) {
    // The model was checked when it was imported: what does not fit now is the input.
    if (status.code() == MOSAIC_E_BAD_MODEL) {
      status = Status(MOSAIC_E_INVALID, status.message(), status.detail(), status.hint());
    }
    return status.In("model " + Quoted(model_.name) + ": " + Describe(model_.graph, node));
  }
  if (items_ > 1 && way_ == Way::kAtOnce && !tracker_.Prepared(model_, node_, c_)) mixed_ = true;
  unit_ = range_end_ = 0;
  stage_ = Stage::kUnits;
  return Status();
}

Executor::Outcome Executor::Impl::AdvanceUnits() {
  if (unit_ == c_.units) {
    FinishNode();
    return Outcome::kMore;
  }
  if (c_.streamed == nullptr) {
    RunRange(ChooseRange());
  } else if (asked_) {
    asked_ = false;
    c_.blocks = payloads_;
    payloads_ = nullptr;
    RunRange(range_end_);
    c_.blocks = nullptr;
  } else {
    range_end_ = ChooseRange();
    request_.tensor = model_.streamed[node_];
    asked_ = true;
    return Outcome::kNeedBlocks;
  }
  return Outcome::kMore;
}

// The end of the next range; where the operand is streamed, request_ names its blocks.
int64_t Executor::Impl::ChooseRange() {
  const double most = c_.unit_cost > 0 ? rate_[node_] * kRangeSeconds / c_.unit_cost : 1e18;
  int64_t count = c_.units - unit_;
  if (most < static_cast<double>(count)) count = std::max<int64_t>(1, static_cast<int64_t>(most));
  int64_t grain = c_.grain;
  while (grain > max_blocks_ && grain % 2 == 0) grain /= 2;  // half a group, not a cut one
  const int64_t most_blocks = std::min(max_blocks_, std::max(kRangeBlocks, grain));
  // Most units read a block of their own.
  if (c_.streamed != nullptr) count = std::min(count, most_blocks);
  auto round = [this, grain](int64_t end) {
    const int64_t whole = end - end % grain;
    return end == c_.units || whole <= unit_ ? end : whole;
  };
  int64_t end = round(unit_ + count);
  if (c_.streamed == nullptr) return end;
  for (;;) {
    request_.indexes.clear();
    model_.ops[node_]->Blocks(c_, unit_, end, &request_.indexes);
    const int64_t blocks = static_cast<int64_t>(request_.indexes.size());
    if (blocks <= most_blocks || end == unit_ + 1) return end;
    count = end - unit_;
    // In proportion; at least one less.
    const double part = static_cast<double>(most_blocks) / static_cast<double>(blocks);
    end = round(unit_ + std::clamp<int64_t>(static_cast<int64_t>(count * part), 1, count - 1));
  }
}

void Executor::Impl::RunRange(int64_t end) {
  const Clock::time_point start = Clock::now();
  model_.ops[node_]->Run(c_, unit_, end);
  const double seconds = SecondsSince(start);
  seconds_[node_] += seconds;
  if (seconds > kMeasurable && c_.unit_cost > 0) {
    // A fast range may have been lucky (all in the cache): go up by halves, down at once.
    const double rate = c_.unit_cost * static_cast<double>(end - unit_) / seconds;
    rate_[node_] = rate < rate_[node_] ? rate : (rate + rate_[node_]) / 2;
  }
  unit_ = end;
}

void Executor::Impl::FinishNode() {
  const Node& node = model_.nodes[node_];
  const bool tracked = items_ > 1 && way_ == Way::kAtOnce;
  if (tracked && !tracker_.Finished(model_, node_, c_)) mixed_ = true;
  for (size_t i = 0; i < node.outputs.size() && i < c_.outputs.size(); ++i) {
    if (node.outputs[i] >= 0) {
      values_[static_cast<size_t>(node.outputs[i])] = std::move(c_.outputs[i]);
    }
  }
  c_.outputs.clear();
  c_.inputs.clear();
  c_.scratch.reset();
  for (int v : node.inputs) Release(v, node_);
  for (int v : node.outputs) Release(v, node_);
  ++node_;
  stage_ = node_ < model_.nodes.size() ? Stage::kNode : Stage::kOutputs;
  if (keep_ != nullptr && node_ == keep_at_ && way_ == Way::kAtOnce) {
    *keep_ = Checkpoint::Of(model_, node_, items_, values_, tracker_, keep_arena_);
  }
}

void Executor::Impl::Release(int value, size_t node) {
  if (value < 0 || model_.last_use[static_cast<size_t>(value)] > static_cast<int>(node)) return;
  values_[static_cast<size_t>(value)] = Tensor();
  if (items_ > 1 && way_ == Way::kAtOnce) tracker_.Release(value);
}

// ---- Outputs ----

Status Executor::Impl::FinishPass(Outcome* outcome) {
  const std::vector<int>& outputs = model_.graph.outputs;
  for (int v : outputs) {
    if (FetchConstant(v)) continue;
    *outcome = AdvanceLoad();
    return Status();
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& value = values_[static_cast<size_t>(outputs[i])];
    if (!value.defined()) {
      return Status::Internal("model " + Quoted(model_.name) + ": output " + std::to_string(i) +
                              " was not computed");
    }
    if (items_ > 1 && way_ == Way::kAtOnce && !tracker_.batched(outputs[i])) {
      mixed_ = true;  // each item has this output, as it has it alone
      return Status();
    }
  }
  MOSAIC_RETURN_IF_ERROR(Join());
  if (way_ == Way::kEach && ++item_ < items_) {
    BeginPass();
    return Status();
  }
  mixes_ = mixes_ || way_ == Way::kEach;
  values_.clear();
  inputs_.clear();
  stage_ = Stage::kIdle;
  *outcome = Outcome::kDone;
  return Status();
}

// Moves the pass's outputs to outputs_: a copy where the memory is not ours, and where the items
// are computed one by one.
Status Executor::Impl::Join() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const int v = model_.graph.outputs[i];
    const Tensor& value = values_[static_cast<size_t>(v)];
    const int64_t parts = way_ == Way::kEach ? items_ : 1;
    if (parts == 1 && value.owned()) {
      outputs_[i] = value;
      continue;
    }
    Tensor& out = outputs_[i];
    Shape shape = value.shape();
    if (parts > 1) {
      if (shape.empty()) shape.push_back(1);
      shape[0] *= parts;
    }
    if (!out.defined()) out = arena_.New(value.dtype(), shape);
    if (out.shape() != shape || out.dtype() != value.dtype()) {
      return Status::Unsupported("model " + Quoted(model_.name) + ": output " +
                                 Quoted(model_.graph.values[static_cast<size_t>(v)].name) +
                                 " has another shape for each item of the batch, " +
                                 ShapeString(value.shape()) + " for item " +
                                 std::to_string(item_ + 1))
          .WithHint("Predict the items one by one.");
    }
    if (value.bytes() > 0) {
      std::memcpy(out.mutable_data<char>() + item_ * value.bytes(), value.raw(),
                  static_cast<size_t>(value.bytes()));
    }
  }
  return Status();
}

// ---- the public face ----

Executor::Executor(const Model& model, int max_blocks)
    : impl_(std::make_unique<Impl>(model, max_blocks)) {}
Executor::~Executor() = default;
Status Executor::Start(std::vector<Tensor> inputs, int64_t items) {
  return impl_->Start(std::move(inputs), items);
}
void Executor::Resume(const Checkpoint& from) { impl_->Resume(from); }
void Executor::KeepAt(size_t node, Arena* arena, Checkpoint* out) {
  impl_->KeepAt(node, arena, out);
}
Status Executor::Step(Outcome* outcome) { return impl_->Step(outcome); }
const BlockRequest& Executor::request() const { return impl_->request(); }
void Executor::Supply(const void* const* payloads) { impl_->Supply(payloads); }
const std::vector<double>& Executor::node_seconds() const { return impl_->node_seconds(); }
int64_t Executor::memory() const { return impl_->memory(); }
const Tensor& Executor::output(int i) const { return impl_->output(i); }

}  // namespace mosaic
