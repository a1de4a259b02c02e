// Hits of replacement policies on a trace of page reads: what the clock sweep and our steering of
// it do, and what others would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mosaic {

struct PageRead {
  static constexpr int32_t kOther = -1;  // of another table: a single page
  static constexpr int32_t kScan = -2;   // of a scan of a large table
  uint32_t page;
  int32_t model;       // that is predicted with, or one of the above
  bool first = false;  // of a request
};

// Requests of models, each of which reads all pages of its model, and what goes on in between.
struct ReadTrace {
  std::vector<PageRead> reads;
  std::vector<std::vector<uint32_t>>
      model_pages;           // of each model, distinct, in the order of reading
  uint32_t store_pages = 0;  // pages below are of models, the others of other tables
  uint32_t pages = 0;        // all are below
};

struct HitCount {
  uint64_t model_reads = 0, model_hits = 0, other_reads = 0, other_hits = 0;
  double model_ratio() const { return Ratio(model_hits, model_reads); }
  double other_ratio() const { return Ratio(other_hits, other_reads); }

 private:
  static double Ratio(uint64_t hits, uint64_t reads) {
    return reads ? static_cast<double>(hits) / static_cast<double>(reads) : 0;
  }
};

// All count from read number skip on; frames: of the pool. Scans are not counted.

// PostgreSQL's. A model's pages stay pinned while it is predicted with, up to half of the pool.
HitCount SimulateClockSweep(const ReadTrace& trace, uint32_t frames, size_t skip);
// The same, steered as by us; half_life in requests. Of a model larger than the pool, 1/32 of the
// pool stays pinned.
HitCount SimulateSteered(const ReadTrace& trace, uint32_t frames, size_t skip, double half_life);
HitCount SimulateLru(const ReadTrace& trace, uint32_t frames, size_t skip);
HitCount SimulateMru(const ReadTrace& trace, uint32_t frames, size_t skip);
// Belady's optimum (MIN): evicts what is read again last.
HitCount SimulateBelady(const ReadTrace& trace, uint32_t frames, size_t skip);
// The paper's (core/cache/reuse.h): pages used by the same models are a locality set, the other
// tables' pages another. The victim is of the set whose next page is the least likely to be read
// within the next request; of models' sets the most recently read, since they are read in loops, of
// the other tables' the least recently read.
HitCount SimulateLocalitySets(const ReadTrace& trace, uint32_t frames, size_t skip,
                              double half_life);
// Keeps what has the highest rate over the whole trace, known beforehand; of the others nothing.
// What remains to Belady's optimum needs the order of future requests.
HitCount SimulateBestStatic(const ReadTrace& trace, uint32_t frames, size_t skip);

}  // namespace mosaic
