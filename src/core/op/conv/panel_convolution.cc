#include "core/op/conv/panel_convolution.h"

#include <algorithm>

namespace mosaic {
namespace {

constexpr int64_t kMetFloats = 256 << 10;
constexpr double kMostMetFloats = 1 << 20;  // of one row
constexpr int64_t kPanelFloats = 192
                                 << 10;  // of a part: near the L2 cache, and read in one direction
constexpr int64_t kLeastPixels = 64;     // of a part: so often a weight is used that is read
constexpr int64_t kMostPixels = 1536;    // of a part: of which a strip's output stays in L2
constexpr int64_t kMostDepth = 32768;
constexpr int64_t kMostParts = 2048;
constexpr int64_t kLeastWidth = 4;            // of rows: a panel has a run for each that it spans
constexpr int64_t kLeastFilters = 17;         // packing costs as much as two to four of them
constexpr int64_t kSlack = 4 * kPanelPixels;  // floats behind what is met and packed

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t PixelsOfPart(int64_t depth) {
  return std::clamp(kPanelFloats / std::max<int64_t>(1, depth), kLeastPixels, kMostPixels);
}
int64_t RowsOfBand(const Window& w, int64_t channels) {
  const WindowRows one(w, channels, 1), two(w, channels, 2);
  const double more = std::max(1.0, two.floats(w) - one.floats(w));
  const double rows = 1 + std::max(0.0, (kMetFloats - one.floats(w)) / more);
  return static_cast<int64_t>(std::min(rows, static_cast<double>(w.out[1])));
}

}  // namespace

bool PanelConvolution::Fits(const Window& w, int64_t channels, const Blocking& strips) {
  if (strips.layout != MOSAIC_LAYOUT_STRIP || strips.dtype != MOSAIC_FLOAT) return false;
  if (strips.rows > kMostDepth || strips.cols < kLeastFilters) return false;
  if (w.outputs() / PixelsOfPart(strips.rows) > kMostParts) return false;
  if (w.IsOneTap()) return channels * w.inputs() <= INT32_MAX;
  if (w.kernel[0] * w.in[0] * w.out[0] != 1 || w.pad[0] != 0 || w.out[2] < kLeastWidth)
    return false;
  return WindowRows(w, channels, 1).floats(w) <= kMostMetFloats &&
         w.out[1] / RowsOfBand(w, channels) <= kMostParts;
}

PanelConvolution::PanelConvolution(const Window& w, int64_t channels, const Blocking& strips)
    : w_(w), strips_(strips), pixels_(w.IsOneTap()) {
  bands_ = 1;
  if (!pixels_) {
    bands_ = CeilDiv(w.out[1], RowsOfBand(w, channels));
    bands_ = CeilDiv(w.out[1], BandRows());
    met_ = WindowRows(w, channels, BandRows());
    met_floats_ = static_cast<int64_t>(met_.floats(w)) + kSlack;
  }
  const int64_t limit = PixelsOfPart(strips.rows);
  for (int64_t band = 0; band < bands_; ++band) {
    const int64_t begin = pixels_ ? 0 : band * BandRows() * w.out[2];
    const int64_t end =
        pixels_ ? w.outputs() : std::min((band + 1) * BandRows(), w.out[1]) * w.out[2];
    const int64_t panels = CeilDiv(end - begin, kPanelPixels);
    // As many parts as come nearest to the limit, of nearly equal size.
    const int64_t n = std::clamp<int64_t>((panels * kPanelPixels + limit / 2) / limit, 1, panels);
    for (int64_t i = 0; i < n; ++i) {
      parts_.push_back({band, begin + panels * i / n * kPanelPixels,
                        std::min(begin + panels * (i + 1) / n * kPanelPixels, end)});
      most_ = std::max(most_, parts_.back().panels() * kPanelPixels);
    }
  }
}

int64_t PanelConvolution::panel_floats() const { return most_ * strips_.rows + kSlack; }

void PanelConvolution::Offsets(int32_t* offsets) const {
  if (pixels_) {
    for (int64_t ch = 0; ch < strips_.rows; ++ch) {
      *offsets++ = static_cast<int32_t>(ch * w_.inputs());
    }
    return;
  }
  for (int64_t tap = 0; tap < w_.taps(); ++tap) {
    const int64_t row = tap / w_.kernel[2] * w_.dilation[1];
    for (int64_t ch = 0; ch < met_.channels; ++ch) {
      *offsets++ =
          static_cast<int32_t>(met_.Row(w_, ch, 0, row) + met_.Column(w_, tap % w_.kernel[2]));
    }
  }
}

void PanelConvolution::Meet(const float* x, int64_t band, float* met) const {
  met_.Read(w_, x, 0, band * BandRows(), met);
  std::fill_n(met + met_floats_ - kSlack, kSlack, 0.0F);
}

void PanelConvolution::Pack(const float* met, const int32_t* offsets, const Part& part,
                            int64_t panel, float* panels) const {
  const int64_t begin = part.begin + panel * kPanelPixels;
  const int64_t count = std::min(part.end - begin, kPanelPixels);
  float* to = panels + panel * kPanelPixels * strips_.rows;
  PixelRun runs[kPanelPixels];
  int64_t n = 0;
  if (pixels_) {
    runs[n++] = {begin, 0};
    return PackPixels(met, offsets, strips_.rows, runs, n, count, to);
  }
  const int64_t width = w_.out[2], first_row = part.band * BandRows();
  for (int64_t at = 0; at < count;) {
    const int64_t row = (begin + at) / width, column = (begin + at) % width;
    runs[n++] = {(row - first_row) * met_.length + column, at};
    at += width - column;
  }
  PackPixels(met, offsets, strips_.rows, runs, n, n == 1 ? count : kPanelPixels, to);
}

double PanelConvolution::unit_operations(const Part& part) const {
  return 2.0 * MOSAIC_STRIP_COLS * static_cast<double>(part.panels() * kPanelPixels) *
         strips_.depth();
}

void PanelConvolution::Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const {
  const int64_t blocks = strips_.row_blocks();
  for (int64_t u = begin; u < end; ++u) {
    out->push_back(static_cast<int32_t>(strips_.Index(u % blocks, u / blocks)));
  }
}

void PanelConvolution::Multiply(const Part& part, int64_t strip, int64_t first, int64_t n,
                                int64_t known, const void* const* blocks, const float* panels,
                                float* sums, const PanelFinish& finish) const {
  const int64_t depth = strips_.depth();
  PanelFinish here = finish;
  here.out += part.begin;
  if (here.added != nullptr) here.added += part.begin;
  ConvPanelArgs g = {};
  g.panels = panels + first * depth * kPanelPixels;
  g.panel_pitch = strips_.rows * kPanelPixels;
  g.n = part.end - part.begin;
  g.blocks = blocks;
  g.block_count = known;
  g.block_rows = depth;
  g.k = std::min(n * depth, strips_.rows - first * depth);
  g.filters = Filters(strip);
  g.first = first == 0;
  g.sums = sums;
  g.pitch = most_ + kPanelPixels;
  g.finish = first + n == strips_.row_blocks() ? &here : nullptr;
  ConvPanels(g);
}

}  // namespace mosaic
