// A convolution of two dimensions, of one image and one group, row by row (kernel/conv_rows.h).
//
// A part is some rows of the output: what they meet of the input is copied with its padding, once,
// and each strip of kernels then makes rows of 16 planes of it. With one tap at every pixel nothing
// is copied: a part is some pixels, and their planes are read where they are.
#pragma once

#include "core/block/blocking.h"
#include "core/kernel/conv_rows.h"
#include "core/op/conv/window_rows.h"

namespace mosaic {

class RowConvolution {
 public:
  RowConvolution() = default;
  // strips: a STRIP blocking of a group's kernels, K = (taps, channels), in float32.
  RowConvolution(const Window& w, int64_t channels, const Blocking& strips);
  // Whether it may be computed so; all else requires it.
  static bool Fits(const Window& w, int64_t channels, const Blocking& strips);

  // Columns are computed sixteen at a time: a product of rows is better for very few.
  static bool Pays(const Window& w) { return w.outputs() >= 4; }

  int64_t parts() const { return parts_; }
  // Units of a part: the blocks of its strips, strip by strip. One costs so many operations.
  int64_t units() const { return strips_.blocks(); }
  double unit_operations() const;
  void Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const;

  // Memory of a part, from Meet to the last of its units.
  struct Memory {
    float* met;
    int32_t* offsets;
    float* sums;
  };
  int64_t met_floats() const { return met_floats_; }
  int64_t offsets() const { return 2 * strips_.rows; }
  int64_t sums() const { return MOSAIC_STRIP_COLS * pitch_; }

  // x: the first plane of the group in the image.
  void Meet(const float* x, int64_t part, const Memory& m) const;
  // Blocks [first, first + n) of a strip, which has so many filters.
  void Multiply(const float* x, int64_t part, int64_t first, int64_t n, int64_t filters,
                const void* const* blocks, const Memory& m) const;
  // Of a strip.
  int64_t Filters(int64_t strip) const {
    return std::min<int64_t>(MOSAIC_STRIP_COLS, strips_.cols - strip * MOSAIC_STRIP_COLS);
  }
  // After all blocks of a strip: its filter f in the part's place of a plane of the output
  // (how.added: of a plane like it). Returns that place, of so many elements.
  float* Finish(int64_t part, int64_t f, const ConvFinish& how, const Memory& m, float* plane,
                int64_t* n) const;

 private:
  int64_t RowPitch() const;  // of a filter's sums
  int64_t Begin(int64_t part) const { return part * size_; }
  int64_t Size(int64_t part) const { return std::min(size_, total_ - Begin(part)); }

  Window w_;
  Blocking strips_;
  WindowRows met_;
  bool pixels_ = false;                       // parts are of pixels
  int64_t total_ = 0, size_ = 1, parts_ = 0;  // rows or pixels: all, of a part
  int64_t met_floats_ = 0, pitch_ = 0;        // pitch of a filter's sums
};

}  // namespace mosaic
