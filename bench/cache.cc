// cache: simulated hit ratios of replacement policies over models that share pages (bench/cache.sh
// runs it).
//
//   cache [--quick] [--all] [--half-life REQUESTS]
//
// For each trace: the clock sweep on a store in which every model has its own pages, the sweep on
// the deduplicated store, our steering of it, LRU, MRU, the paper's locality sets, the best that
// can be kept at fixed rates, and Belady's optimum. --all prints every trace, otherwise means over
// pools. The last line: NAME=VALUE pairs for tools/bench_report.py.
#include <cstdio>
#include <cstring>
#include <map>

#include "bench_util.h"
#include "cache_traces.h"

namespace {

using bench::TraceShape;
using mosaic::HitCount;

double half_life = 50;  // requests
// The policy's constants were chosen on seeds 1 to 9.
constexpr unsigned kSeed = 100;
enum Policy { kPlain, kClock, kOurs, kLru, kMru, kSets, kStatic, kBelady, kPolicies };
const char* const kNames[] = {"plain", "sweep", "ours", "LRU", "MRU", "sets", "static", "Belady"};

struct Row {
  double hit[kPolicies] = {};    // models' pages, percent
  double other[kPolicies] = {};  // other tables'
  void Add(const Row& r, double weight) {
    for (int p = 0; p < kPolicies; ++p) {
      hit[p] += weight * r.hit[p];
      other[p] += weight * r.other[p];
    }
  }
};

Row Measure(const TraceShape& shape, double part, unsigned seed) {
  TraceShape plain = shape;
  plain.deduplicated = false;
  const mosaic::ReadTrace trace = bench::MakeTrace(shape, seed),
                          copies = bench::MakeTrace(plain, seed);
  const auto frames = static_cast<uint32_t>(part * (trace.store_pages + shape.other_pages));
  const size_t skip = trace.reads.size() / 5, skip_copies = copies.reads.size() / 5;
  const HitCount counts[] = {mosaic::SimulateClockSweep(copies, frames, skip_copies),
                             mosaic::SimulateClockSweep(trace, frames, skip),
                             mosaic::SimulateSteered(trace, frames, skip, half_life),
                             mosaic::SimulateLru(trace, frames, skip),
                             mosaic::SimulateMru(trace, frames, skip),
                             mosaic::SimulateLocalitySets(trace, frames, skip, half_life),
                             mosaic::SimulateBestStatic(trace, frames, skip),
                             mosaic::SimulateBelady(trace, frames, skip)};
  Row row;
  for (int p = 0; p < kPolicies; ++p) {
    row.hit[p] = 100 * counts[p].model_ratio();
    row.other[p] = 100 * counts[p].other_ratio();
  }
  return row;
}

void Print(const char* name, const Row& row) {
  std::printf("%-38s", name);
  for (double hit : row.hit) std::printf(" %7.1f", hit);
  std::printf("\n");
}

struct Totals {
  double gained = 0, gap = 0, static_gap = 0;  // over the traces with sharing
  double worst = 100, worst_other = 100;
};

void PrintPools(const std::map<double, Row>& by_pool, const std::map<double, int>& rows) {
  std::printf("\nmeans over the traces with sharing, by pool / working set\n");
  for (const auto& [pool, row] : by_pool) {
    Row mean;
    mean.Add(row, 1.0 / rows.at(pool));
    char name[40];
    std::snprintf(name, sizeof name, "pool %.2f", pool);
    Print(name, mean);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false, all = false;
  for (int i = 1; i < argc; ++i) {
    quick |= std::strcmp(argv[i], "--quick") == 0;
    all |= std::strcmp(argv[i], "--all") == 0;
    if (std::strcmp(argv[i], "--half-life") == 0 && i + 1 < argc) half_life = std::atof(argv[++i]);
  }
  const int seeds = quick ? 1 : 3;
  const std::vector<double> pools =
      quick ? std::vector<double>{0.25, 0.5, 0.75} : std::vector<double>{0.1, 0.25, 0.5, 0.75, 1.0};
  Totals t;
  std::map<double, Row> by_pool;
  std::map<double, int> rows_of_pool;
  std::printf("%-38s", "hits of models' pages, %");
  for (const char* name : kNames) std::printf(" %7s", name);
  std::printf("\n");
  const char* const requests[] = {"uniform", "Zipf", "phases"};
  for (int r = 0; r < 3; ++r)
    for (uint32_t models : {5u, 10u, 20u})
      for (double shared : {0.0, 0.3, 0.6, 0.9})
        for (bool others : {false, true}) {
          TraceShape shape;
          shape.requests = static_cast<TraceShape::Requests>(r);
          shape.models = models;
          shape.shared = shared;
          shape.steps = quick ? 300 : 1000;
          if (others) shape.other_pages = 400, shape.other_reads = 0.5, shape.scans = 3;
          Row mean;
          for (double pool : pools) {
            Row row;
            for (int seed = 1; seed <= seeds; ++seed)
              row.Add(Measure(shape, pool, kSeed + static_cast<unsigned>(seed)), 1.0 / seeds);
            mean.Add(row, 1.0 / static_cast<double>(pools.size()));
            char name[80];
            std::snprintf(name, sizeof name, "%s, %u models, %.0f %% shared%s", requests[r], models,
                          100 * shared, others ? ", others" : "");
            if (all) {
              char with_pool[100];
              std::snprintf(with_pool, sizeof with_pool, "%s, %.2f", name, pool);
              Print(with_pool, row);
            }
            if (shared > 0) {
              t.gained += row.hit[kOurs] - row.hit[kClock];
              t.gap += row.hit[kBelady] - row.hit[kClock];
              t.static_gap += std::max(0.0, row.hit[kStatic] - row.hit[kClock]);
              by_pool[pool].Add(row, 1);
              ++rows_of_pool[pool];
            }
            t.worst = std::min(t.worst, row.hit[kOurs] - row.hit[kClock]);
            if (others)
              t.worst_other = std::min(t.worst_other, row.other[kOurs] - row.other[kClock]);
            if (pool == pools.back())
              Print(all ? (std::string(name) + ", mean").c_str() : name, mean);
          }
        }
  PrintPools(by_pool, rows_of_pool);
  std::printf(
      "gap_closed_pct=%.1f static_gap_closed_pct=%.1f worst_trace_points=%.2f "
      "other_worst_points=%.2f\n",
      100 * t.gained / t.gap, 100 * t.gained / t.static_gap, t.worst, t.worst_other);
  return 0;
}
