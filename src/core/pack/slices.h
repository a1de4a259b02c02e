// Work in slices: loops that can be left and resumed, so that a caller can look for interrupts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace mosaic {

// What one slice may spend, in elementary operations of a few nanoseconds. Counted, not timed: the
// result of a job must not depend on the clock.
class Budget {
 public:
  explicit Budget(int64_t units) : left_(units) {}
  void Spend(int64_t units) { left_ -= units; }
  bool spent() const { return left_ <= 0; }

 private:
  int64_t left_;
};

// Calls work(i), which returns its cost, for *cursor <= i < end until the budget is spent.
// Returns true when the end is reached.
template <class Work>
bool RunSlice(size_t* cursor, size_t end, Budget* budget, Work work) {
  while (*cursor < end) {
    if (budget->spent()) return false;
    budget->Spend(work(*cursor));
    ++*cursor;
  }
  return true;
}

// A stable merge sort in slices.
class SlicedSort {
 public:
  using Less = std::function<bool(uint32_t, uint32_t)>;
  SlicedSort(std::vector<uint32_t>* values, Less less) : v_(values), less_(std::move(less)) {}

  bool Step(Budget* budget) {
    const size_t n = v_->size();
    const auto sort_chunk = [&](size_t chunk) {
      const auto first = v_->begin() + chunk * kChunk;
      std::stable_sort(first, v_->begin() + std::min(n, (chunk + 1) * kChunk), less_);
      return int64_t{kChunk} * 60;
    };
    if (!RunSlice(&chunk_, (n + kChunk - 1) / kChunk, budget, sort_chunk)) return false;
    if (n <= kChunk) return true;
    out_.resize(n);
    for (; width_ < n; width_ *= 2) {
      if (!MergePass(budget)) return false;
      v_->swap(out_);
      k_ = 0;
    }
    return true;
  }

 private:
  static constexpr size_t kChunk = 512;

  // Merges neighbouring runs of width_ from *v_ to out_.
  bool MergePass(Budget* budget) {
    const size_t n = v_->size();
    return RunSlice(&k_, n, budget, [&](size_t k) {
      if (k % (2 * width_) == 0) {
        i_ = k;
        j_ = std::min(k + width_, n);
        i_end_ = j_;
        j_end_ = std::min(k + 2 * width_, n);
      }
      const bool right = i_ == i_end_ || (j_ < j_end_ && less_((*v_)[j_], (*v_)[i_]));
      out_[k] = (*v_)[right ? j_++ : i_++];
      return int64_t{8};
    });
  }

  std::vector<uint32_t>* v_;
  Less less_;
  std::vector<uint32_t> out_;
  size_t chunk_ = 0, width_ = kChunk;
  size_t k_ = 0, i_ = 0, i_end_ = 0, j_ = 0, j_end_ = 0;  // the merge under way
};

}  // namespace mosaic
