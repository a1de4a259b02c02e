// Base of the normalisations over rows that lie together: LayerNormalization, RMSNormalization,
// InstanceNormalization, GroupNormalization and those of com.microsoft.
//
//   y = (x - mean) / sqrt(var + epsilon) * scale + bias          (kCentred)
//   y = x / sqrt(mean of squares + epsilon) * scale + bias       (else)
//
// float32 rows are computed by the vector kernel (core/kernel/normalize.h), unless scale or bias is
// broadcast within a row. Other types, and rows of more than kRowPart elements, in double: sums are
// of parts of kRowPart elements, in each of them element k goes to sum k mod 8. Which of the two
// depends on the shape of a row alone.
#pragma once

#include "core/op/op_support.h"
#include "core/tensor/strided.h"

namespace mosaic {

constexpr int64_t kRowPart = 32768;

// Which element of scale and bias belongs to which of a row.
class RowParameters {
 public:
  // One each for every element of a row: of shapes that broadcast to the row's.
  RowParameters(const Shape& row, const Shape& scale, const Shape& bias)
      : walk_(row, {{BroadcastStrides(scale, row), 0}, {BroadcastStrides(bias, row), 0}}),
        broadcast_(NumElements(scale) != NumElements(row) ||
                   NumElements(bias) != NumElements(row)) {}
  // One each for every channel: row r holds channels_per_row of them, of inner elements each, and
  // the channels begin anew after every "period" rows.
  RowParameters(int64_t channels_per_row, int64_t inner, int64_t period)
      : walk_({1}, {{{0}, 0}, {{0}, 0}}),
        channels_(channels_per_row),
        inner_(inner),
        period_(period) {}

  // Scale and bias have one element for each of a row, or for each channel; not less.
  bool broadcast() const { return broadcast_; }
  int64_t channels_per_row() const { return channels_; }  // 0: by element
  int64_t inner() const { return inner_; }
  int64_t period() const { return period_; }

  // f(at, n, scale, scale_step, bias, bias_step) for runs that together are elements [begin, end)
  // of a row: element at + i has the parameters scale + i * scale_step and bias + i * bias_step.
  template <typename F>
  void ForEachRun(int64_t row, int64_t begin, int64_t end, F&& f) const {
    if (channels_ == 0) {
      walk_.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
        f(at, n, offset[0], walk_.run_stride(0), offset[1], walk_.run_stride(1));
      });
      return;
    }
    for (int64_t at = begin; at < end;) {
      const int64_t in_row = at / inner_, channel = row % period_ * channels_ + in_row;
      const int64_t n = std::min(end, (in_row + 1) * inner_) - at;
      f(at, n, channel, 0, channel, 0);
      at += n;
    }
  }

 private:
  StridedWalk walk_;
  bool broadcast_ = false;
  int64_t channels_ = 0, inner_ = 1, period_ = 1;
};

// Inputs and outputs by number; -1: none.
struct RowNormPlaces {
  int scale = 1, bias = 2;
  int mean = -1, deviation = -1;  // outputs, float32: the mean, and 1 / sqrt(var + epsilon)
};

class RowNormOp : public Op {
 public:
  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override;

 protected:
  enum Kind { kCentred, kRootMeanSquare };
  RowNormOp(Kind kind, double epsilon, RowNormPlaces places)
      : kind_(kind), epsilon_(epsilon), places_(places) {}

  // The end of Start: the rows of input 0. First phase: how many phases precede these; bytes: of
  // the scratch memory that they use. Errors: INVALID where rows have no elements.
  Status StartRows(Call& c, int64_t rows, int64_t length, RowParameters parameters,
                   int first_phase = 0, int64_t bytes = 0) const;
  // What is normalised: of input 0's type and shape.
  virtual const void* source(const Call& c) const { return c.inputs[0].raw(); }

 private:
  struct Rows;
  struct Moments {
    double sum, squares;
  };

  bool ByKernel(Call& c, const Rows& r, int64_t begin, int64_t end) const;
  template <typename T>
  void Whole(Call& c, const Rows& r, int64_t begin, int64_t end) const;
  template <typename T>
  void Part(Call& c, const Rows& r, int phase, int64_t unit) const;
  template <typename T>
  void Write(Call& c, const Rows& r, int64_t row, int64_t begin, int64_t end, double mean,
             double inverse) const;

  Kind kind_;
  double epsilon_;
  RowNormPlaces places_;
};

}  // namespace mosaic
