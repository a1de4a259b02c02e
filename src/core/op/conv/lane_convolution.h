// A depthwise convolution of two dimensions, eight planes at a time (kernel/lane_sum.h): for CPUs
// with registers of up to eight lanes, which are filled whatever rows and strides are.
//
// Some rows of eight planes are copied with their padding, the planes' elements side by side,
// summed up so, and turned back.
#pragma once

#include <vector>

#include "core/kernel/lane_sum.h"
#include "core/op/conv/conv_epilogue.h"
#include "core/op/conv/window.h"

namespace mosaic {

class LaneConvolution {
 public:
  // Adds the phases to the call, if it can be computed so; all else requires that. Input 0 is
  // float32, input 1 the kernels, one for each channel, 2 the bias, if there is one.
  bool Start(Call* c, const Window& w, int64_t images, int64_t channels);
  void Run(Call& c, int phase, int64_t begin, int64_t end, const ConvEpilogue& epilogue) const;

 private:
  struct Part {
    int64_t plane, planes;  // the first, and how many
    int64_t row, rows;      // of the output
  };

  static bool Fits(const Window& w, int64_t channels);
  void Cut();

  // Of an image: some rows of eight planes each; of so many operations.
  int64_t units() const { return groups() * parts_; }
  double unit_operations() const;
  Part PartOf(int64_t unit) const;
  // Memory for what is met, the sums, and the kernels (all of them).
  int64_t met_floats() const { return met_rows_ * pitch_; }
  int64_t sum_floats() const { return rows_ * w_.out[2] * kSumLanes; }
  int64_t kernel_floats() const { return groups() * w_.taps() * kSumLanes; }
  int64_t groups() const { return (channels_ + kSumLanes - 1) / kSumLanes; }  // of eight planes

  // kernels: [filter][taps].
  void ReadKernels(const float* kernels, int64_t group, float* to) const;
  // x: the image.
  void Meet(const Part& part, const float* x, float* met) const;
  // Sums are left side by side.
  void Sum(Call& c, const Part& part, int64_t image, bool relu, float* sums) const;
  // A unit, with what follows it.
  void Compute(Call& c, int64_t unit, const ConvEpilogue& epilogue) const;

  Window w_;
  int64_t channels_ = 0, parts_ = 0, rows_ = 0;
  int64_t met_rows_ = 0, pitch_ = 0;  // pitch: floats of a row
  std::vector<int64_t> offsets_;      // of the taps
  int64_t kernels_at_ = 0, met_at_ = 0, sums_at_ = 0;
};

}  // namespace mosaic
