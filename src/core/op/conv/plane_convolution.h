// A convolution whose groups have few filters (depthwise ones above all), plane by plane: a plane
// of the output is a sum of weighted rows of what was read (window_rows.h, kernel/window_sum.h).
//
// Each tap is a row of what was read, whose padding is 0. Some rows are computed side by side
// (kernel/plane_sum.h); where they are much shorter than registers, as one, with what lies between
// them. Kernels of three dimensions leave out the taps beyond the input.
#pragma once

#include <vector>

#include "core/kernel/plane_sum.h"
#include "core/op/conv/window_rows.h"

namespace mosaic {

class PlaneConvolution {
 public:
  PlaneConvolution() = default;
  // Of groups of so many channels.
  PlaneConvolution(const Window& w, int64_t channels);

  // Of a plane of the output: units of some rows, of so many operations each.
  int64_t units() const { return (w_.out[1] + met_.rows - 1) / met_.rows; }
  double unit_operations() const;
  // A double: what is read may be far more than there is memory for.
  double met_floats() const { return met_.floats(w_) + kPlaneSlack; }
  int64_t sums() const { return met_.rows * met_.length; }

  // Some rows of a plane of the output, at depth z: those of a unit.
  struct Rows {
    int64_t first, last, z, filter, image;
  };
  // unit: of all planes of the output of images with so many filters.
  Rows RowsOf(int64_t unit, int64_t filters) const;
  void Next(int64_t filters, Rows* rows) const;  // of the unit that follows

  // x: the first plane of the group in the image. Into memory of met_floats().
  template <typename T>
  void Read(const T* x, const Rows& at, float* met) const {
    met_.Read(w_, x, at.z, at.first, met);
    std::fill_n(met + static_cast<int64_t>(met_.floats(w_)), kPlaneSlack, 0.0F);
  }
  // Where each tap and channel begins in what was read for a unit.
  std::vector<const float*> Taps(const float* met) const;
  // The sums of a unit with the weights of its filter, (taps, channels): rows pitch() apart.
  void Sum(const Rows& at, const std::vector<const float*>& taps, const float* met,
           const float* weights, float bias, float* sums) const;
  int64_t pitch() const { return met_.length; }
  // Whether the sums may be written to their place at once, the rows of a unit one behind the
  // other.
  bool at_once() const { return at_once_; }
  void SumAtOnce(const Rows& at, const std::vector<const float*>& taps, const float* weights,
                 float bias, bool relu, float* out) const;

 private:
  Window w_;
  WindowRows met_;
  bool at_once_ = false;
};

}  // namespace mosaic
