// The gate for the ladder: measures the model as it is, then how much its outputs move when one
// tensor after the other goes down to its lowest rungs (on a sample of the rows), orders the steps
// by that, and then lets the gate (gate.h) find how many of them keep the bound.
#pragma once

#include <optional>
#include <vector>

#include "core/dedup/gate.h"
#include "core/dedup/ladder.h"

namespace mosaic {

class LadderGate {
 public:
  enum class Asks { kNothing, kMetric, kSample };

  // tensors: of the model.
  LadderGate(Ladder ladder, size_t tensors, const GateSettings& settings);

  // What of candidate() is to be measured next: its metric, over all rows, or its outputs for the
  // first of them, which go into sample(). Of all rows they do too. REQUIRES: the last was
  // reported.
  Asks Next();
  Asks asked() const { return asked_; }
  // The rung of each block of blocks(); null: as it is.
  const std::vector<const Rung*>& candidate() const { return candidate_; }
  OutputSample* sample() { return &sample_; }
  void Report(double metric);
  void ReportSample();
  // All steps, unmeasured.
  void AcceptAll();

  const std::vector<LadderBlock>& blocks() const { return ladder_.blocks(); }
  std::vector<const Rung*> accepted() const { return ladder_.At(gate_->accepted()); }
  std::vector<const Rung*> at(const Gate::Point& point) const {
    return ladder_.At(point.selection);
  }
  int64_t FreedBytes(const std::vector<const Rung*>& rungs) const {
    return ladder_.FreedBytes(rungs);
  }
  // Points, metrics, what was accepted.
  const Gate& gate() const { return *gate_; }

  // For the cache of activations: tensors of which the candidate differs from the one measured
  // before; those that the next may differ in.
  std::vector<int> Changed() const;
  std::vector<int> Undecided() const;

 private:
  Asks BeginTensor();
  void BeginSteps();

  Ladder ladder_;
  const GateSettings settings_;
  std::optional<Gate> gate_;  // without steps, until they are ordered
  bool ordered_ = false;
  Asks asked_ = Asks::kNothing;
  OutputSample sample_;
  std::vector<int> tensors_;  // that are sampled
  size_t next_tensor_ = 0;
  std::vector<double> sensitivity_;  // of all tensors
  std::vector<const Rung*> candidate_, measured_;
};

}  // namespace mosaic
