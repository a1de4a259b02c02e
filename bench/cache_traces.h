// Traces of requests for models that share pages.
#pragma once

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/cache/pool_simulation.h"

namespace bench {

struct TraceShape {
  enum Requests { kUniform, kZipf, kPhases };
  Requests requests = kUniform;
  uint32_t models = 10, model_pages = 200;
  double shared =
      0.5;  // part of a model's pages that others have: half of them all, half its family
  bool deduplicated = true;  // false: every model has its own copy of all
  uint32_t other_pages = 0;  // of another table, read at random (Zipf)
  double other_reads = 0;    // of them, for each page read of a model
  int scans = 0;             // of a table as large as the store
  uint32_t steps = 1000;     // requests
};

// What the models' pages are: numbers from 0 on, each model's in its order of reading, shared and
// own ones mixed as by layers. Models belong to two families in turn.
inline void AddModels(const TraceShape& shape, mosaic::ReadTrace* trace) {
  uint32_t next = 0;
  const auto pages = [&](uint32_t n) {
    std::vector<uint32_t> v(n);
    std::iota(v.begin(), v.end(), next);
    next += n;
    return v;
  };
  const uint32_t shared =
      shape.deduplicated ? static_cast<uint32_t>(shape.shared * shape.model_pages) : 0;
  const std::vector<uint32_t> by_all = pages(shared / 2);
  const std::vector<uint32_t> by_family[2] = {pages(shared - shared / 2),
                                              pages(shared - shared / 2)};
  for (uint32_t m = 0; m < shape.models; ++m) {
    const std::vector<uint32_t> own = pages(shape.model_pages - shared);
    const std::vector<uint32_t>* parts[3] = {&by_all, &by_family[m % 2], &own};
    std::vector<std::pair<double, uint32_t>> mixed;
    for (const auto* part : parts)
      for (size_t i = 0; i < part->size(); ++i)
        mixed.emplace_back((static_cast<double>(i) + 0.5) / static_cast<double>(part->size()),
                           (*part)[i]);
    std::stable_sort(mixed.begin(), mixed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    trace->model_pages.emplace_back();
    for (const auto& page : mixed) trace->model_pages.back().push_back(page.second);
  }
  trace->store_pages = next;
}

// The models that are requested, in turn. The choice does not depend on how much is shared.
inline std::vector<uint32_t> Requests(const TraceShape& shape, unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<double> weights(shape.models, 1);
  if (shape.requests != TraceShape::kUniform)
    for (uint32_t m = 0; m < shape.models; ++m) weights[m] = 1.0 / (m + 1);
  std::vector<uint32_t> rank(shape.models), requests;
  std::iota(rank.begin(), rank.end(), 0u);
  std::discrete_distribution<uint32_t> choose(weights.begin(), weights.end());
  for (uint32_t i = 0; i < shape.steps; ++i) {
    if (shape.requests == TraceShape::kPhases && i % (shape.steps / 6 + 1) == 0)
      std::shuffle(rank.begin(), rank.end(), random);
    requests.push_back(rank[choose(random)]);
  }
  return requests;
}

inline mosaic::ReadTrace MakeTrace(const TraceShape& shape, unsigned seed) {
  mosaic::ReadTrace trace;
  AddModels(shape, &trace);
  const uint32_t other = trace.store_pages, scanned = other + shape.other_pages;
  trace.pages = scanned + (shape.scans ? shape.models * shape.model_pages : 0);
  std::mt19937_64 random(seed + 1000);
  std::vector<double> weights(std::max(shape.other_pages, 1u));
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = 1.0 / static_cast<double>(i + 1);
  std::discrete_distribution<uint32_t> choose(weights.begin(), weights.end());
  const std::vector<uint32_t> requests = Requests(shape, seed);
  const auto others = static_cast<uint32_t>(shape.other_reads * shape.model_pages);
  for (size_t i = 0; i < requests.size(); ++i) {
    bool first = true;
    for (uint32_t page : trace.model_pages[requests[i]]) {
      trace.reads.push_back({page, static_cast<int32_t>(requests[i]), first});
      first = false;
    }
    for (uint32_t k = 0; k < others; ++k)
      trace.reads.push_back({other + choose(random), mosaic::PageRead::kOther});
    if (shape.scans && (i + 1) % (requests.size() / static_cast<size_t>(shape.scans) + 1) == 0)
      for (uint32_t page = scanned; page < trace.pages; ++page)
        trace.reads.push_back({page, mosaic::PageRead::kScan});
  }
  return trace;
}

}  // namespace bench
