// A convolution of two dimensions, of one image and one group, by panels of pixels
// (kernel/conv_panels.h): for CPUs with few registers, which read planes in place more slowly.
//
// Bands of rows of the output: what they meet of the input is copied with its padding, once. A part
// is some pixels of a band, of any rows; they are packed into panels, which each strip of kernels
// then multiplies. With one tap at every pixel nothing is copied before, and all is one band.
#pragma once

#include <algorithm>

#include <vector>

#include "core/block/blocking.h"
#include "core/kernel/conv_panels.h"
#include "core/op/conv/window_rows.h"

namespace mosaic {

class PanelConvolution {
 public:
  struct Part {
    int64_t band, begin, end;  // pixels of the output
    int64_t panels() const { return (end - begin + kPanelPixels - 1) / kPanelPixels; }
  };

  PanelConvolution() = default;
  // strips: a STRIP blocking of a group's kernels, K = (taps, channels), in float32.
  PanelConvolution(const Window& w, int64_t channels, const Blocking& strips);
  // Whether it may be computed so, and packing pays; all else requires it.
  static bool Fits(const Window& w, int64_t channels, const Blocking& strips);

  bool copies() const { return !pixels_; }
  int64_t bands() const { return bands_; }
  const std::vector<Part>& parts() const { return parts_; }  // ascending
  int64_t offsets() const { return strips_.rows; }
  int64_t met_floats() const { return met_floats_; }
  int64_t panel_floats() const;
  int64_t sums() const { return MOSAIC_STRIP_COLS * (most_ + kPanelPixels); }

  // The offsets, once; a band is met, then panels of its parts packed.
  void Offsets(int32_t* offsets) const;
  // x: the first plane of the group in the image.
  void Meet(const float* x, int64_t band, float* met) const;
  // met: what was met, or, without copies, x.
  void Pack(const float* met, const int32_t* offsets, const Part& part, int64_t panel,
            float* panels) const;

  // Units of a part: the blocks of its strips, strip by strip. One costs so many operations.
  int64_t units() const { return strips_.blocks(); }
  double unit_operations(const Part& part) const;
  void Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const;
  int64_t Filters(int64_t strip) const {
    return std::min<int64_t>(MOSAIC_STRIP_COLS, strips_.cols - strip * MOSAIC_STRIP_COLS);
  }
  // Blocks [first, first + n) of a strip; "known" of them may be read ahead. finish: where these
  // are the last ones, its out and added are of the strip's first filter at pixel 0.
  void Multiply(const Part& part, int64_t strip, int64_t first, int64_t n, int64_t known,
                const void* const* blocks, const float* panels, float* sums,
                const PanelFinish& finish) const;

 private:
  int64_t BandRows() const { return (w_.out[1] + bands_ - 1) / bands_; }

  Window w_;
  Blocking strips_;
  WindowRows met_;
  bool pixels_ = false;
  int64_t bands_ = 0, most_ = 0;  // most pixels of a part, rounded up to panels
  int64_t met_floats_ = 0;
  std::vector<Part> parts_;
};

}  // namespace mosaic
