// The accuracy contract: which of the ordered merges may be made so that a metric, measured by real
// inference, falls by no more than the user's bound.
//
// Merges come in layers. The gate looks for the longest prefix of all of them that keeps the bound:
// all at once first, for that is usual, then by bisection. The layer in which the prefix ends is
// the sensitive one; the layers behind it are then tried in the same way on top of what was
// accepted, so that one layer does not block the others.
//
// A metric over a validation set is not monotone, so a prefix being good proves nothing of shorter
// ones. What the gate accepts was therefore always measured itself, as a whole: the accepted state
// is the last candidate that kept the bound, never a sum of parts. And what bisection finds is
// never shorter than the prefix before the first failure, less the resolution: walking merge by
// merge and stopping at the first failure, as the paper does, gets no further (gate_test compares
// them).
//
// The gate does no evaluation itself, and so runs no loop: the caller asks for a candidate,
// measures it, and reports.
//
//   Gate gate(layers, settings);
//   while (gate.Next()) gate.Report(measure(gate.candidate()));
//   use(gate.accepted());
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mosaic {

// How many of each layer's merges are made: the first so many.
using Selection = std::vector<size_t>;

struct GateSettings {
  double max_drop = 0.01;        // in units of the metric; may be 0
  bool higher_is_better = true;  // else a drop is a rise
  // Bisection ends when this share of the merges in question is left, or one merge.
  double resolution = 1.0 / 128;
  int64_t max_evaluations = 0;  // 0: as many as it takes
};

class Gate {
 public:
  // One evaluation: a point of the curve that users choose their bound by.
  struct Point {
    Selection selection;
    double metric;
    bool kept;  // whether the bound was kept
  };

  // layers: number of merges of each, as OrderMerges returns them.
  Gate(std::vector<size_t> layers, const GateSettings& settings);

  // Sets candidate() to what is to be measured next, beginning with no merge at all: the baseline.
  // False when done. REQUIRES: the last candidate was reported.
  bool Next();
  const Selection& candidate() const { return candidate_; }
  // A metric that is no finite number keeps no bound; as a baseline it ends the search.
  void Report(double metric);

  // What was measured last within the bound. Nothing merged until the baseline is known.
  const Selection& accepted() const { return accepted_; }
  double accepted_metric() const { return accepted_metric_; }
  double baseline() const { return baseline_; }
  size_t merged() const;                                        // merges of accepted()
  const std::vector<Point>& points() const { return points_; }  // in the order of evaluation

 private:
  enum class State { kBaseline, kAll, kBisect, kDone };

  bool Keeps(double metric) const;
  void BeginRange(size_t first_layer);
  void EndRange();
  // accepted_ of the layers before the range, then the first n merges of the range.
  Selection Prefix(size_t n) const;

  const std::vector<size_t> layers_;
  const GateSettings settings_;
  State state_ = State::kBaseline;
  bool waiting_ = false;                              // for Report
  size_t first_ = 0;                                  // the range: layers [first_, end)
  size_t good_ = 0, bad_ = 0, tried_ = 0, step_ = 1;  // prefixes of the range
  Selection candidate_, accepted_;
  double baseline_ = 0, accepted_metric_ = 0;
  std::vector<Point> points_;
};

}  // namespace mosaic
