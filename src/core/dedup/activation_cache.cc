#include "core/dedup/activation_cache.h"

#include <algorithm>

namespace mosaic {

namespace {

// Calls f for the tensors that a step reads, its bodies included.
template <typename F>
void ForEachTensor(const Model& model, const BodyPlan& body, const Step& step, F f) {
  for (int v : step.node.inputs) {
    const int tensor = v < 0 ? -1 : body.values[static_cast<size_t>(v)].tensor;
    if (tensor >= 0) f(static_cast<size_t>(tensor));
  }
  for (const auto& [name, b] : step.node.bodies) {
    const BodyPlan& inner = model.bodies[static_cast<size_t>(b) + 1];
    for (const Step& s : inner.steps) ForEachTensor(model, inner, s, f);
    for (const Value& v : inner.values) {
      const int outer = v.capture < 0 ? -1 : body.values[static_cast<size_t>(v.capture)].tensor;
      if (outer >= 0) f(static_cast<size_t>(outer));
    }
  }
}

}  // namespace

ActivationCache::ActivationCache(const Model& model, int64_t max_bytes)
    : max_bytes_(max_bytes),
      nodes_(model.main().steps.size()),
      first_use_(model.tensors.size(), nodes_) {
  for (size_t n = nodes_; n-- > 0;) {
    ForEachTensor(model, model.main(), model.main().steps[n], [&](size_t t) { first_use_[t] = n; });
  }
}

size_t ActivationCache::FirstUse(const std::vector<int>& tensors) const {
  size_t first = nodes_;
  for (int t : tensors) first = std::min(first, first_use_[static_cast<size_t>(t)]);
  return first;
}

void ActivationCache::Begin(const std::vector<int>& changed, const std::vector<int>& next) {
  Fit();
  const size_t limit = FirstUse(changed);
  for (Checkpoint& c : kept_) {
    if (c.step > limit) c = Checkpoint();
  }
  cut_ = max_bytes_ > 0 ? FirstUse(next) : 0;
}

Status ActivationCache::Start(BatchRun* run, size_t batch, std::vector<Tensor> inputs,
                              int64_t items) {
  Fit();
  if (batch >= kept_.size()) kept_.resize(batch + 1);
  Checkpoint& kept = kept_[batch];
  MOSAIC_RETURN_IF_ERROR(run->Start(std::move(inputs), items, true));
  run->Resume(kept);
  nodes_skipped_ += static_cast<int64_t>(kept.step);
  if (cut_ > kept.step) {
    run->KeepAt(cut_, &arena_, &kept);
    running_ = batch;
  }
  return Status();
}

// Gives up what was kept last if it is too much, and keeps no more in this evaluation.
void ActivationCache::Fit() {
  arena_.Trim();
  if (running_ != SIZE_MAX && arena_.bytes() > max_bytes_) {
    kept_[running_] = Checkpoint();
    arena_.Trim();
    cut_ = 0;
  }
  running_ = SIZE_MAX;
}

}  // namespace mosaic
