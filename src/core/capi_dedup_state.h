// What one deduplication knows, from its options to the state that was accepted; shared by the
// files of the boundary that work on it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/block/blocking.h"
#include "core/dedup/activation_cache.h"
#include "core/dedup/gate.h"
#include "core/dedup/ladder_gate.h"
#include "core/dedup/likeness.h"
#include "core/dedup/merge_order.h"
#include "core/dedup/metric.h"
#include "core/dedup/recall.h"
#include "mosaic/capi_dedup.h"
#include "mosaic/capi_ladder.h"

struct MosaicDedup {
  mosaic::NearSettings near;
  mosaic::GateSettings gate_settings;
  bool own_metric = false;  // the caller's
  mosaic::MetricKind metric_kind{};

  std::vector<mosaic::Blocking> tensors;
  std::vector<mosaic::Merge> merges;
  std::vector<size_t> layers;  // merges of each
  std::optional<mosaic::Gate> gate;
  // Down the ladder instead of merges: what is found, then its gate instead of the other one.
  bool down_ladder = false, unjudged = false;
  mosaic::Ladder ladder;
  std::optional<mosaic::LadderGate> ladder_gate;
  std::vector<const mosaic::Rung*> accepted_rungs;  // of the blocks, once they were asked for
  std::vector<double> errors;  // standard errors of the metric of each evaluation
  std::unique_ptr<mosaic::Metric> metric;
  std::unique_ptr<mosaic::ActivationCache> activations;
  mosaic::Selection measured;  // last
  mosaic::Recall recall;
  std::vector<mosaic::Decision> refused;  // recalled: candidates that are not tried

  // The block that is searched for.
  mosaic::BlockShape shape;
  const float* values = nullptr;
  mosaic::Match best;
  uint64_t fingerprint = 0;
  bool recalled = false;  // found is the partner it had
  int tensor = 0;
  int64_t place = 0;
  std::vector<uint32_t> found;
  std::vector<int32_t> ids;
  std::vector<int32_t> keys;
  std::vector<float> block_buffer, other_buffer;
  const void* payload = nullptr;
  std::vector<uint8_t> best_payload;  // down the ladder

  const mosaic::Blocking& blocking(int t) const { return tensors[static_cast<size_t>(t)]; }

  // Calls fn for the merges of a selection.
  template <typename Fn>
  void ForEach(const mosaic::Selection& selection, Fn fn) const {
    size_t begin = 0;
    for (size_t l = 0; l < layers.size(); begin += layers[l++]) {
      for (size_t i = begin; i < begin + selection[l]; ++i) fn(merges[i]);
    }
  }
  // The tensors of layers for which is(layer) holds.
  template <typename Fn>
  std::vector<int> TensorsOf(Fn is) const {
    std::set<int> found_in;
    size_t begin = 0;
    for (size_t l = 0; l < layers.size(); begin += layers[l++]) {
      for (size_t i = begin; is(l) && i < begin + layers[l]; ++i) found_in.insert(merges[i].tensor);
    }
    return {found_in.begin(), found_in.end()};
  }
  const mosaic::Gate& the_gate() const { return ladder_gate ? ladder_gate->gate() : *gate; }
  MosaicRungs AcceptedRungs() const;  // none, but down the ladder
  MosaicRungs RungsOf(const std::vector<const mosaic::Rung*>& state) const;
  bool RungDecision(size_t i, mosaic::Decision* decision) const;
  void BeginActivations();
  void Remember();
  mosaic::Outcome OutcomeOf(size_t merge) const;
};
