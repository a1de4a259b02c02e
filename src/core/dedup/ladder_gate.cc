#include "core/dedup/ladder_gate.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace mosaic {
namespace {

// Ranges of which nothing is accepted, before it is taken that the bound is used up.
constexpr int kPatience = 2;
constexpr double kResolution = 1.0 / 64;

GateSettings ForSteps(GateSettings settings) {
  settings.patience = kPatience;
  settings.resolution = kResolution;
  return settings;
}

}  // namespace

LadderGate::LadderGate(Ladder ladder, size_t tensors, const GateSettings& settings)
    : ladder_(std::move(ladder)),
      settings_(ForSteps(settings)),
      gate_(std::in_place, std::vector<size_t>(), settings_),
      tensors_(ladder_.Tensors()),
      sensitivity_(tensors, 0),
      candidate_(ladder_.blocks().size(), nullptr),
      measured_(candidate_) {
  ladder_.Group();
}

LadderGate::Asks LadderGate::Next() {
  if (!ordered_) {
    if (gate_->Next()) {
      sample_.Keep();
      return asked_ = Asks::kMetric;
    }
    const bool stopped = settings_.max_evaluations > 0 &&
                         static_cast<int64_t>(gate_->points().size()) >= settings_.max_evaluations;
    if (!gate_->kept() || !std::isfinite(gate_->baseline()) || stopped)
      return asked_ = Asks::kNothing;
    if (next_tensor_ < tensors_.size()) return asked_ = BeginTensor();
    BeginSteps();
  }
  if (!gate_->Next()) return asked_ = Asks::kNothing;
  measured_ = candidate_;
  candidate_ = ladder_.At(gate_->candidate());
  return asked_ = Asks::kMetric;
}

LadderGate::Asks LadderGate::BeginTensor() {
  candidate_ = ladder_.Lowest(tensors_[next_tensor_]);
  sample_.Compare();
  return Asks::kSample;
}

void LadderGate::Report(double metric) {
  if (asked_ == Asks::kMetric) gate_->Report(metric);
}

void LadderGate::ReportSample() {
  double errors = 0;
  for (const Rung* rung : candidate_)
    errors += rung == nullptr ? 0 : static_cast<double>(rung->error);
  const auto tensor = static_cast<size_t>(tensors_[next_tensor_++]);
  sensitivity_[tensor] = errors > 0 ? sample_.difference() / errors : 0;
}

// What was measured before is what the gate has to know of it.
void LadderGate::BeginSteps() {
  // A tensor that the sample does not reach is not for nothing.
  double largest = 0;
  for (double s : sensitivity_) largest = std::isfinite(s) ? std::max(largest, s) : largest;
  for (int t : tensors_) {
    double& s = sensitivity_[static_cast<size_t>(t)];
    s = std::max(s, largest > 0 ? largest * 1e-6 : 1);
  }
  const std::vector<Gate::Point> before = gate_->points();
  gate_.emplace(ladder_.Order(sensitivity_), settings_);
  for (const Gate::Point& p : before) {
    if (gate_->Next()) gate_->Report(p.metric);
  }
  std::fill(candidate_.begin(), candidate_.end(), nullptr);
  ordered_ = true;
}

void LadderGate::AcceptAll() {
  std::fill(sensitivity_.begin(), sensitivity_.end(), 1);
  BeginSteps();
  gate_->AcceptAll();
}

std::vector<int> LadderGate::Changed() const {
  std::set<int> tensors;
  for (size_t i = 0; i < candidate_.size(); ++i) {
    if (candidate_[i] != measured_[i]) tensors.insert(blocks()[i].tensor);
  }
  return {tensors.begin(), tensors.end()};
}

std::vector<int> LadderGate::Undecided() const {
  if (!ordered_) return tensors_;
  std::set<int> tensors;
  const auto range = gate_->Undecided();
  for (size_t c = range.first; c < range.second; ++c) {
    for (int t : ladder_.TensorsOfChunk(c)) tensors.insert(t);
  }
  return {tensors.begin(), tensors.end()};
}

}  // namespace mosaic
