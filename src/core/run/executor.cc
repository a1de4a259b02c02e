#include "core/run/executor.h"

#include <algorithm>
#include <chrono>

#include "core/codec/delta_blocks.h"
#include "core/op/run_op.h"
#include "core/plan/infer_body.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// Of one Step, in the units of Phase::unit_cost: some milliseconds on a slow CPU.
constexpr double kStepCost = 6e6;
// What a step of the plan costs beside its work.
constexpr double kNodeCost = 2000;
// Blocks of a range, or one grain: the caller's records of them should stay in the CPU's cache.
constexpr int64_t kRangeBlocks = 1024;

// The model was checked when it was imported: what does not fit now is the input.
Status OfInput(const Status& s) {
  if (s.code() != MOSAIC_E_BAD_MODEL) return s;
  return Status(MOSAIC_E_INVALID, s.message(), s.detail(), s.hint());
}

// Which lengths do not fit each other shows the node that meets them; which of the caller's inputs
// they are, this.
std::string ShapesOf(const Model& model, const std::vector<Tensor>& inputs) {
  std::string all;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& v = model.graph.values[static_cast<size_t>(model.graph.inputs[i])];
    all += (i > 0 ? ", " : "The inputs were: ") + Quoted(v.name) + " " +
           ShapeString(inputs[i].shape());
  }
  return all + (inputs.empty() ? "" : ".");
}

// Of a call, which stays with its sizing, but for the arrays.
void LetGo(Frame* f) {
  for (size_t k = 0; f->call != nullptr && k < f->call->inputs.size(); ++k) {
    Tensor& t = f->call->inputs[k];
    t = Tensor::Borrow(t.dtype(), t.shape(), nullptr);
  }
  for (size_t o = 0; f->call != nullptr && f->own_call == nullptr && o < f->call->outputs.size();
       ++o) {
    Tensor& t = f->call->outputs[o];
    t = Tensor::Borrow(t.dtype(), t.shape(), nullptr);
  }
  f->call = nullptr;
}

}  // namespace

Executor::Executor(const Model& model, int max_blocks)
    : model_(model),
      max_blocks_(std::max(1, max_blocks)),
      sizings_(model.bodies.size()),
      seconds_(model.main().steps.size(), 0.0) {}

// ---- Start ----

Status Executor::MemoryError(const MemoryLimitExceeded& e) const {
  return Status(MOSAIC_E_NOMEM,
                "model " + Quoted(model_.name) + ": activations would take " +
                    std::to_string(e.need()) + " bytes, the limit is " + std::to_string(e.limit()),
                "", "A superuser can raise pg_mosaic.predict_memory; smaller inputs need less.");
}

void Executor::Reset() {
  stage_ = Stage::kIdle;
  for (Frame& f : frames_) LetGo(&f);
  frames_.clear();
  outputs_.clear();
  copies_.Clear();
  loader_ = TensorLoader();
  loading_ = -1;
  asked_ = false;
  payloads_ = nullptr;
  keep_ = nullptr;
}

void Executor::Renew() {
  Reset();
  arena_.ReleaseCharacters();
  std::fill(seconds_.begin(), seconds_.end(), 0.0);
  timed_ = false;
  made_blocks_ = INT64_MAX;
  request_ = BlockRequest();
  prepared_->Trim();
  prepared_ = &own_prepared_;
  own_prepared_.Drop();  // of weights that were supplied to this run, which need not be the model's
  SetMemoryLimit(INT64_MAX);
  arena_.Trim(kKeptBytes);
}

int64_t Executor::kept_bytes() const {
  int64_t n = arena_.bytes();
  for (const SizingCache& cache : sizings_) n += cache.bytes();
  return n;
}

Status Executor::Size(const std::vector<Tensor>& inputs, int64_t* peak) {
  Sizing* sizing = sizings_[0].Find(inputs, {});
  if (sizing == nullptr) {
    Reset();  // an unfinished run may hold the sizing that gives way
    std::unique_ptr<Sizing> made;
    Status status = MakeSizing(model_, model_.main(), inputs, {}, max_blocks_, &made);
    if (!status.ok()) {
      const bool shapes = status.code() == MOSAIC_E_BAD_MODEL && status.hint().empty();
      const Status given = OfInput(status).In("model " + Quoted(model_.name));
      return shapes ? given.WithHint(ShapesOf(model_, inputs)) : given;
    }
    sizing = sizings_[0].Add(std::move(made));
  }
  *peak = sizing->peak;
  return Status();
}

Status Executor::Start(const std::vector<Tensor>& inputs) {
  Reset();
  int64_t peak = 0;
  MOSAIC_RETURN_IF_ERROR(Size(inputs, &peak));
  if (peak > limit_) return MemoryError(MemoryLimitExceeded(peak, limit_));
  MOSAIC_RETURN_IF_ERROR(EnterBody(-1, inputs));
  return Status();
}

// body: of Graph::bodies, captures taken from the frame on top; -1: the graph.
Status Executor::EnterBody(int body, const std::vector<Tensor>& inputs) {
  const size_t index = static_cast<size_t>(body + 1);
  spent_ += kNodeCost;  // also where a body has no steps: a loop without end can be interrupted
  Frame f;
  f.body = &model_.bodies[index];
  if (inputs.size() != f.body->inputs.size()) {
    return Status::Invalid("a body takes " + std::to_string(f.body->inputs.size()) +
                           " inputs, it is given " + std::to_string(inputs.size()));
  }
  f.values.resize(f.body->values.size());
  std::vector<Tensor> captures;
  for (int v : f.body->captures) {
    const int outer = f.body->values[static_cast<size_t>(v)].capture;
    captures.push_back(top().values[static_cast<size_t>(outer)]);
    f.values[static_cast<size_t>(v)] = captures.back();
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    f.values[static_cast<size_t>(f.body->inputs[i])] = inputs[i];
  }
  f.sizing = sizings_[index].Find(inputs, captures);
  if (f.sizing == nullptr) {
    std::unique_ptr<Sizing> made;
    MOSAIC_RETURN_IF_ERROR(MakeSizing(model_, *f.body, inputs, captures, max_blocks_, &made));
    spent_ += made->work;
    f.sizing = sizings_[index].Add(std::move(made));
  }
  frames_.push_back(std::move(f));
  stage_ = Stage::kBegin;
  return Status();
}

void Executor::Resume(const Checkpoint& from) {
  if (from.step == 0) return;
  for (const auto& [v, value] : from.values) top().values[static_cast<size_t>(v)] = value;
  top().step = from.step;
}

void Executor::KeepAt(size_t step, Arena* arena, Checkpoint* out) {
  keep_at_ = step;
  keep_arena_ = arena;
  keep_ = out;
}

// ---- Step ----

Status Executor::Step(Outcome* outcome) {
  if (stage_ == Stage::kIdle) return Status::Internal("a step without a prediction");
  if (asked_ && payloads_ == nullptr) {
    return Status::Internal("a step without the blocks asked for");
  }
  Status status;
  try {
    status = Advance(outcome);
  } catch (const MemoryLimitExceeded& e) {
    status = MemoryError(e);
  } catch (const DamagedDelta& e) {
    status = Status(
        MOSAIC_E_CORRUPT,
        "block " + std::to_string(e.block()) +
            " is stored as a difference to another, and one of the two is damaged or missing",
        "", "check_store() tells what is wrong with the store.");
  } catch (...) {
    Reset();
    throw;
  }
  if (!status.ok()) Reset();
  return status;
}

Status Executor::Advance(Outcome* outcome) {
  spent_ = 0;
  do {
    *outcome = Outcome::kMore;
    MOSAIC_RETURN_IF_ERROR(AdvanceOnce(outcome));
  } while (*outcome == Outcome::kMore && spent_ < kStepCost);
  return Status();
}

Status Executor::AdvanceOnce(Outcome* outcome) {
  if (!copies_.done()) {
    spent_ += copies_.Advance();
    return Status();
  }
  if (loading_ >= 0) return AdvanceLoad(outcome);
  if (stage_ == Stage::kUnits) return AdvanceUnits(outcome);
  if (top().step == top().body->steps.size()) return LeaveBody(outcome);
  return BeginStep(outcome);
}

// The error with the node.
Status Executor::Named(const Frame& f, const Status& status) const {
  if (status.ok()) return status;
  // What is prepared is the model's own.
  return (f.preparing ? status : OfInput(status))
      .In("model " + Quoted(model_.name) + ": " + DescribeStep(*f.body, step_of(f)));
}

// ---- constants that are no streams ----

// Makes a constant's value available. False: it is being loaded.
bool Executor::FetchConstant(Frame& f, int value) {
  Tensor& v = f.values[static_cast<size_t>(value)];
  const int tensor = f.body->values[static_cast<size_t>(value)].tensor;
  if (v.defined() || tensor < 0) return true;
  const ModelTensor& t = model_.tensors[static_cast<size_t>(tensor)];
  if (t.is_inline()) {
    v = t.AsTensor();
    return true;
  }
  loader_.Start(t, &arena_);
  loading_ = value;
  return false;
}

Status Executor::AdvanceLoad(Outcome* outcome) {
  if (asked_) {
    loader_.Copy(payloads_, static_cast<int64_t>(request_.indexes.size()));
    spent_ += static_cast<double>(request_.indexes.size()) * 4096;
    asked_ = false;
    payloads_ = nullptr;
    if (loader_.done()) {
      top().values[static_cast<size_t>(loading_)] = loader_.Take();
      loading_ = -1;
    }
    return Status();
  }
  request_.tensor = top().body->values[static_cast<size_t>(loading_)].tensor;
  loader_.Window(std::min(max_blocks_, made_blocks_), &request_.indexes);
  request_.deltas = false;
  asked_ = true;
  *outcome = Outcome::kNeedBlocks;
  return Status();
}

// ---- a step begins ----

Status Executor::BeginStep(Outcome* outcome) {
  Frame& f = top();
  const mosaic::Step& step = step_of(f);
  StepSizing& sized = f.sizing->steps[f.step];
  spent_ += kNodeCost;
  if (sized.known) {
    for (int v : step.node.outputs) {
      if (v >= 0) f.values[static_cast<size_t>(v)] = f.sizing->known[static_cast<size_t>(v)];
    }
    FinishStep(f);
    return Status();
  }
  if (FindResult(f)) {
    FinishStep(f);
    return Status();
  }
  const bool ready = step.preparing != nullptr && FindPrepared(f);
  for (size_t k = 0; k < step.node.inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    if (v < 0 || (step.node.bodies.empty() && CanStream(model_, step, k, max_blocks_))) continue;
    if (ready && step.preparing->prepares(static_cast<int>(k))) continue;
    if (!FetchConstant(f, v)) return AdvanceLoad(outcome);
  }
  if (step.preparing != nullptr && !ready) {
    const Status status = StartPreparing(f);
    return status.ok() ? status : Named(f, status);
  }
  if (!step.node.bodies.empty()) {
    // What the bodies capture has to be there, too.
    for (const auto& [name, b] : step.node.bodies) {
      const BodyPlan& inner = model_.bodies[static_cast<size_t>(b) + 1];
      for (int v : inner.captures) {
        const int outer = inner.values[static_cast<size_t>(v)].capture;
        if (!FetchConstant(f, outer)) return AdvanceLoad(outcome);
      }
    }
    return ControlStep(f);
  }
  f.call = sized.call.get();
  if (f.call == nullptr || !HasSizes(f)) {
    const Status status = SizeStep(f);
    if (!status.ok()) return Named(f, status);
  }
  BindCall(f);
  f.phase = 0;
  f.unit = 0;
  f.held = false;
  stage_ = Stage::kUnits;
  return Status();
}

// Whether the inputs are what they were taken to be. What bodies give is known only as far as they
// keep to one shape.
bool Executor::HasSizes(const Frame& f) const {
  const mosaic::Step& step = step_of(f);
  for (size_t k = 0; k < f.call->inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    if (v < 0 || f.call->weights[k] != nullptr) continue;
    if (step.preparing != nullptr && step.preparing->prepares(static_cast<int>(k))) continue;
    const Tensor &sized = f.call->inputs[k], &given = f.values[static_cast<size_t>(v)];
    if (given.dtype() != sized.dtype() || given.shape() != sized.shape()) return false;
  }
  return true;
}

// Infers and starts a step whose inputs had to be computed first.
Status Executor::SizeStep(Frame& f) {
  const mosaic::Step& step = step_of(f);
  std::vector<Tensor> tensors;
  std::vector<Fact> facts, outputs;
  for (size_t k = 0; k < step.node.inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    tensors.push_back(v < 0 ? Tensor() : f.values[static_cast<size_t>(v)]);
    if (v >= 0 && !tensors.back().defined()) {
      const int tensor = f.body->values[static_cast<size_t>(v)].tensor;
      facts.push_back(tensor < 0 ? Fact() : FactOf(model_.tensors[static_cast<size_t>(tensor)]));
      if (tensor >= 0 && step.preparing != nullptr) {  // not read any more
        const StreamedWeight& w = model_.tensors[static_cast<size_t>(tensor)].weight;
        tensors.back() = Tensor::Borrow(w.dtype, w.shape, nullptr);
      }
    } else {
      facts.push_back(tensors.back().defined() ? Fact::OfTensor(tensors.back()) : Fact());
    }
  }
  bool deferred = false;
  MOSAIC_RETURN_IF_ERROR(
      InferOp(*step.op, facts, step.node.outputs.size(), "", &outputs, &deferred));
  f.own_call = std::make_unique<Call>();
  f.call = f.own_call.get();
  return StartStep(model_, step, tensors, facts, outputs, max_blocks_, f.call);
}

// The input whose memory output 0 may take over, or -1.
int Executor::InPlaceInput(const Frame& f) const {
  const mosaic::Step& step = step_of(f);
  for (size_t k = 0; k < f.call->inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    if (v < 0 || !step.op->in_place(static_cast<int>(k)) || f.call->weights[k] != nullptr) continue;
    const Tensor& value = f.values[static_cast<size_t>(v)];
    const bool last =
        std::find(step.releases.begin(), step.releases.end(), v) != step.releases.end();
    if (last && value.unique() && value.bytes() == f.call->outputs[0].bytes() &&
        std::count(step.node.inputs.begin(), step.node.inputs.end(), v) == 1) {
      return static_cast<int>(k);
    }
  }
  return -1;
}

// Hands elements and memory to the call.
void Executor::BindCall(Frame& f) {
  const mosaic::Step& step = step_of(f);
  Call& c = *f.call;
  const int in_place = !c.outputs.empty() && c.outputs[0].defined() ? InPlaceInput(f) : -1;
  for (size_t k = 0; k < c.inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    if (step.preparing != nullptr && step.preparing->prepares(static_cast<int>(k))) continue;
    c.inputs[k] = v < 0 || c.weights[k] != nullptr ? Tensor() : f.values[static_cast<size_t>(v)];
  }
  c.arena = &arena_;
  for (size_t o = 0; o < c.outputs.size(); ++o) {
    Tensor& out = c.outputs[o];
    if (!out.defined()) continue;
    const int view = o == 0 ? step.op->view_of() : -1;
    if (view >= 0) {
      out = c.inputs[static_cast<size_t>(view)].Reshaped(out.shape());
    } else if (o == 0 && in_place >= 0) {
      out = c.inputs[static_cast<size_t>(in_place)].Reshaped(out.shape());
    } else {
      out = arena_.New(out.dtype(), out.shape());
    }
  }
  if (c.scratch_bytes > 0) {
    f.scratch = arena_.New(MOSAIC_UINT8, {c.scratch_bytes});
    c.scratch = f.scratch.mutable_raw();
  }
  if (step.preparing != nullptr) step.preparing->UsePrepared(c, f.prepared.raw());
}

// ---- units ----

Status Executor::AdvanceUnits(Outcome* outcome) {
  Frame& f = top();
  Call& c = *f.call;
  while (f.phase < c.phases.size() && f.unit == c.phases[f.phase].units) {
    ++f.phase;
    f.unit = 0;
    f.held = false;
    c.blocks = nullptr;
  }
  if (f.phase == c.phases.size()) {
    if (f.preparing) {
      FinishPreparing(f);
      return Status();
    }
    for (size_t o = 0; o < c.outputs.size(); ++o) {
      const int v = step_of(f).node.outputs[o];
      if (v >= 0) f.values[static_cast<size_t>(v)] = c.outputs[o];
    }
    KeepResult(f);
    FinishStep(f);
    return Status();
  }
  const Phase& phase = c.phases[f.phase];
  const int input =
      phase.stream < 0 ? -1 : step_of(f).op->streams()[static_cast<size_t>(phase.stream)].input;
  if (input < 0 || c.weights[static_cast<size_t>(input)] == nullptr || f.held) {
    return RunRange(f, ChooseRange(f));
  }
  if (asked_) {
    asked_ = false;
    c.blocks = payloads_;
    payloads_ = nullptr;
    f.held = phase.hold;
    const Status status = RunRange(f, f.held ? ChooseRange(f) : range_end_);
    if (!f.held) c.blocks = nullptr;
    return status;
  }
  request_.tensor = step_of(f).streams[static_cast<size_t>(input)];
  request_.deltas = TakesDeltas(f);
  if (phase.hold) {
    request_.indexes.clear();
    step_of(f).op->Blocks(c, static_cast<int>(f.phase), 0, phase.units, &request_.indexes);
  } else {
    range_end_ = ChooseRange(f);
    if (request_.indexes.empty()) return RunRange(f, range_end_);  // units that read none
  }
  // The caller has room for so many; only weights that fit are held.
  if (static_cast<int64_t>(request_.indexes.size()) > max_blocks_) {
    return Named(f, Status::Internal("a unit needs " + std::to_string(request_.indexes.size()) +
                                     " blocks at once, of " + std::to_string(max_blocks_)));
  }
  asked_ = true;
  *outcome = Outcome::kNeedBlocks;
  return Status();
}

// Whether what runs makes blocks of deltas by itself.
bool Executor::TakesDeltas(const Frame& f) const {
  return !f.preparing && dynamic_cast<const TakesDeltaBlocks*>(step_of(f).op.get()) != nullptr;
}

// The end of the next range; where it streams, request_ names its blocks.
int64_t Executor::ChooseRange(Frame& f) {
  const Phase& phase = f.call->phases[f.phase];
  const double left = std::max(kStepCost - spent_, kStepCost / 4);
  const double most = phase.unit_cost > 0 ? left / phase.unit_cost : 1e18;
  int64_t count = phase.units - f.unit;
  if (most < static_cast<double>(count)) count = std::max<int64_t>(1, static_cast<int64_t>(most));
  const bool streams = phase.stream >= 0 && !phase.hold;
  int64_t grain = phase.grain;
  const int64_t window = TakesDeltas(f) ? max_blocks_ : std::min(max_blocks_, made_blocks_);
  while (grain > window && grain % 2 == 0) grain /= 2;  // half a group, not a cut one
  const int64_t most_blocks = std::min(window, std::max(kRangeBlocks, grain));
  // Most units read a block of their own.
  if (streams) count = std::min(count, most_blocks);
  auto round = [&](int64_t end) {
    const int64_t whole = end - end % grain;
    return end == phase.units || whole <= f.unit ? end : whole;
  };
  int64_t end = round(f.unit + count);
  if (!streams) return end;
  for (;;) {
    request_.indexes.clear();
    step_of(f).op->Blocks(*f.call, static_cast<int>(f.phase), f.unit, end, &request_.indexes);
    const int64_t blocks = static_cast<int64_t>(request_.indexes.size());
    if (blocks <= most_blocks || end == f.unit + 1) return end;
    count = end - f.unit;
    // In proportion; at least one less.
    const double part = static_cast<double>(most_blocks) / static_cast<double>(blocks);
    const int64_t fewer = static_cast<int64_t>(static_cast<double>(count) * part);
    end = round(f.unit + std::clamp<int64_t>(fewer, 1, count - 1));
  }
}

Status Executor::RunRange(Frame& f, int64_t end) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = timed_ ? Clock::now() : Clock::time_point();
  const int phase = static_cast<int>(f.phase);
  const Status status = f.preparing
                            ? step_of(f).preparing->RunPreparing(*f.call, phase, f.unit, end)
                            : step_of(f).op->Run(*f.call, phase, f.unit, end);
  if (timed_) {
    seconds_[frames_[0].step] += std::chrono::duration<double>(Clock::now() - start).count();
  }
  spent_ += f.call->phases[f.phase].unit_cost * static_cast<double>(end - f.unit);
  f.unit = end;
  return status.ok() ? status : Named(f, status);
}

void Executor::FinishStep(Frame& f) {
  const mosaic::Step& step = step_of(f);
  LetGo(&f);
  f.own_call.reset();
  f.scratch = Tensor();
  f.prepared = Tensor();
  for (int v : step.releases) f.values[static_cast<size_t>(v)] = Tensor();
  ++f.step;
  stage_ = Stage::kBegin;
  if (keep_ != nullptr && frames_.size() == 1 && f.step == keep_at_) {
    const int64_t items = keep_->items;
    *keep_ = Checkpoint::Of(*f.body, f.step, f.values, keep_arena_);
    keep_->items = items;
  }
}

}  // namespace mosaic
