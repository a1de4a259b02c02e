#include "core/op/conv/plane_convolution.h"

#include "core/kernel/window_sum.h"

namespace mosaic {
namespace {

constexpr int64_t kUnitTaps = 200000;  // of all elements of a unit
constexpr double kUnitFloats = 7000;   // met and written: they stay in the L1 cache

// As many rows as their taps, and what they meet of the input, allow: strides may leave out most of
// it.
int64_t RowsOfUnit(const Window& w, int64_t channels) {
  const int64_t by_taps = kUnitTaps / std::max<int64_t>(1, w.out[2] * w.taps() * channels);
  const double one = WindowRows(w, channels, 1).floats(w);
  const double more = std::max(1.0, WindowRows(w, channels, 2).floats(w) - one);
  const double wide = static_cast<double>(w.out[2]);
  const double by_floats = 1 + std::max(0.0, (kUnitFloats - one - wide) / (more + wide));
  return std::clamp<int64_t>(
      static_cast<int64_t>(std::min(static_cast<double>(by_taps), by_floats)), 1, w.out[1]);
}

}  // namespace

PlaneConvolution::PlaneConvolution(const Window& w, int64_t channels)
    : w_(w), met_(w, channels, RowsOfUnit(w, channels)) {
  const int64_t lanes = PlaneLanes(), columns = w.out[2];
  const int64_t used = (columns + lanes - 1) / lanes * lanes;
  at_once_ =
      w.kernel[0] == 1 && w.pad[0] == 0 && (used <= met_.length * 5 / 4 || met_.AtOnce(w) == 1);
}

double PlaneConvolution::unit_operations() const {
  return static_cast<double>(met_.rows * w_.out[2] * w_.taps() * met_.channels) + met_.floats(w_);
}

PlaneConvolution::Rows PlaneConvolution::RowsOf(int64_t unit, int64_t filters) const {
  const int64_t plane = unit / units(), first = unit % units() * met_.rows;
  return {first, std::min(first + met_.rows, w_.out[1]), plane % w_.out[0],
          plane / w_.out[0] % filters, plane / w_.out[0] / filters};
}

void PlaneConvolution::Next(int64_t filters, Rows* rows) const {
  rows->first = rows->last;
  if (rows->first == w_.out[1]) {
    rows->first = 0;
    if (++rows->z == w_.out[0]) {
      rows->z = 0;
      if (++rows->filter == filters) rows->filter = 0, ++rows->image;
    }
  }
  rows->last = std::min(rows->first + met_.rows, w_.out[1]);
}

std::vector<const float*> PlaneConvolution::Taps(const float* met) const {
  std::vector<const float*> taps;
  for (int64_t tap = 0; tap < w_.kernel[1] * w_.kernel[2]; ++tap) {
    const int64_t row = tap / w_.kernel[2] * w_.dilation[1];
    for (int64_t ch = 0; ch < met_.channels; ++ch) {
      taps.push_back(met + met_.Row(w_, ch, 0, row) + met_.Column(w_, tap % w_.kernel[2]));
    }
  }
  return taps;
}

void PlaneConvolution::Sum(const Rows& at, const std::vector<const float*>& taps, const float* met,
                           const float* weights, float bias, float* sums) const {
  const int64_t n = at.last - at.first, k = static_cast<int64_t>(taps.size());
  if (w_.kernel[0] > 1 || w_.pad[0] > 0) {
    std::vector<const float*> rows(static_cast<size_t>(w_.kernel[0] * k));
    std::vector<float> used(rows.size());
    for (int64_t i = 0; i < n; ++i) {
      const int64_t count =
          met_.Taps(w_, weights, met, at.z, at.first, at.first + i, rows.data(), used.data());
      SumWeightedRows(rows.data(), used.data(), count, bias, w_.out[2], sums + i * pitch());
    }
    return;
  }
  if (met_.AtOnce(w_) >= n) {
    return SumWeightedRows(taps.data(), weights, k, bias, (n - 1) * pitch() + w_.out[2], sums);
  }
  std::vector<const float*> rows = taps;
  for (int64_t i = 0; i < n; i += met_.AtOnce(w_)) {
    const int64_t count = std::min(met_.AtOnce(w_), n - i);
    SumWeightedRows(rows.data(), weights, k, bias, (count - 1) * pitch() + w_.out[2],
                    sums + i * pitch());
    for (const float*& row : rows) row += count * pitch();
  }
}

void PlaneConvolution::SumAtOnce(const Rows& at, const std::vector<const float*>& taps,
                                 const float* weights, float bias, bool relu, float* out) const {
  SumPlane({taps.data(), weights, static_cast<int64_t>(taps.size()), pitch(), at.last - at.first,
            w_.out[2], bias, relu},
           out);
}

}  // namespace mosaic
