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
#include <utility>
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
  // Where bisection begins if not everything can be merged: after so many merges, which are
  // believed to be good. 0: in the middle.
  size_t believed = 0;
  // The baseline is of the model that this one was made from. Then it is measured itself, without
  // any merge, before all else; if that breaks the bound, nothing is tried.
  bool of_original = false;
  // Ends after so many ranges in a row of which nothing was accepted: then what is left of the
  // bound is used up, rather than one layer to blame. So it is where what is accepted takes nearly
  // all of it. The more have failed, the more layers are given up at once: 1, 2, 4, ... 0: goes on
  // to the last.
  int patience = 0;
  // Evaluates so many prefixes of all merges first, of evenly growing length, all being the last:
  // points of a curve, which accept nothing.
  size_t curve_points = 0;
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
  // The next candidate can differ from this one in layers [first, second), as far as can be told
  // before this one is measured. What is computed before them may be worth keeping.
  std::pair<size_t, size_t> Undecided() const;

  // Accepts all merges unmeasured, for who asks for no metric; there is nothing to try then.
  void AcceptAll();

  // What was measured last within the bound. Nothing merged until the baseline is known.
  const Selection& accepted() const { return accepted_; }
  double accepted_metric() const { return accepted_metric_; }
  double baseline() const { return baseline_; }
  // Whether the model without any merge keeps the bound, as all do but those with of_original.
  bool kept() const { return kept_; }
  // Whether a layer's merges that are not accepted would break the bound; else max_evaluations came
  // before that was known.
  bool Decided(size_t layer) const { return !exhausted_ || layer < first_; }
  size_t merged() const;                                        // merges of accepted()
  const std::vector<Point>& points() const { return points_; }  // in the order of evaluation

 private:
  enum class State { kBaseline, kUnmerged, kCurve, kAll, kBisect, kDone };

  double Drop(double metric) const;
  bool Keeps(double metric) const;
  void BeginMerges();
  void BeginRange(size_t first_layer);
  void EndRange();
  size_t Middle() const;
  size_t LayerOf(size_t n) const;  // that holds merge n (from 1) of the range
  // accepted_ of the layers before the range, then the first n merges of the range.
  Selection Prefix(size_t n) const;

  const std::vector<size_t> layers_;
  const GateSettings settings_;
  State state_ = State::kBaseline;
  bool waiting_ = false;  // for Report
  bool kept_ = true;
  bool exhausted_ = false;                            // stopped by max_evaluations
  size_t first_ = 0;                                  // the range: layers [first_, end)
  size_t good_ = 0, bad_ = 0, tried_ = 0, step_ = 1;  // prefixes of the range
  int failed_ = 0;                                    // ranges in a row without any
  size_t point_ = 0, curve_points_ = 0;               // of the curve
  Selection candidate_, accepted_;
  double baseline_ = 0, accepted_metric_ = 0;
  std::vector<Point> points_;
};

}  // namespace mosaic
