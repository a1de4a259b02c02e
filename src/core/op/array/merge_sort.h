// The order of the elements of many rows, or its first few places, in units that stay short.
//
// Level 0 sorts runs of a row; each further level merges two runs of the one before, a unit a piece
// of the merged run. Where only the first "keep" places are wanted, runs are cut to that length.
// "Less" is a strict total order of the indices of a row, so that the result is the same however
// the work is cut. Indices are of 32 bits: no array has more elements.
#pragma once

#include <algorithm>
#include <numeric>

#include "core/op/array/array_support.h"

namespace mosaic {

class MergeSort {
 public:
  // run: indices of a run of level 0, some kRun, fewer where comparing is slow.
  static constexpr int64_t kRun = 1024;

  MergeSort() = default;
  MergeSort(int64_t rows, int64_t length, int64_t keep, int64_t run = kRun)
      : rows_(rows), length_(length), keep_(std::min(keep, length)), run_(run) {
    while (Runs(levels_) > 1) ++levels_;
    for (int level = 0; level <= levels_; ++level) {
      int64_t& part = part_[level % 2];
      part = std::max(part, rows_ * Runs(level) * Capacity(level));
    }
  }

  int64_t rows() const { return rows_; }
  int64_t length() const { return length_; }
  int64_t keep() const { return keep_; }
  // Phases that sort, and what they need.
  int phases() const { return levels_ + 1; }
  int64_t scratch_bytes() const { return (part_[0] + part_[1]) * int64_t{sizeof(uint32_t)}; }
  Phase PhaseOf(int level, double compare_cost) const {
    const double log_run = 12;
    if (level == 0) return {rows_ * Runs(0), static_cast<double>(run_) * log_run * compare_cost};
    return {rows_ * Runs(level) * Pieces(level), static_cast<double>(run_) * 2 * compare_cost};
  }

  // Units [begin, end) of a phase. less(row, a, b): index a comes before index b.
  template <typename F>
  void Run(int level, int64_t begin, int64_t end, void* scratch, F&& less) const {
    uint32_t* all = static_cast<uint32_t*>(scratch);
    uint32_t* to = all + (level % 2 == 0 ? 0 : part_[0]);
    const uint32_t* from = all + (level % 2 == 0 ? part_[0] : 0);
    for (int64_t u = begin; u < end; ++u) {
      if (level == 0) {
        SortRun(u / Runs(0), u % Runs(0), to, less);
      } else {
        const int64_t pieces = Pieces(level), run = u / pieces;
        Merge(level, run / Runs(level), run % Runs(level), u % pieces, from, to, less);
      }
    }
  }
  // After all phases: the first keep() indices of a row, in order.
  const uint32_t* Order(const void* scratch, int64_t row) const {
    return static_cast<const uint32_t*>(scratch) + (levels_ % 2 == 0 ? 0 : part_[0]) +
           row * Capacity(levels_);
  }

 private:
  int64_t Span(int level) const { return run_ << level; }  // indices that a run is made of
  int64_t Runs(int level) const { return (length_ + Span(level) - 1) / Span(level); }
  int64_t Capacity(int level) const { return std::min(keep_, Span(level)); }
  int64_t Pieces(int level) const { return std::max<int64_t>(1, Chunks(Capacity(level), run_)); }
  // Indices that run i of a level holds.
  int64_t Count(int level, int64_t i) const {
    return std::clamp<int64_t>(length_ - i * Span(level), 0, Capacity(level));
  }

  template <typename F>
  void SortRun(int64_t row, int64_t i, uint32_t* to, F&& less) const {
    const int64_t first = i * run_, n = std::min(run_, length_ - first), kept = Count(0, i);
    uint32_t* out = to + (row * Runs(0) + i) * Capacity(0);
    const auto before = [&](uint32_t a, uint32_t b) { return less(row, a, b); };
    if (kept == n) {
      std::iota(out, out + n, static_cast<uint32_t>(first));
      std::sort(out, out + n, before);
      return;
    }
    uint32_t all[kRun];
    std::iota(all, all + n, static_cast<uint32_t>(first));
    std::partial_sort_copy(all, all + n, out, out + kept, before);
  }

  // Places [piece * run, ...) of the run that two are merged into.
  template <typename F>
  void Merge(int level, int64_t row, int64_t i, int64_t piece, const uint32_t* from, uint32_t* to,
             F&& less) const {
    const int64_t runs = Runs(level - 1), capacity = Capacity(level - 1);
    const uint32_t* a = from + (row * runs + 2 * i) * capacity;
    const uint32_t* b = a + capacity;
    const int64_t na = Count(level - 1, 2 * i);
    const int64_t nb = 2 * i + 1 < runs ? Count(level - 1, 2 * i + 1) : 0;
    const int64_t first = piece * run_, last = std::min(first + run_, Count(level, i));
    // How many of a come before place "first".
    int64_t low = std::max<int64_t>(0, first - nb), high = std::min(first, na);
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (less(row, a[middle], b[first - middle - 1])) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    int64_t x = low, y = first - low;
    uint32_t* out = to + (row * Runs(level) + i) * Capacity(level);
    for (int64_t place = first; place < last; ++place) {
      const bool left = y >= nb || (x < na && less(row, a[x], b[y]));
      out[place] = left ? a[x++] : b[y++];
    }
  }

  int64_t rows_ = 0, length_ = 0, keep_ = 0, run_ = kRun;
  int levels_ = 0;
  int64_t part_[2] = {0, 0};  // indices of the two halves of the scratch memory
};

// a before b in ascending order, where a NaN is the greatest; equal ones are not.
template <typename V>
inline bool Ascends(const V& a, const V& b) {
  if constexpr (std::is_floating_point_v<V>) {
    return a < b || (b != b && a == a);
  } else {
    return a < b;
  }
}

}  // namespace mosaic
