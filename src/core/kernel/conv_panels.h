// Convolutions with pixels in panels: sixteen side by side for each element of k, so that both
// operands are read from one end to the other, whatever the shape of the planes. Kernels are in
// strips (mosaic/page_format.h).
#pragma once

#include <cstdint>

namespace mosaic {

constexpr int64_t kPanelPixels = 16;

// Pixels of a panel that lie side by side in each plane: from "from" on they are the pixels of the
// panel from "at" on. A panel has several runs where it spans rows.
struct PixelRun {
  int64_t from;
  int64_t at;  // ascending; that of the first is 0
};
// panel[k * 16 + i] = x[offsets[k] + the place of pixel i]. If count < 16 there is one run, of so
// many pixels; the others are 0. Else sixteen floats are read from the beginning of each run, and
// up to 15 beyond the panel may be written.
void PackPixels(const float* x, const int32_t* offsets, int64_t k, const PixelRun* runs,
                int64_t run_count, int64_t count, float* panel);

// What sums become when they are whole: plus the filter's bias, then plus added (null: nothing),
// then, with relu, what is below 0 becomes 0. Rounded after each step.
struct PanelFinish {
  const float* bias;   // of each filter
  const float* added;  // of the first filter; the others are out_pitch apart
  bool relu;
  float* out;
  int64_t out_pitch;  // of filters
};

// out(f, i) = finish((first: 0, else sums[f * pitch + i]) + sum over k of w(k, f) * x(k, i)), fused
// and in ascending k; f < filters, i < n. Without finish, sums are left in their place; up to 16
// filters and n rounded up to 16 of them may be written.
struct ConvPanelArgs {
  const float* panels;  // of this range of k
  int64_t panel_pitch;  // floats from a panel to the next
  int64_t n;            // pixels
  const void* const* blocks;
  int64_t block_count;    // that may be read ahead, at least those of this k
  int64_t block_rows, k;  // rows of k of a block, and in all
  int64_t filters;        // of the strip
  bool first;
  float* sums;
  int64_t pitch;              // a multiple of 16
  const PanelFinish* finish;  // or null
};
void ConvPanels(const ConvPanelArgs& args);

}  // namespace mosaic
