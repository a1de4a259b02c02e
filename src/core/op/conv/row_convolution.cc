#include "core/op/conv/row_convolution.h"

namespace mosaic {
namespace {

// What is met by a part, and its sums of a strip, should stay in the L2 cache.
constexpr double kMetFloats = 96 << 10, kSumFloats = 48 << 10;
constexpr double kMostMetFloats = 1 << 20;  // where they do not
constexpr double kMostSumFloats = 512 << 10;
constexpr int64_t kMostParts = 4096;
constexpr int64_t kLanes = 16;  // columns that are computed together

int64_t Rounded(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace

bool RowConvolution::Fits(const Window& w, int64_t channels, const Blocking& strips) {
  if (strips.layout != MOSAIC_LAYOUT_STRIP || strips.dtype != MOSAIC_FLOAT) return false;
  if (w.IsOneTap()) return channels * w.inputs() <= INT32_MAX;
  if (w.kernel[0] * w.in[0] * w.out[0] != 1 || w.pad[0] != 0) return false;
  if (WindowRows(w, channels, 1).floats(w) > kMostMetFloats) return false;
  return RowConvolution(w, channels, strips).parts() <= kMostParts;
}

RowConvolution::RowConvolution(const Window& w, int64_t channels, const Blocking& strips)
    : w_(w), strips_(strips), pixels_(w.IsOneTap()) {
  if (pixels_) {
    total_ = w.outputs();
    const double most =
        std::min(kMetFloats / static_cast<double>(channels), kSumFloats / MOSAIC_STRIP_COLS);
    size_ = std::max<int64_t>(static_cast<int64_t>(most) / 48, 1) * 48;
    met_floats_ = channels * kLanes;
    pitch_ = Rounded(size_);
  } else {
    total_ = w.out[1];
    const WindowRows one(w, channels, 1), two(w, channels, 2);
    const double more = std::max(1.0, two.floats(w) - one.floats(w));
    const double sums = static_cast<double>(MOSAIC_STRIP_COLS * Rounded(one.length));
    double most = std::min(1 + (kMetFloats - one.floats(w)) / more, kSumFloats / sums);
    // Where taps lie far apart, most of what is met is met again by the next part.
    const double again = static_cast<double>((w.kernel[1] - 1) * w.dilation[1]);
    const double far = std::min(1 + (kMostMetFloats - one.floats(w)) / more, kMostSumFloats / sums);
    most = std::max(most, std::min(again, far));
    size_ = static_cast<int64_t>(std::clamp(most, 1.0, static_cast<double>(total_)));
    met_ = WindowRows(w, channels, size_);
    // Columns are read sixteen at a time, beyond the last row, too.
    met_floats_ = static_cast<int64_t>(met_.floats(w)) + 4 * kLanes;
    pitch_ = Rounded(size_ * RowPitch());
  }
  parts_ = (total_ + size_ - 1) / size_;
}

int64_t RowConvolution::RowPitch() const {
  return met_.AtOnce(w_) > 1 ? met_.length : Rounded(w_.out[2]);
}

double RowConvolution::unit_operations() const {
  return 2.0 * MOSAIC_STRIP_COLS * static_cast<double>(size_ * (pixels_ ? 1 : w_.out[2])) *
         strips_.depth();
}

void RowConvolution::Blocks(int64_t begin, int64_t end, std::vector<int32_t>* out) const {
  const int64_t blocks = strips_.row_blocks();
  for (int64_t u = begin; u < end; ++u) {
    out->push_back(static_cast<int32_t>(strips_.Index(u % blocks, u / blocks)));
  }
}

void RowConvolution::Meet(const float* x, int64_t part, const Memory& m) const {
  int32_t* offset = m.offsets;
  if (pixels_) {
    // The last columns, fewer than are read at a time, are copied.
    const int64_t channels = strips_.rows, plane = w_.inputs();
    const int64_t rest = Size(part) % kLanes, at = Begin(part) + Size(part) - rest;
    for (int64_t ch = 0; ch < channels; ++ch) {
      offset[ch] = static_cast<int32_t>(ch * plane);
      offset[channels + ch] = static_cast<int32_t>(ch * kLanes);
      float* to = m.met + ch * kLanes;
      std::fill(std::copy_n(x + ch * plane + at, rest, to), to + kLanes, 0.0F);
    }
    return;
  }
  const int64_t copied = met_floats_ - 4 * kLanes;
  met_.Read(w_, x, 0, Begin(part), m.met);
  std::fill_n(m.met + copied, 4 * kLanes, 0.0F);
  for (int64_t tap = 0; tap < w_.taps(); ++tap) {
    const int64_t row = tap / w_.kernel[2] * w_.dilation[1];
    for (int64_t ch = 0; ch < met_.channels; ++ch) {
      *offset++ =
          static_cast<int32_t>(met_.Row(w_, ch, 0, row) + met_.Column(w_, tap % w_.kernel[2]));
    }
  }
}

void RowConvolution::Multiply(const float* x, int64_t part, int64_t first, int64_t n,
                              int64_t filters, const void* const* blocks, const Memory& m) const {
  const int64_t depth = strips_.depth(), size = Size(part);
  ConvRowArgs g = {};
  g.x = m.met;
  g.offsets = m.offsets + first * depth;
  g.blocks = blocks;
  g.block_rows = depth;
  g.k = std::min(n * depth, strips_.rows - first * depth);
  g.add = first > 0;
  g.filters = filters;
  g.sums = m.sums;
  g.pitch = pitch_;
  if (pixels_) {
    const int64_t rest = size % kLanes;
    if (rest > 0) {
      g.n = rest;
      g.offsets += strips_.rows;
      g.sums = m.sums + size - rest;
      ConvRow(g);
      g.offsets -= strips_.rows;
      g.sums = m.sums;
    }
    g.x = x + Begin(part);
    g.n = size - rest;
    if (g.n > 0) ConvRow(g);
    return;
  }
  for (int64_t row = 0; row < size; row += met_.AtOnce(w_)) {
    const int64_t count = std::min(met_.AtOnce(w_), size - row);
    g.n = w_.out[2] + (count - 1) * met_.length;
    ConvRow(g);
    g.x += count * met_.length;
    g.sums += count * RowPitch();
  }
}

float* RowConvolution::Finish(int64_t part, int64_t f, const ConvFinish& how, const Memory& m,
                              float* plane, int64_t* n) const {
  const float* sums = m.sums + f * pitch_;
  const int64_t size = Size(part), width = pixels_ ? 1 : w_.out[2];
  const int64_t begin = Begin(part) * width;
  ConvFinish here = how;
  if (how.added != nullptr) here.added += begin;
  float* y = plane + begin;
  *n = size * width;
  if (pixels_) {
    FinishConvRow(sums, here, size, y);
    return y;
  }
  for (int64_t row = 0; row < size; ++row) {
    FinishConvRow(sums + row * RowPitch(), here, width, y + row * width);
    if (here.added != nullptr) here.added += width;
  }
  return y;
}

}  // namespace mosaic
