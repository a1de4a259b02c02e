// The C boundary, near duplicates.
#include "mosaic/capi_dedup.h"

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/capi_guard.h"
#include "core/dedup/gate.h"
#include "core/dedup/likeness.h"
#include "core/dedup/lsh.h"
#include "core/dedup/lsh_index.h"
#include "core/dedup/merge_order.h"
#include "core/dedup/metric.h"

using mosaic::Guard;
using mosaic::Status;

namespace {

bool MayBeShared(const mosaic::Blocking& b) {
  return b.rows > 0 && b.blocks() > 1 && mosaic::NearShareable(b.geometry());
}

}  // namespace

struct MosaicDedup {
  mosaic::NearSettings near;
  mosaic::LshSettings lsh;
  mosaic::GateSettings gate_settings;
  mosaic::MetricKind metric_kind{};

  std::vector<mosaic::Blocking> tensors;
  std::map<uint64_t, mosaic::LshFamily> families;
  mosaic::LshIndex index;
  std::vector<mosaic::Merge> merges;
  std::vector<size_t> layers;  // merges of each
  std::optional<mosaic::Gate> gate;
  std::unique_ptr<mosaic::Metric> metric;

  // The block that is searched for.
  mosaic::BlockShape shape;
  const float* values = nullptr;
  mosaic::Match best;
  int tensor = 0;
  int64_t place = 0;
  std::vector<uint32_t> found;
  std::vector<int32_t> ids;
  std::vector<uint64_t> keys;
  std::vector<float> block_buffer, other_buffer;

  const uint64_t* KeysOf(const MosaicGeometry& g, const float* v) {
    const auto& family = families.try_emplace(mosaic_geometry_pack(g), g, lsh).first->second;
    keys.resize(static_cast<size_t>(family.tables()));
    family.Keys(v, keys.data());
    return keys.data();
  }
  const mosaic::Blocking& blocking(int t) const { return tensors[static_cast<size_t>(t)]; }

  // Calls fn for the merges of a selection.
  template <typename Fn>
  void ForEach(const mosaic::Selection& selection, Fn fn) const {
    size_t begin = 0;
    for (size_t l = 0; l < layers.size(); begin += layers[l++]) {
      for (size_t i = begin; i < begin + selection[l]; ++i) fn(merges[i]);
    }
  }
};

MosaicCode mosaic_dedup_new(const MosaicDedupOptions* options, MosaicDedup** out,
                            MosaicError* err) {
  *out = nullptr;
  return Guard(err, [&](MosaicCode*) -> Status {
    auto d = std::make_unique<MosaicDedup>();
    MOSAIC_RETURN_IF_ERROR(mosaic::ParseMetric(options->metric, &d->metric_kind));
    if (!(options->tolerance > 0 && std::isfinite(options->tolerance))) {
      return Status::Invalid("tolerance must be a positive number");
    }
    if (!(options->min_similarity > 0 && options->min_similarity <= 1)) {
      return Status::Invalid("min_similarity must be above 0, and 1 at most");
    }
    if (!(options->max_drop >= 0)) return Status::Invalid("max_drop must not be negative");
    d->near.tolerance = d->lsh.tolerance = options->tolerance;
    d->near.min_similarity = options->min_similarity;
    d->gate_settings.max_drop = options->max_drop;
    d->gate_settings.higher_is_better = mosaic::HigherIsBetter(d->metric_kind);
    d->gate_settings.max_evaluations = options->max_evaluations;
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

MosaicCode mosaic_dedup_offer(MosaicDedup* d, MosaicGeometry geometry, const void* payload,
                              int32_t block_id, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    mosaic::BlockShape shape;
    shape.dtype = geometry.dtype;
    shape.rows = geometry.rows;
    shape.cols = static_cast<int>(geometry.cols);
    const uint64_t* keys =
        d->KeysOf(geometry, mosaic::BlockValues(shape, payload, &d->other_buffer));
    d->index.Add(keys, static_cast<int>(d->keys.size()), static_cast<uint32_t>(block_id));
    return Status();
  });
}

MosaicCode mosaic_dedup_search(MosaicDedup* d, int tensor, int64_t index, const void* payload,
                               const int32_t** ids, int64_t* n, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const mosaic::Blocking& b = d->blocking(tensor);
    d->shape = mosaic::ShapeOfBlock(b, index);
    d->values = mosaic::BlockValues(d->shape, payload, &d->block_buffer);
    d->tensor = tensor;
    d->place = index;
    d->best = mosaic::Match();
    const uint64_t* keys = d->KeysOf(b.geometry(), d->values);
    d->index.Probe(keys, static_cast<int>(d->keys.size()), &d->found);
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
    const mosaic::Match match{static_cast<uint32_t>(block_id),
                              mosaic::Compare(d->shape, d->values, other, d->near)};
    if (!match.likeness.accepted) return Status();
    if (!d->best.likeness.accepted || mosaic::Better(match, d->best)) d->best = match;
    return Status();
  });
}

MosaicCode mosaic_dedup_choose(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    if (!d->best.likeness.accepted) return Status();
    mosaic::Merge m;
    m.tensor = d->tensor;
    m.index = d->place;
    m.partner = d->best.partner;
    m.third_quartile = mosaic::ThirdQuartile(d->shape, d->values, &d->other_buffer);
    m.similarity = d->best.likeness.similarity;
    m.relative_l2 = d->best.likeness.relative_l2;
    d->merges.push_back(m);
    return Status();
  });
}

MosaicCode mosaic_dedup_plan(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    std::vector<mosaic::Layer> sizes;
    for (const mosaic::Blocking& b : d->tensors) {
      const int64_t blocks = b.rows > 0 ? b.blocks() : 0;
      sizes.push_back({blocks == 0 ? 0 : blocks * b.payload_bytes(), blocks});
    }
    d->layers = mosaic::OrderMerges(sizes, &d->merges);
    d->gate.emplace(d->layers, d->gate_settings);
    return Status();
  });
}

MosaicCode mosaic_dedup_next(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode* code) -> Status {
    if (!d->gate->Next()) return Status();
    d->metric = mosaic::Metric::New(d->metric_kind);
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

MosaicCode mosaic_dedup_report(MosaicDedup* d, MosaicError* err) {
  return Guard(err, [&](MosaicCode*) -> Status {
    const double value = d->metric->value();
    if (d->gate->points().empty() && !std::isfinite(value)) {
      return Status::Invalid("metric " + std::string(mosaic::MetricName(d->metric_kind)) +
                             " is not defined over the " + std::to_string(d->metric->rows()) +
                             " rows of the validation set");
    }
    d->gate->Report(value);
    return Status();
  });
}

void mosaic_dedup_result(const MosaicDedup* d, MosaicDedupResult* result) {
  result->candidates = static_cast<int64_t>(d->merges.size());
  result->merged = static_cast<int64_t>(d->gate->merged());
  result->metric_before = d->gate->baseline();
  result->metric_after = d->gate->accepted_metric();
  result->evaluations = static_cast<int64_t>(d->gate->points().size());
}

void mosaic_dedup_point(const MosaicDedup* d, int64_t i, MosaicDedupPoint* point) {
  const mosaic::Gate::Point& p = d->gate->points()[static_cast<size_t>(i)];
  *point = {0, 0, p.metric, p.kept};
  d->ForEach(p.selection, [&](const mosaic::Merge& m) {
    ++point->merged;
    point->bytes += d->blocking(m.tensor).payload_bytes() + MOSAIC_PAYLOAD_OFFSET;
  });
}

void mosaic_dedup_free(MosaicDedup* d) { delete d; }
