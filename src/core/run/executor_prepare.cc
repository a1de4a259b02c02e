// The part of the executor about constants that are prepared once (op/preparing.h), and results
// that follow from constants alone.
#include "core/run/executor.h"

namespace mosaic {

bool Executor::FindPrepared(Frame& f) {
  if (f.prepared.defined()) return true;
  const size_t body = static_cast<size_t>(f.body - model_.bodies.data());
  if (const Tensor* kept = prepared_->Find(body, f.step)) f.prepared = *kept;
  return f.prepared.defined();
}

// The call that prepares, before the step's own.
Status Executor::StartPreparing(Frame& f) {
  const mosaic::Step& step = step_of(f);
  f.own_call = std::make_unique<Call>();
  f.call = f.own_call.get();
  for (int v : step.node.inputs) {
    f.call->inputs.push_back(v < 0 ? Tensor() : f.values[static_cast<size_t>(v)]);
  }
  f.call->weights.assign(f.call->inputs.size(), nullptr);
  f.call->arena = &arena_;
  int64_t bytes = 0;
  MOSAIC_RETURN_IF_ERROR(step.preparing->StartPreparing(*f.call, &bytes));
  f.call->outputs = {prepared_->New(bytes, limit_)};
  f.preparing = true;
  f.phase = 0;
  f.unit = 0;
  stage_ = Stage::kUnits;
  return Status();
}

// Kept for later runs, if it was made of constants alone.
void Executor::FinishPreparing(Frame& f) {
  const mosaic::Step& step = step_of(f);
  bool constant = true;
  for (size_t k = 0; k < step.node.inputs.size(); ++k) {
    const int v = step.node.inputs[k];
    if (v < 0 || !step.preparing->prepares(static_cast<int>(k))) continue;
    constant = constant && f.body->constant[static_cast<size_t>(v)];
  }
  f.prepared = f.call->outputs[0];
  constant = constant && step.preparing->keeps(f.prepared.bytes());
  const size_t body = static_cast<size_t>(f.body - model_.bodies.data());
  if (constant) prepared_->Keep(body, f.step, f.prepared);
  f.preparing = false;
  f.call = nullptr;
  f.own_call.reset();
  stage_ = Stage::kBegin;
}

// Whether the step's result follows from constants alone, and may be kept.
bool Executor::IsResult(const Frame& f) const {
  const mosaic::Step& step = step_of(f);
  const std::vector<int>& outputs = step.node.outputs;
  return step.preparing == nullptr && outputs.size() == 1 && outputs[0] >= 0 &&
         f.body->constant[static_cast<size_t>(outputs[0])];
}

// Sets a result that an earlier run kept.
bool Executor::FindResult(Frame& f) {
  if (!IsResult(f)) return false;
  const Tensor* kept = prepared_->Find(static_cast<size_t>(f.body - model_.bodies.data()), f.step);
  if (kept == nullptr) return false;
  f.values[static_cast<size_t>(step_of(f).node.outputs[0])] = *kept;
  return true;
}

void Executor::KeepResult(const Frame& f) {
  if (f.call == nullptr || !IsResult(f)) return;
  const size_t body = static_cast<size_t>(f.body - model_.bodies.data());
  prepared_->KeepResult(body, f.step, f.values[static_cast<size_t>(step_of(f).node.outputs[0])],
                        limit_);
}

}  // namespace mosaic
