// A dense tensor as rows that are made of consecutive parts: the whole of Concat and of Split.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace mosaic {

struct Parts {
  std::vector<int64_t> starts;  // of each part within a row, in elements; then the row's length

  // Calls f(at, part, offset in the part's own dense tensor, n) for the runs that together are the
  // elements [begin, end) of the whole; at: where a run begins in the whole.
  template <typename F>
  void ForEachRun(int64_t begin, int64_t end, F&& f) const {
    const int64_t row = starts.back();
    for (int64_t at = begin; at < end;) {
      const int64_t column = at % row;
      const auto next = std::upper_bound(starts.begin(), starts.end(), column);
      const size_t part = static_cast<size_t>(next - starts.begin()) - 1;
      const int64_t length = *next - starts[part];
      const int64_t n = std::min(*next - column, end - at);
      f(at, part, at / row * length + column - starts[part], n);
      at += n;
    }
  }
};

}  // namespace mosaic
