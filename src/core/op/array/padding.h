// Base of the operators that put their input into a larger or smaller array, or a part of it: Pad,
// CenterCropPad.
#pragma once

#include <algorithm>
#include <vector>

#include "core/op/array/array_support.h"
#include "core/tensor/strided.h"

namespace mosaic {

class PaddingOp : public Op {
 public:
  enum Mode { kConstant, kEdge, kReflect, kWrap };

  // Input 2, where it is given, is the constant that fills.
  explicit PaddingOp(Mode mode) : mode_(mode) {}

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    begin *= kChunk;
    end = std::min(end * kChunk, c.outputs[0].size());
    DispatchSize(c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      Fill<T>(c, begin, end);
    });
    return Status();
  }

 protected:
  // Start's end. before: for each dimension how many elements come before the input's first (fewer
  // than 0: that many of the input are left out).
  static Status StartPadding(Call& c, const Shape& before) {
    State& s = c.NewState<State>();
    s.before = before;
    s.x = c.inputs[0].shape();
    s.y = c.outputs[0].shape();
    s.strides = RowMajorStrides(s.x);
    s.first = Shape(before.size());
    s.kept = s.x;
    for (size_t d = 0; d < before.size(); ++d) {
      s.first[d] = std::max<int64_t>(0, -before[d]);
      s.kept[d] -= s.first[d] + std::max<int64_t>(0, s.x[d] + before[d] - s.y[d]);
    }
    const double row = s.y.empty() ? 1 : static_cast<double>(std::max<int64_t>(s.y.back(), 1));
    c.OnePhase(Chunks(c.outputs[0].size(), kChunk), kChunk * (2 + 60 / row));
    return Status();
  }
  Mode mode() const { return mode_; }

 private:
  static constexpr int64_t kChunk = 4096;  // elements of a unit

  struct State {
    Shape before, x, y;
    Shape first, kept;  // what is left of the input: modes go on from that alone
    Strides strides;    // of the input
  };

  // Where index i (counted from the first that is kept, of size) is taken from; -1: nowhere.
  // REQUIRES: size > 0, but for kConstant.
  int64_t Source(int64_t i, int64_t size) const {
    if (i >= 0 && i < size) return i;
    switch (mode_) {
      case kConstant:
        return -1;
      case kEdge:
        return i < 0 ? 0 : size - 1;
      case kWrap:
        return (i % size + size) % size;
      case kReflect:
        break;
    }
    if (size == 1) return 0;
    const int64_t period = 2 * (size - 1), at = (i % period + period) % period;
    return at < size ? at : period - at;
  }

  // Elements [begin, end) of the output, row by row.
  template <typename T>
  void Fill(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const T value = c.Given(2) ? *c.inputs[2].data<T>() : T();
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    const size_t rank = s.y.size();
    if (rank == 0) {
      *y = *x;
      return;
    }
    const int64_t row = s.y[rank - 1];
    while (begin < end) {
      int64_t rest = begin / row, base = 0;
      const int64_t column = begin % row, n = std::min(row - column, end - begin);
      for (size_t d = rank - 1; d-- > 0 && base >= 0;) {
        const int64_t from = Source(rest % s.y[d] - s.before[d] - s.first[d], s.kept[d]);
        base = from < 0 ? -1 : base + (from + s.first[d]) * s.strides[d];
        rest /= s.y[d];
      }
      if (base < 0) {
        std::fill(y + begin, y + begin + n, value);
      } else {
        const int64_t first = s.first[rank - 1];
        FillRow(s.kept[rank - 1], x + base + first, column - s.before[rank - 1] - first, n, value,
                y + begin);
      }
      begin += n;
    }
  }

  // Indices [i, i + n) of an output row, counted from the first that is kept of a row of the input.
  template <typename T>
  void FillRow(int64_t size, const T* x, int64_t i, int64_t n, T value, T* y) const {
    const int64_t last = i + n;
    const auto outside = [&](int64_t end) {
      for (; i < end; ++i) {
        const int64_t from = Source(i, size);
        *y++ = from < 0 ? value : x[from];
      }
    };
    outside(std::min<int64_t>(last, 0));
    const int64_t inside = std::min(last, size) - i;
    if (inside > 0) {
      y = std::copy(x + i, x + i + inside, y);
      i += inside;
    }
    outside(last);
  }

  Mode mode_;
};

}  // namespace mosaic
