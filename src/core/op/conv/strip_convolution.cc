#include "core/op/conv/strip_convolution.h"

#include "core/kernel/fast/isa.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kMostPhases = 4096;  // of an image

}  // namespace

bool StripConvolution::Start(Call* c, const Window& w, const Sizes& sizes, const Blocking& strips) {
  if (!RowConvolution::Pays(w)) return false;
  window_ = w;
  sizes_ = sizes;
  blocking_ = strips;
  blocking_.cols = sizes.filters / sizes.groups;
  return (ActiveIsa() < Isa::kAvx512 && StartPanels(c)) || StartRows(c);
}

void StripConvolution::Add(Call* c, const Step& step, int64_t units, double cost, int64_t grain,
                           int stream) {
  Phase p{units, cost, grain};
  p.stream = stream;
  c->phases.push_back(p);
  steps_.push_back(step);
}

void StripConvolution::Blocks(size_t phase, int64_t begin, int64_t end,
                              std::vector<int32_t>* out) const {
  const Step& p = steps_[phase];
  const size_t first = out->size();
  p.what == Do::kRows ? by_row_.Blocks(begin, end, out) : by_panel_.Blocks(begin, end, out);
  const int64_t skipped = p.group * blocking_.blocks();
  for (size_t i = first; i < out->size(); ++i) (*out)[i] += static_cast<int32_t>(skipped);
}

void StripConvolution::Run(Call& c, size_t phase, int64_t begin, int64_t end,
                           const ConvEpilogue& epilogue) const {
  const Step& p = steps_[phase];
  int32_t* offsets = ScratchAt<int32_t>(c, offsets_at_);
  float* met = ScratchAt<float>(c, met_at_);
  switch (p.what) {
    case Do::kOffsets:
      return by_panel_.Offsets(offsets);
    case Do::kMeet:
      return by_panel_.Meet(PlaneOf(c, p), p.part, met);
    case Do::kPack: {
      const float* from = by_panel_.copies() ? met : PlaneOf(c, p);
      for (int64_t u = begin; u < end; ++u) {
        by_panel_.Pack(from, offsets, by_panel_.parts()[static_cast<size_t>(p.part)], u,
                       ScratchAt<float>(c, panels_at_));
      }
      return;
    }
    case Do::kPanels:
      return Panels(c, p, begin, end, epilogue);
    case Do::kMeetRows:
      return by_row_.Meet(PlaneOf(c, p), p.part, RowMemory(c));
    case Do::kRows:
      return Rows(c, p, begin, end, epilogue);
  }
}

// The first plane of a group.
const float* StripConvolution::PlaneOf(const Call& c, const Step& p) const {
  return c.inputs[0].data<float>() +
         (p.image * sizes_.channels + p.group * (sizes_.channels / sizes_.groups)) *
             window_.inputs();
}

// ---- by panels ----

bool StripConvolution::StartPanels(Call* c) {
  const int64_t channels = sizes_.channels / sizes_.groups;
  if (!PanelConvolution::Fits(window_, channels, blocking_)) return false;
  by_panel_ = PanelConvolution(window_, channels, blocking_);
  const PanelConvolution& r = by_panel_;
  const auto parts = static_cast<int64_t>(r.parts().size());
  if ((2 * parts + r.bands()) * sizes_.groups > 2 * kMostPhases) return false;
  offsets_at_ = ReserveScratch(c, r.offsets() * 4);
  met_at_ = ReserveScratch(c, r.met_floats() * 4);
  panels_at_ = ReserveScratch(c, r.panel_floats() * 4);
  sums_at_ = ReserveScratch(c, r.sums() * 4);
  Add(c, {Do::kOffsets, 0, 0, 0}, 1, static_cast<double>(2 * r.offsets()));
  for (int64_t image = 0; image < sizes_.images; ++image) {
    for (int64_t g = 0; g < sizes_.groups; ++g) {
      for (int64_t i = 0; i < parts; ++i) {
        const PanelConvolution::Part& part = r.parts()[static_cast<size_t>(i)];
        const bool band = i == 0 || part.band != r.parts()[static_cast<size_t>(i - 1)].band;
        if (r.copies() && band) {
          Add(c, {Do::kMeet, image, g, part.band}, 1, static_cast<double>(r.met_floats()));
        }
        Add(c, {Do::kPack, image, g, i}, part.panels(),
            static_cast<double>(r.offsets() * kPanelPixels));
        Add(c, {Do::kPanels, image, g, i}, r.units(), r.unit_operations(part) / kOperationsAtOnce,
            blocking_.row_blocks(), 0);
      }
    }
  }
  return true;
}

// Blocks [begin, end) of the strips.
void StripConvolution::Panels(Call& c, const Step& p, int64_t begin, int64_t end,
                              const ConvEpilogue& e) const {
  const PanelConvolution::Part& part = by_panel_.parts()[static_cast<size_t>(p.part)];
  const int64_t blocks = blocking_.row_blocks();
  const float* added;
  PanelFinish how = {};
  const size_t done = e.Simple(c, &added, &how.relu);
  float* y = c.outputs[0].mutable_data<float>();
  how.out_pitch = window_.outputs();
  for (int64_t u = begin; u < end;) {
    const int64_t strip = u / blocks, first = u % blocks, n = std::min(end - u, blocks - first);
    const int64_t filters = by_panel_.Filters(strip), filter = FirstFilter(p, strip);
    float bias[MOSAIC_STRIP_COLS] = {};
    for (int64_t f = 0; f < filters && c.Given(2); ++f) bias[f] = FloatAt(c.inputs[2], filter + f);
    how.bias = bias;
    how.out = y + PlaneAt(p, filter);
    how.added = added == nullptr ? nullptr : added + PlaneAt(p, filter);
    by_panel_.Multiply(part, strip, first, n, end - u, c.blocks + (u - begin),
                       ScratchAt<float>(c, panels_at_), ScratchAt<float>(c, sums_at_), how);
    for (int64_t f = 0; f < filters && first + n == blocks; ++f) {
      float* piece = y + PlaneAt(p, filter + f) + part.begin;
      e.Apply(c, filter + f, piece - y, piece, part.end - part.begin, done);
    }
    u += n;
  }
}

// ---- row by row ----

bool StripConvolution::StartRows(Call* c) {
  const int64_t channels = sizes_.channels / sizes_.groups;
  if (!RowConvolution::Fits(window_, channels, blocking_)) return false;
  by_row_ = RowConvolution(window_, channels, blocking_);
  const RowConvolution& r = by_row_;
  if (r.parts() * sizes_.groups > kMostPhases) return false;
  met_at_ = ReserveScratch(c, r.met_floats() * 4);
  offsets_at_ = ReserveScratch(c, r.offsets() * 4);
  sums_at_ = ReserveScratch(c, r.sums() * 4);
  for (int64_t image = 0; image < sizes_.images; ++image) {
    for (int64_t part = 0; part < r.parts(); ++part) {
      for (int64_t g = 0; g < sizes_.groups; ++g) {
        Add(c, {Do::kMeetRows, image, g, part}, 1,
            static_cast<double>(r.met_floats() + 2 * r.offsets()));
        Add(c, {Do::kRows, image, g, part}, r.units(), r.unit_operations() / kOperationsAtOnce,
            blocking_.row_blocks(), 0);
      }
    }
  }
  return true;
}

RowConvolution::Memory StripConvolution::RowMemory(const Call& c) const {
  return {ScratchAt<float>(c, met_at_), ScratchAt<int32_t>(c, offsets_at_),
          ScratchAt<float>(c, sums_at_)};
}

// Blocks [begin, end) of the strips.
void StripConvolution::Rows(Call& c, const Step& p, int64_t begin, int64_t end,
                            const ConvEpilogue& e) const {
  const int64_t blocks = blocking_.row_blocks();
  for (int64_t u = begin; u < end;) {
    const int64_t first = u % blocks, n = std::min(end - u, blocks - first);
    by_row_.Multiply(PlaneOf(c, p), p.part, first, n, by_row_.Filters(u / blocks),
                     c.blocks + (u - begin), RowMemory(c));
    if (first + n == blocks) FinishRows(c, p, u / blocks, e);
    u += n;
  }
}

void StripConvolution::FinishRows(Call& c, const Step& p, int64_t strip,
                                  const ConvEpilogue& e) const {
  ConvFinish how = {};
  const float* added;
  const size_t done = e.Simple(c, &added, &how.relu);
  float* y = c.outputs[0].mutable_data<float>();
  for (int64_t f = 0; f < by_row_.Filters(strip); ++f) {
    const int64_t filter = FirstFilter(p, strip) + f, plane = PlaneAt(p, filter);
    how.bias = c.Given(2) ? FloatAt(c.inputs[2], filter) : 0.0F;
    how.added = added == nullptr ? nullptr : added + plane;
    int64_t n;
    float* piece = by_row_.Finish(p.part, f, how, RowMemory(c), y + plane, &n);
    e.Apply(c, filter, piece - y, piece, n, done);
  }
}

}  // namespace mosaic
