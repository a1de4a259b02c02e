// A convolution of two dimensions whose kernels are strips of float32, image by image and group by
// group: by panels of pixels (panel_convolution.h) with up to sixteen registers of eight lanes, row
// by row (row_convolution.h) with more, and where packing does not pay.
#pragma once

#include "core/op/conv/conv_epilogue.h"
#include "core/op/conv/panel_convolution.h"
#include "core/op/conv/row_convolution.h"

namespace mosaic {

class StripConvolution {
 public:
  struct Sizes {
    int64_t images, channels, filters, groups;
  };
  // Adds the phases to the call, if it can be computed so; all else requires that. strips: of the
  // kernels of all groups. Input 0 is float32, input 1 the kernels, 2 the bias, if there is one.
  bool Start(Call* c, const Window& w, const Sizes& sizes, const Blocking& strips);

  void Blocks(size_t phase, int64_t begin, int64_t end, std::vector<int32_t>* out) const;
  void Run(Call& c, size_t phase, int64_t begin, int64_t end, const ConvEpilogue& epilogue) const;

 private:
  enum class Do { kOffsets, kMeet, kPack, kPanels, kMeetRows, kRows };
  struct Step {
    Do what;
    int64_t image, group, part;  // a part, or a band
  };

  bool StartPanels(Call* c);
  bool StartRows(Call* c);
  void Add(Call* c, const Step& step, int64_t units, double cost, int64_t grain = 1,
           int stream = -1);
  RowConvolution::Memory RowMemory(const Call& c) const;
  const float* PlaneOf(const Call& c, const Step& p) const;
  int64_t FirstFilter(const Step& p, int64_t strip) const {
    return p.group * blocking_.cols + strip * MOSAIC_STRIP_COLS;
  }
  int64_t PlaneAt(const Step& p, int64_t filter) const {
    return (p.image * sizes_.filters + filter) * window_.outputs();
  }
  void Panels(Call& c, const Step& p, int64_t begin, int64_t end, const ConvEpilogue& e) const;
  void Rows(Call& c, const Step& p, int64_t begin, int64_t end, const ConvEpilogue& e) const;
  void FinishRows(Call& c, const Step& p, int64_t strip, const ConvEpilogue& e) const;

  Window window_;
  Sizes sizes_ = {};
  Blocking blocking_;  // of a group's kernels
  PanelConvolution by_panel_;
  RowConvolution by_row_;
  int64_t met_at_ = 0, offsets_at_ = 0, panels_at_ = 0, sums_at_ = 0;
  std::vector<Step> steps_;  // per phase
};

}  // namespace mosaic
