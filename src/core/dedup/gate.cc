#include "core/dedup/gate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mosaic {
namespace {

// Metrics are sums of thousands of terms, divided: 0.91 - 0.90 must not exceed 0.01. Far below what
// one row of any validation set changes.
constexpr double kRounding = 1e-12;

// The share of the bound from which on nothing more is tried, for who has patience.
constexpr double kUsedUp = 0.9;

size_t Total(const std::vector<size_t>& v, size_t from) {
  return std::accumulate(v.begin() + static_cast<std::ptrdiff_t>(from), v.end(), size_t{0});
}

}  // namespace

Gate::Gate(std::vector<size_t> layers, const GateSettings& settings)
    : layers_(std::move(layers)),
      settings_(settings),
      candidate_(layers_.size()),
      accepted_(layers_.size()) {}

size_t Gate::merged() const { return Total(accepted_, 0); }

double Gate::Drop(double metric) const {
  return settings_.higher_is_better ? baseline_ - metric : metric - baseline_;
}

bool Gate::Keeps(double metric) const {
  return std::isfinite(metric) && Drop(metric) <= settings_.max_drop + kRounding;
}

Selection Gate::Prefix(size_t n) const {
  Selection s = accepted_;
  for (size_t l = first_; l < layers_.size(); ++l) {
    s[l] = std::min(n, layers_[l]);
    n -= s[l];
  }
  return s;
}

void Gate::BeginMerges() {
  BeginRange(0);
  curve_points_ = std::min(settings_.curve_points, bad_);
  if (curve_points_ > 1) state_ = State::kCurve;
}

void Gate::BeginRange(size_t first_layer) {
  first_ = first_layer;
  good_ = 0;
  bad_ = Total(layers_, first_);
  const auto share = static_cast<size_t>(settings_.resolution * static_cast<double>(bad_));
  step_ = std::max<size_t>(1, share);
  state_ = bad_ == 0 ? State::kDone : State::kAll;
}

size_t Gate::LayerOf(size_t n) const {
  size_t layer = first_;
  while (n > layers_[layer]) n -= layers_[layer++];
  return layer;
}

// The layer that holds the merge at which the prefix ended is given up; goes on behind it.
void Gate::EndRange() {
  size_t given_up = 1;
  if (settings_.patience > 0) {
    failed_ = good_ > 0 ? 0 : failed_ + 1;
    const bool used_up =
        settings_.max_drop > 0 && Drop(accepted_metric_) >= kUsedUp * settings_.max_drop;
    if (used_up || failed_ >= settings_.patience) {
      state_ = State::kDone;
      return;
    }
    given_up = size_t{1} << std::min(failed_, 16);
  }
  BeginRange(std::min(LayerOf(bad_) + given_up, layers_.size()));
}

size_t Gate::Middle() const {
  const bool first = first_ == 0 && good_ == 0 && bad_ == Total(layers_, 0);
  if (first && settings_.believed > 0 && settings_.believed < bad_) return settings_.believed;
  return good_ + (bad_ - good_) / 2;
}

bool Gate::Next() {
  if (state_ == State::kBisect && bad_ - good_ <= step_) EndRange();
  if (state_ == State::kCurve && ++point_ >= curve_points_) state_ = State::kAll;
  const auto evaluations = static_cast<int64_t>(points_.size());
  const bool limited = settings_.max_evaluations > 0 && state_ != State::kUnmerged;
  if (limited && evaluations >= settings_.max_evaluations) {
    exhausted_ = exhausted_ || state_ != State::kDone;
    state_ = State::kDone;
  }
  if (state_ == State::kDone) return false;
  if (state_ == State::kCurve) tried_ = bad_ * point_ / curve_points_;
  if (state_ == State::kAll) tried_ = bad_;
  if (state_ == State::kBisect) tried_ = Middle();
  if (!points_.empty() && state_ != State::kUnmerged) candidate_ = Prefix(tried_);
  waiting_ = true;
  return true;
}

std::pair<size_t, size_t> Gate::Undecided() const {
  if (state_ == State::kBisect) return {LayerOf(good_ + 1), LayerOf(bad_) + 1};
  if (state_ == State::kCurve) return {LayerOf(tried_ + 1), layers_.size()};
  return {first_, layers_.size()};
}

void Gate::AcceptAll() {
  accepted_ = layers_;
  state_ = State::kDone;
}

void Gate::Report(double metric) {
  if (!waiting_) return;
  waiting_ = false;
  if (state_ == State::kBaseline) {
    baseline_ = accepted_metric_ = metric;
    points_.push_back({candidate_, metric, true});
    if (!std::isfinite(metric)) {
      state_ = State::kDone;
    } else if (settings_.of_original) {
      state_ = State::kUnmerged;
    } else {
      BeginMerges();
    }
    return;
  }
  const bool kept = Keeps(metric);
  points_.push_back({candidate_, metric, kept});
  if (state_ == State::kUnmerged) {
    kept_ = kept;
    accepted_metric_ = metric;
    state_ = State::kDone;
    if (kept) BeginMerges();
    return;
  }
  if (state_ == State::kCurve) return;
  if (kept) {
    accepted_ = candidate_;
    accepted_metric_ = metric;
    good_ = tried_;
  } else {
    bad_ = tried_;
  }
  state_ = kept && state_ == State::kAll ? State::kDone : State::kBisect;
}

}  // namespace mosaic
