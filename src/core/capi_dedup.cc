// The C boundary, near duplicates.
#include "mosaic/capi_dedup.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/capi_dedup_state.h"
#include "core/capi_guard.h"
#include "core/capi_handles.h"
#include "mosaic/capi_near.h"

using mosaic::Guard;
using mosaic::Status;

namespace {

bool MayBeShared(const mosaic::Blocking& b) {
  return b.rows > 0 && b.blocks() > 1 && mosaic::NearShareable(b.geometry());
}

}  // namespace

// Where the block is known from the predecessor and its partner is still there (it is not, where it
// was dropped, or is this very block now), the decision is kept: found becomes all there is to try.
void MosaicDedup::Remember() {
  recalled = false;
  fingerprint = mosaic::Fingerprint(keys.data(), keys.size(), near);
  const mosaic::Decision* known = recall.Find(tensor, place, fingerprint);
  if (known == nullptr || !std::binary_search(found.begin(), found.end(), known->partner)) return;
  if (known->outcome == mosaic::Outcome::kMerged) {
    recalled = true;
    found = {known->partner};
  } else {
    refused.push_back(*known);
    refused.back().outcome = mosaic::Outcome::kOverBoundBefore;
    found.clear();
  }
}

// What differs from the state measured last, and what may differ in the next one.
void MosaicDedup::BeginActivations() {
  if (activations == nullptr) return;
  if (ladder_gate) {
    activations->Begin(ladder_gate->Changed(), ladder_gate->Undecided());
    return;
  }
  const mosaic::Selection& now = gate->candidate();
  measured.resize(layers.size());
  const auto changed = TensorsOf([&](size_t l) { return now[l] != measured[l]; });
  const auto undecided = gate->Undecided();
  activations->Begin(
      changed, TensorsOf([&](size_t l) { return l >= undecided.first && l < undecided.second; }));
  measured = now;
}

mosaic::Outcome MosaicDedup::OutcomeOf(size_t merge) const {
  size_t layer = 0;
  for (; merge >= layers[layer]; ++layer) merge -= layers[layer];
  if (merge < gate->accepted()[layer]) return mosaic::Outcome::kMerged;
  return gate->Decided(layer) ? mosaic::Outcome::kOverBound : mosaic::Outcome::kNotReached;
}

MosaicCode mosaic_dedup_new(const MosaicDedupOptions* options, MosaicDedup** out,
                            MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto d = std::make_unique<MosaicDedup>();
    d->own_metric = options->metric == nullptr;
    if (!d->own_metric) {
      MOSAIC_RETURN_IF_ERROR(mosaic::ParseMetric(options->metric, &d->metric_kind));
    }
    if (!(options->tolerance > 0 && std::isfinite(options->tolerance))) {
      return Status::Invalid("tolerance must be a positive number");
    }
    if (!(options->min_similarity > 0 && options->min_similarity <= 1)) {
      return Status::Invalid("min_similarity must be above 0, and 1 at most");
    }
    if (!(options->max_drop >= 0)) return Status::Invalid("max_drop must not be negative");
    if (!(options->max_weight_error >= 0)) {
      return Status::Invalid("max_weight_error must not be negative");
    }
    d->near.tolerance = options->tolerance;
    d->near.min_similarity = options->min_similarity;
    d->near.max_abs = options->max_weight_error;
    d->down_ladder = options->ladder;
    d->unjudged = options->unjudged;
    d->gate_settings.max_drop = options->max_drop;
    d->gate_settings.higher_is_better =
        d->own_metric ? options->higher_is_better : mosaic::HigherIsBetter(d->metric_kind);
    d->gate_settings.curve_points =
        static_cast<size_t>(std::max<int64_t>(options->curve_points, 0));
    d->gate_settings.max_evaluations = options->max_evaluations;
    d->gate_settings.of_original = options->of_original;
    *out = d.release();
    return Status();
  });
}

MosaicCode mosaic_dedup_add_tensor(MosaicDedup* d, const MosaicTensorDesc* desc, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const bool blocks = desc->layout != MOSAIC_LAYOUT_INLINE;
    d->tensors.push_back(blocks ? mosaic::BlockingOf(*desc) : mosaic::Blocking());
    return Status();
  });
}

bool mosaic_dedup_shareable(const MosaicDedup* d, int tensor) {
  return MayBeShared(d->blocking(tensor));
}

MosaicCode mosaic_dedup_recall(MosaicDedup* d, const MosaicDecision* decision, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (decision->tensor < 0 || static_cast<size_t>(decision->tensor) >= d->tensors.size()) {
      return Status::Internal("a decision on tensor " + std::to_string(decision->tensor));
    }
    d->recall.Add({decision->tensor, decision->index, static_cast<uint32_t>(decision->partner),
                   decision->similarity, static_cast<mosaic::Outcome>(decision->outcome),
                   static_cast<uint64_t>(decision->fingerprint)});
    return Status();
  });
}

MosaicCode mosaic_dedup_search(MosaicDedup* d, int tensor, int64_t index, const void* payload,
                               const int32_t* keys, const int32_t* found, int64_t nfound,
                               const int32_t** ids, int64_t* n, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    d->shape = mosaic::ShapeOfBlock(d->blocking(tensor), index);
    d->values = mosaic::BlockValues(d->shape, payload, &d->block_buffer);
    d->payload = payload;
    d->tensor = tensor;
    d->place = index;
    d->best = mosaic::Match();
    d->keys.assign(keys, keys + MOSAIC_NEAR_TABLES);
    d->found.assign(found, found + nfound);
    if (!d->down_ladder) d->Remember();
    d->ids.assign(d->found.begin(), d->found.end());
    *ids = d->ids.data();
    *n = static_cast<int64_t>(d->ids.size());
    return Status();
  });
}

MosaicCode mosaic_dedup_compare(MosaicDedup* d, int32_t block_id, const void* payload,
                                MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const float* other = mosaic::BlockValues(d->shape, payload, &d->other_buffer);
    const auto id = static_cast<uint32_t>(block_id);
    if (d->down_ladder) {
      // Whatever bound there is on a merge: for a difference, the nearest is best.
      mosaic::NearSettings any;
      any.min_similarity = 0;
      any.tolerance = d->near.tolerance;
      const mosaic::Match match{id, mosaic::Compare(d->shape, d->values, other, any)};
      if (!match.likeness.accepted) return Status();
      const double l2 = match.likeness.relative_l2, least = d->best.likeness.relative_l2;
      if (d->best.likeness.accepted && (l2 > least || (l2 == least && id > d->best.partner))) {
        return Status();
      }
      d->best = match;
      const auto* bytes = static_cast<const uint8_t*>(payload);
      d->best_payload.assign(bytes, bytes + d->blocking(d->tensor).payload_bytes());
      return Status();
    }
    const mosaic::Match match{id, mosaic::Compare(d->shape, d->values, other, d->near)};
    if (!match.likeness.accepted) return Status();
    if (!d->best.likeness.accepted || mosaic::Better(match, d->best)) d->best = match;
    return Status();
  });
}

MosaicCode mosaic_dedup_choose(MosaicDedup* d, const MosaicStoredBlock* block, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (!d->best.likeness.accepted) return Status();
    mosaic::Merge m;
    m.tensor = d->tensor;
    m.index = d->place;
    m.partner = d->best.partner;
    m.block = static_cast<uint32_t>(block->id);
    m.stored = block->bytes;
    m.places = block->places;
    m.third_quartile = mosaic::ThirdQuartile(d->shape, d->values, &d->other_buffer);
    m.similarity = d->best.likeness.similarity;
    m.relative_l2 = d->best.likeness.relative_l2;
    m.fingerprint = d->fingerprint;
    m.recalled = d->recalled;
    d->merges.push_back(m);
    return Status();
  });
}

MosaicCode mosaic_dedup_plan(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (d->down_ladder) {
      d->ladder_gate.emplace(std::move(d->ladder), d->tensors.size(), d->gate_settings);
      return Status();
    }
    std::vector<mosaic::Layer> sizes;
    for (const mosaic::Blocking& b : d->tensors) {
      const int64_t blocks = b.rows > 0 ? b.blocks() : 0;
      sizes.push_back({blocks == 0 ? 0 : blocks * b.payload_bytes(), blocks});
    }
    d->layers = mosaic::OrderMerges(sizes, &d->merges);
    d->gate_settings.believed = static_cast<size_t>(std::count_if(
        d->merges.begin(), d->merges.end(), [](const mosaic::Merge& m) { return m.recalled; }));
    d->gate.emplace(d->layers, d->gate_settings);
    return Status();
  });
}

MosaicCode mosaic_dedup_use_model(MosaicDedup* d, const MosaicModel* model, int64_t max_bytes,
                                  MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    d->activations = std::make_unique<mosaic::ActivationCache>(*model->model, max_bytes);
    return Status();
  });
}

MosaicCode mosaic_dedup_start(MosaicDedup* d, MosaicExec* exec, int64_t batch,
                              const MosaicTensorView* inputs, int64_t items, MosaicError* err) {
  exec->done = false;
  return Guard(err, [&](MosaicCode*) -> Status {
    std::vector<mosaic::Tensor> tensors(exec->model.graph.inputs.size());
    for (size_t i = 0; i < tensors.size(); ++i) tensors[i] = mosaic::TensorOf(inputs[i]);
    return d->activations->Start(&exec->run, static_cast<size_t>(batch), std::move(tensors), items);
  });
}

MosaicCode mosaic_dedup_accept_all(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (d->ladder_gate) {
      d->ladder_gate->AcceptAll();
    } else {
      d->gate->AcceptAll();
    }
    return Status();
  });
}

MosaicCode mosaic_dedup_next(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    if (d->ladder_gate) {
      if (d->ladder_gate->Next() == mosaic::LadderGate::Asks::kNothing) return Status();
    } else if (!d->gate->Next()) {
      return Status();
    }
    d->metric = mosaic::Metric::New(d->metric_kind);
    if (mosaic_dedup_sample(d) == 0) d->BeginActivations();
    *code = MOSAIC_MORE;
    return Status();
  });
}

void mosaic_dedup_apply(const MosaicDedup* d, bool accepted, int tensor, int32_t* ids) {
  d->ForEach(accepted ? d->gate->accepted() : d->gate->candidate(), [&](const mosaic::Merge& m) {
    if (m.tensor == tensor) ids[m.index] = static_cast<int32_t>(m.partner);
  });
}

bool mosaic_dedup_uses_labels(const MosaicDedup* d) { return mosaic::UsesLabels(d->metric_kind); }

MosaicCode mosaic_dedup_row(MosaicDedup* d, const float* outputs, int64_t n, const double* expected,
                            MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (n < 1) return Status::Invalid("the model has no output for this row");
    return d->metric->Add(outputs, n, expected);
  });
}

// undefined: what is said of the metric where the model as it is has none.
static Status Undefined(const MosaicDedup* d, const std::string& undefined) {
  return d->the_gate().points().empty() ? Status::Invalid(undefined) : Status();
}

static void Report(MosaicDedup* d, double value, double standard_error) {
  d->errors.push_back(standard_error);
  if (d->ladder_gate) {
    d->ladder_gate->Report(value);
  } else {
    d->gate->Report(value);
  }
}

MosaicCode mosaic_dedup_report(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const double value = d->metric->value();
    if (!std::isfinite(value)) {
      MOSAIC_RETURN_IF_ERROR(
          Undefined(d, "metric " + std::string(mosaic::MetricName(d->metric_kind)) +
                           " is not defined over the " + std::to_string(d->metric->rows()) +
                           " rows of the validation set"));
    }
    Report(d, value, d->metric->standard_error());
    return Status();
  });
}

MosaicCode mosaic_dedup_report_value(MosaicDedup* d, double value, double standard_error,
                                     MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (!std::isfinite(value)) {
      MOSAIC_RETURN_IF_ERROR(
          Undefined(d, "the metric is not defined over the rows of the validation set"));
    }
    Report(d, value, standard_error);
    return Status();
  });
}

MosaicCode mosaic_dedup_result(const MosaicDedup* d, MosaicDedupResult* result, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const mosaic::Gate& gate = d->the_gate();
    result->candidates = static_cast<int64_t>(d->merges.size() + d->refused.size());
    result->merged = static_cast<int64_t>(gate.merged());
    result->metric_before = gate.baseline();
    result->metric_after = gate.accepted_metric();
    result->evaluations = static_cast<int64_t>(gate.points().size());
    result->kept = gate.kept();
    if (d->ladder_gate) {
      const MosaicRungs rungs = d->AcceptedRungs();
      result->candidates = static_cast<int64_t>(d->ladder_gate->blocks().size());
      result->merged = rungs.merged + rungs.bits[0] + rungs.bits[1] + rungs.bits[2] + rungs.bits[3];
    }
    return Status();
  });
}

MosaicCode mosaic_dedup_point(const MosaicDedup* d, int64_t i, MosaicDedupPoint* point,
                              MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const mosaic::Gate::Point& p = d->the_gate().points()[static_cast<size_t>(i)];
    *point = {0, 0, p.metric, d->errors[static_cast<size_t>(i)], p.kept};
    if (d->ladder_gate) {
      const auto rungs = d->ladder_gate->at(p);
      point->merged = std::count_if(rungs.begin(), rungs.end(),
                                    [](const mosaic::Rung* rung) { return rung != nullptr; });
      point->bytes = d->ladder_gate->FreedBytes(rungs);
      return Status();
    }
    std::vector<int64_t> gone(d->merges.size());  // places of each block
    d->ForEach(p.selection, [&](const mosaic::Merge& m) {
      ++point->merged;
      if (++gone[m.number] == m.places) point->bytes += m.stored;
    });
    return Status();
  });
}

bool mosaic_dedup_decision(const MosaicDedup* d, int64_t i, MosaicDecision* decision) {
  const size_t n = static_cast<size_t>(i), merges = d->merges.size();
  mosaic::Decision found;
  if (n < merges) {
    const mosaic::Merge& m = d->merges[n];
    found = {m.tensor, m.index, m.partner, m.similarity, d->OutcomeOf(n), m.fingerprint};
  } else if (n < merges + d->refused.size()) {
    found = d->refused[n - merges];
  } else if (!d->RungDecision(n - merges - d->refused.size(), &found)) {
    return false;
  }
  *decision = {found.tensor,
               found.index,
               static_cast<int32_t>(found.partner),
               found.similarity,
               static_cast<char>(found.outcome),
               static_cast<int64_t>(found.fingerprint)};
  return true;
}

int64_t mosaic_dedup_nodes_skipped(const MosaicDedup* d) {
  return d->activations == nullptr ? 0 : d->activations->nodes_skipped();
}

void mosaic_dedup_free(MosaicDedup* d) { delete d; }
