#include "core/dedup/activation_cache.h"

#include <algorithm>

namespace mosaic {

ActivationCache::ActivationCache(const Model& model, int64_t max_bytes)
    : max_bytes_(max_bytes),
      nodes_(model.nodes.size()),
      first_use_(model.tensors.size(), nodes_) {
  for (size_t n = nodes_; n-- > 0;) {
    for (int v : model.nodes[n].inputs) {
      const int tensor = v < 0 ? -1 : model.graph.values[static_cast<size_t>(v)].tensor;
      if (tensor >= 0) first_use_[static_cast<size_t>(tensor)] = n;
    }
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
    if (c.node > limit) c = Checkpoint();
  }
  cut_ = max_bytes_ > 0 ? FirstUse(next) : 0;
}

Status ActivationCache::Start(Executor* executor, size_t batch, std::vector<Tensor> inputs,
                              int64_t items) {
  Fit();
  if (batch >= kept_.size()) kept_.resize(batch + 1);
  Checkpoint& kept = kept_[batch];
  MOSAIC_RETURN_IF_ERROR(executor->Start(std::move(inputs), items));
  executor->Resume(kept);
  nodes_skipped_ += static_cast<int64_t>(kept.node);
  if (cut_ > kept.node) {
    executor->KeepAt(cut_, &arena_, &kept);
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
