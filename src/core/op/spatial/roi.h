// Regions of interest: what RoiAlign and MaxRoiPool have in common. Output [regions, channels,
// height, width]; each element is made of one plane of the image that the region is of.
#pragma once

#include <algorithm>

#include "core/op/op_support.h"

namespace mosaic {

class RoiOp : public Op {
 public:
  RoiOp(int64_t height, int64_t width, float scale)
      : height_(height), width_(width), scale_(scale) {}

 protected:
  struct State {
    int64_t channels = 0, rows = 0, cols = 0;  // of the input
  };

  // Checks x [N, C, H, W] and the regions [R, numbers], and states the output. Regions are of any
  // image, so items do not stay apart.
  Status InferRegions(InferContext& c, int64_t numbers) const {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    if (height_ < 1 || width_ < 1) return Status::BadModel("an output size is below 1");
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &x = c.dims(0), &rois = c.dims(1);
    if (x.size() != 4) {
      return Status::BadModel("an input of shape " + ShapeString(x) + " is no batch of images");
    }
    if (rois.size() != 2 || Differ(rois[1], numbers)) {
      return Status::BadModel("regions have shape " + ShapeString(rois));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), {rois[0], x[1], height_, width_}));
    if (c.itemised()) c.Mix();
    return Status();
  }

  void SetState(Call& c) const {
    State& s = c.NewState<State>();
    const Shape& x = c.inputs[0].shape();
    s.channels = x[1];
    s.rows = x[2];
    s.cols = x[3];
  }

  // The image that a region names.
  static Status CheckImage(const Call& c, double image) {
    const double images = static_cast<double>(c.inputs[0].dim(0));
    if (image >= 0 && image < images) return Status();
    return Status::Invalid("a region is of image " + std::to_string(image) + " of " +
                           std::to_string(c.inputs[0].dim(0)));
  }

  int64_t height_, width_;
  float scale_;
};

}  // namespace mosaic
