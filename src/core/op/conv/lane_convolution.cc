#include "core/op/conv/lane_convolution.h"

#include <algorithm>

#include "core/kernel/fast/isa.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kMetFloats = 24 << 10;       // of a part: they stay in the L2 cache
constexpr int64_t kMostMetFloats = 256 << 10;  // of one row
constexpr int64_t kPartTaps = 1 << 20;         // of all elements of a part
constexpr int64_t kLeastPlanes = 6;            // of eight that are computed

int64_t Reach(const Window& w, int d, int64_t outputs) {
  return (outputs - 1) * w.stride[d] + (w.kernel[d] - 1) * w.dilation[d] + 1;
}
// Floats of a row with its padding.
int64_t RowFloats(const Window& w) {
  return std::max(Reach(w, 2, w.out[2]), w.pad[2] + w.in[2]) * kSumLanes;
}

}  // namespace

bool LaneConvolution::Fits(const Window& w, int64_t channels) {
  if (ActiveIsa() >= Isa::kAvx512 || channels < kLeastPlanes) return false;
  if (w.kernel[0] * w.in[0] * w.out[0] != 1 || w.pad[0] != 0) return false;
  const int64_t row = std::max(Reach(w, 2, w.out[2]), w.pad[2] + w.in[2]), met = Reach(w, 1, 1);
  const int64_t most = kMostMetFloats / kSumLanes;
  return row <= most && met <= most / row && w.taps() <= kPartTaps / kSumLanes / w.out[2];
}

bool LaneConvolution::Start(Call* c, const Window& w, int64_t images, int64_t channels) {
  if (!Fits(w, channels)) return false;
  w_ = w;
  channels_ = channels;
  Cut();
  kernels_at_ = ReserveScratch(c, kernel_floats() * 4);
  met_at_ = ReserveScratch(c, met_floats() * 4);
  sums_at_ = ReserveScratch(c, sum_floats() * 4);
  c->phases.push_back(Phase{groups(), static_cast<double>(2 * kSumLanes * w_.taps()), 1});
  c->phases.push_back(Phase{images * units(), unit_operations(), 1});
  return true;
}

void LaneConvolution::Run(Call& c, int phase, int64_t begin, int64_t end,
                          const ConvEpilogue& epilogue) const {
  for (int64_t u = begin; u < end; ++u) {
    if (phase == 0) {
      ReadKernels(c.inputs[1].data<float>(), u, ScratchAt<float>(c, kernels_at_));
    } else {
      Compute(c, u, epilogue);
    }
  }
}

// What a unit does.
void LaneConvolution::Cut() {
  const Window& w = w_;
  pitch_ = RowFloats(w);
  const int64_t met = (kMetFloats / pitch_ - Reach(w, 1, 1)) / w.stride[1] + 1;
  const int64_t summed = kPartTaps / (w.taps() * w.out[2] * kSumLanes);
  const int64_t most = std::clamp<int64_t>(std::min(met, summed), 1, w.out[1]);
  parts_ = (w.out[1] + most - 1) / most;
  rows_ = (w.out[1] + parts_ - 1) / parts_;
  parts_ = (w.out[1] + rows_ - 1) / rows_;
  met_rows_ = Reach(w, 1, rows_);
  for (int64_t t = 0; t < w.taps(); ++t) {
    offsets_.push_back(t / w.kernel[2] * w.dilation[1] * pitch_ +
                       t % w.kernel[2] * w.dilation[2] * kSumLanes);
  }
}

double LaneConvolution::unit_operations() const {
  return static_cast<double>(rows_ * w_.out[2] * w_.taps() * kSumLanes + 2 * met_floats());
}

LaneConvolution::Part LaneConvolution::PartOf(int64_t unit) const {
  const int64_t plane = unit / parts_ * kSumLanes, row = unit % parts_ * rows_;
  return {plane, std::min(kSumLanes, channels_ - plane), row, std::min(rows_, w_.out[1] - row)};
}

void LaneConvolution::ReadKernels(const float* kernels, int64_t group, float* to) const {
  const int64_t taps = w_.taps(), at = group * kSumLanes;
  const int64_t n = std::min(kSumLanes, channels_ - at);
  PlanesToLanes({kernels + at * taps, taps, n, 1, taps}, to + at * taps, taps * kSumLanes);
}

void LaneConvolution::Meet(const Part& part, const float* x, float* met) const {
  const int64_t top = part.row * w_.stride[1] - w_.pad[1];
  const int64_t rows = Reach(w_, 1, part.rows), plane = w_.inputs();
  const int64_t begin = std::clamp<int64_t>(-top, 0, rows);
  const int64_t end = std::clamp<int64_t>(w_.in[1] - top, begin, rows);
  const int64_t left = w_.pad[2] * kSumLanes, width = w_.in[2] * kSumLanes;
  std::fill_n(met, begin * pitch_, 0.0F);
  std::fill(met + end * pitch_, met + rows * pitch_, 0.0F);
  for (int64_t r = begin; r < end; ++r) {
    float* row = met + r * pitch_;
    std::fill_n(row, left, 0.0F);
    std::fill(row + left + width, row + pitch_, 0.0F);
  }
  if (begin == end) return;
  PlanesToLanes({x + part.plane * plane + (top + begin) * w_.in[2], plane, part.planes, end - begin,
                 w_.in[2]},
                met + begin * pitch_ + left, pitch_);
}

void LaneConvolution::Sum(Call& c, const Part& part, int64_t image, bool relu, float* sums) const {
  float* met = ScratchAt<float>(c, met_at_);
  Meet(part, c.inputs[0].data<float>() + image * channels_ * w_.inputs(), met);
  float bias[kSumLanes] = {};
  for (int64_t p = 0; p < part.planes && c.Given(2); ++p) {
    bias[p] = FloatAt(c.inputs[2], part.plane + p);
  }
  const float* kernels = ScratchAt<float>(c, kernels_at_) + part.plane * w_.taps();
  SumLanes({met, offsets_.data(), kernels, w_.taps(), w_.stride[1] * pitch_,
            w_.stride[2] * kSumLanes, part.rows, w_.out[2], bias, relu},
           sums);
}

// A unit: its sums, what follows them, and back into planes.
void LaneConvolution::Compute(Call& c, int64_t unit, const ConvEpilogue& epilogue) const {
  const int64_t image = unit / units(), plane = w_.outputs();
  const Part part = PartOf(unit % units());
  const bool relu = epilogue.BeginsWithRelu();
  float* sums = ScratchAt<float>(c, sums_at_);
  Sum(c, part, image, relu, sums);
  const int64_t n = part.rows * w_.out[2];
  const size_t done = epilogue.ApplyToAll(sums, n * kSumLanes, relu ? 1 : 0);
  float* all = c.outputs[0].mutable_data<float>();
  float* y = all + (image * channels_ + part.plane) * plane + part.row * w_.out[2];
  LanesToPlanes(sums, n, part.planes, y, plane);
  for (int64_t p = 0; p < part.planes; ++p, y += plane) {
    epilogue.Apply(c, part.plane + p, y - all, y, n, done);
  }
}

}  // namespace mosaic
