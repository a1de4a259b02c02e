#include "core/op/conv/window.h"

namespace mosaic {
WindowAttributes::WindowAttributes(const Node& node)
    : ceil_mode(node.Int("ceil_mode", 0) != 0),
      kernel(node.Ints("kernel_shape")),
      strides(node.Ints("strides")),
      dilations(node.Ints("dilations")),
      pads(node.Ints("pads")) {
  const std::string pad = node.String("auto_pad", "NOTSET");
  if (pad == "SAME_UPPER") {
    auto_pad = AutoPad::kSameUpper;
  } else if (pad == "SAME_LOWER") {
    auto_pad = AutoPad::kSameLower;
  } else if (pad == "VALID") {
    auto_pad = AutoPad::kValid;
  } else {
    bad_auto_pad = pad != "NOTSET" && !pad.empty();
  }
}

Status WindowAttributes::Check() const {
  // Places in arrays are computed of these: with dimensions of arrays they stay in range.
  constexpr int64_t kMost = int64_t{1} << 30;
  if (bad_auto_pad) return Status::BadModel("attribute auto_pad has an unknown value");
  for (const std::vector<int64_t>* list : {&strides, &dilations, &kernel}) {
    for (int64_t v : *list) {
      if (v < 1) return Status::BadModel("a stride, dilation or kernel size is below 1");
      if (v > kMost) return Status::Limit("a stride, dilation or kernel size is above 2^30");
    }
  }
  for (int64_t v : pads) {
    if (v < 0) return Status::BadModel("a pad is negative");
    if (v > kMost) return Status::Limit("a pad is above 2^30");
  }
  return Status();
}

Status InferWindow(InferContext& c, const WindowAttributes& a, const Dims& kernel, Dims* spatial) {
  const Dims& x = c.dims(0);
  const size_t n = kernel.size();
  if (x.size() != n + 2 || n < 1 || n > Window::kDims) {
    return Status::BadModel("an input of shape " + ShapeString(x) + " does not fit a window of " +
                            std::to_string(n) + " dimensions (1 to 3 are supported)");
  }
  for (const std::vector<int64_t>* list : {&a.strides, &a.dilations}) {
    if (!list->empty() && list->size() != n) {
      return Status::BadModel("strides or dilations are not one for each spatial dimension");
    }
  }
  if (!a.pads.empty() && a.pads.size() != 2 * n) {
    return Status::BadModel("pads are not two for each spatial dimension");
  }
  spatial->clear();
  for (size_t d = 0; d < n; ++d) {
    const int64_t stride = ValueAt(a.strides, d, 1), dilation = ValueAt(a.dilations, d, 1);
    if (kernel[d].Is(0)) {
      return Status::BadModel("a window of shape " + ShapeString(kernel) + " has no elements");
    }
    const Dim extent = (kernel[d] - 1) * Dim(dilation) + 1;
    if (a.auto_pad == AutoPad::kSameUpper || a.auto_pad == AutoPad::kSameLower) {
      spatial->push_back(CeilDiv(x[d + 2], stride));
      continue;
    }
    const bool valid = a.auto_pad == AutoPad::kValid;
    const int64_t before = valid ? 0 : ValueAt(a.pads, d, 0),
                  after = valid ? 0 : ValueAt(a.pads, n + d, 0);
    const Dim room = x[d + 2] + Dim(before) + Dim(after) - extent;
    if (room.is_number() && room.number() < 0) {
      return Status::BadModel("a window of size " + extent.ToString() + " does not fit dimension " +
                              std::to_string(d + 2) + " of shape " + ShapeString(x));
    }
    Dim out = (a.ceil_mode ? CeilDiv(room, stride) : FloorDiv(room, stride)) + 1;
    // A window that would begin in the padding behind is not counted.
    if (a.ceil_mode && out.is_number() && x[d + 2].is_number() &&
        (out.number() - 1) * stride >= x[d + 2].number() + before) {
      out = out - 1;
    }
    spatial->push_back(out);
  }
  return Status();
}

Status MakeWindow(const WindowAttributes& a, const Shape& x, const Shape& kernel, const Shape& y,
                  Window* w) {
  const size_t n = kernel.size();
  for (size_t i = 0; i < n; ++i) {
    const size_t d = Window::kDims - n + i;
    w->in[d] = x[i + 2];
    w->out[d] = y[i + 2];
    w->kernel[d] = kernel[i];
    w->stride[d] = ValueAt(a.strides, i, 1);
    w->dilation[d] = ValueAt(a.dilations, i, 1);
    if (a.auto_pad == AutoPad::kNotSet) {
      w->pad[d] = ValueAt(a.pads, i, 0);
      w->pad_end[d] = ValueAt(a.pads, n + i, 0);
    } else if (a.auto_pad != AutoPad::kValid) {
      const int64_t extent = (kernel[i] - 1) * w->dilation[d] + 1;
      const int64_t total =
          std::max<int64_t>(0, (w->out[d] - 1) * w->stride[d] + extent - w->in[d]);
      w->pad[d] = a.auto_pad == AutoPad::kSameUpper ? total / 2 : (total + 1) / 2;
      w->pad_end[d] = total - w->pad[d];
    }
  }
  return Status();
}

}  // namespace mosaic
