// RoiAlign: averages (or maxima) of bilinear samples in the cells of regions of interest.
#include <cmath>

#include "core/op/spatial/roi.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

// Samples of a cell along a side; regions beyond that are refused.
constexpr double kMostSamples = 1024;

class RoiAlignOp : public RoiOp {
 public:
  RoiAlignOp(const Node& node, bool average, bool half_pixel)
      : RoiOp(node.Int("output_height", 1), node.Int("output_width", 1),
              node.Float("spatial_scale", 1)),
        average_(average),
        half_pixel_(half_pixel),
        sampling_(node.Int("sampling_ratio", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR((CheckType<Types<int32_t, int64_t>>(c.dtype(2), "batch_indices")));
    if (sampling_ < 0 || static_cast<double>(sampling_) > kMostSamples) {
      return Status::BadModel("attribute sampling_ratio is out of range");
    }
    MOSAIC_RETURN_IF_ERROR(InferRegions(c, 4));
    if (!c.Ranked()) return Status();
    if (c.in(2).rank() != 1) {
      return Status::BadModel("batch_indices have shape " + ShapeString(c.dims(2)));
    }
    return c.RequireEqual(c.dims(1)[0], c.dims(2)[0],
                          "there are not as many batch_indices as regions");
  }

  Status Start(Call& c) const override {
    SetState(c);
    const int64_t regions = c.outputs[0].dim(0);
    if (c.outputs[0].size() == 0) return Status();
    c.phases.push_back(Phase{(regions + kChecked - 1) / kChecked, 10.0 * kChecked});
    // Where regions say how many samples they take, any may take the most.
    const double samples =
        sampling_ > 0 ? static_cast<double>(sampling_ * sampling_) : kMostSamples * kMostSamples;
    c.phases.push_back(Phase{c.outputs[0].size(), samples * 20});
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    Status status;
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (phase == 1) {
        for (int64_t u = begin; u < end; ++u) Element<T>(c, u);
        return;
      }
      const int64_t last = std::min(end * kChecked, c.outputs[0].dim(0));
      for (int64_t r = begin * kChecked; r < last && status.ok(); ++r) status = Check<T>(c, r);
    });
    return status;
  }

 private:
  static constexpr int64_t kChecked = 1024;  // regions of a unit

  struct Region {
    float top, left, cell_height, cell_width, down, across;  // down, across: samples of a cell
  };

  template <typename T>
  Region RegionOf(const Call& c, int64_t r) const {
    const T* roi = c.inputs[1].data<T>() + r * 4;
    const auto at = [&](int i) {
      return static_cast<float>(Load(roi[i])) * scale_ - (half_pixel_ ? 0.5F : 0.0F);
    };
    float height = at(3) - at(1), width = at(2) - at(0);
    if (!half_pixel_) {
      height = std::max(height, 1.0F);
      width = std::max(width, 1.0F);
    }
    Region g{at(1), at(0), height / static_cast<float>(height_), width / static_cast<float>(width_),
             0,     0};
    g.down = sampling_ > 0 ? static_cast<float>(sampling_) : std::ceil(g.cell_height);
    g.across = sampling_ > 0 ? static_cast<float>(sampling_) : std::ceil(g.cell_width);
    g.down = std::max(g.down, 0.0F);  // of a region that is turned over: none
    g.across = std::max(g.across, 0.0F);
    return g;
  }

  static int64_t ImageOf(const Call& c, int64_t r) {
    const Tensor& t = c.inputs[2];
    return t.dtype() == MOSAIC_INT32 ? t.data<int32_t>()[r] : t.data<int64_t>()[r];
  }

  template <typename T>
  Status Check(const Call& c, int64_t r) const {
    MOSAIC_RETURN_IF_ERROR(CheckImage(c, static_cast<double>(ImageOf(c, r))));
    const Region g = RegionOf<T>(c, r);
    if (g.down <= kMostSamples && g.across <= kMostSamples) return Status();
    return Status::Invalid("region " + std::to_string(r) + " is too large to be sampled");
  }

  // An element of the output.
  template <typename T>
  void Element(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t col = unit % width_, row = unit / width_ % height_;
    const int64_t channel = unit / width_ / height_ % s.channels;
    const int64_t r = unit / width_ / height_ / s.channels;
    const T* plane =
        c.inputs[0].data<T>() + (ImageOf(c, r) * s.channels + channel) * s.rows * s.cols;
    c.outputs[0].mutable_data<T>()[unit] =
        Store<T>(static_cast<ComputeType<T>>(Cell(s, plane, RegionOf<T>(c, r), row, col)));
  }

  template <typename T>
  float Cell(const State& s, const T* plane, const Region& g, int64_t row, int64_t col) const {
    const int64_t down = static_cast<int64_t>(g.down), across = static_cast<int64_t>(g.across);
    float sum = 0, most = 0;
    bool any = false;
    for (int64_t i = 0; i < down; ++i) {
      const float y = g.top + static_cast<float>(row) * g.cell_height +
                      (static_cast<float>(i) + 0.5F) * g.cell_height / g.down;
      for (int64_t j = 0; j < across; ++j) {
        const float x = g.left + static_cast<float>(col) * g.cell_width +
                        (static_cast<float>(j) + 0.5F) * g.cell_width / g.across;
        float parts[4];
        Parts(s, plane, y, x, parts);
        sum += parts[0] + parts[1] + parts[2] + parts[3];
        const float largest = *std::max_element(parts, parts + 4);
        if (!any || largest > most) most = largest;
        any = true;
      }
    }
    if (!average_) return most;
    return sum / static_cast<float>(std::max<int64_t>(down * across, 1));
  }

  // The four weighted neighbours of a point; zeros outside.
  template <typename T>
  static void Parts(const State& s, const T* plane, float y, float x, float* parts) {
    const float rows = static_cast<float>(s.rows), cols = static_cast<float>(s.cols);
    if (!(y >= -1 && y <= rows && x >= -1 && x <= cols) || s.rows == 0 || s.cols == 0) {
      std::fill(parts, parts + 4, 0.0F);
      return;
    }
    int64_t at[2], next[2];
    float part[2];
    const int64_t sizes[2] = {s.rows, s.cols};
    const float point[2] = {std::max(y, 0.0F), std::max(x, 0.0F)};
    for (int d = 0; d < 2; ++d) {
      at[d] = std::min(static_cast<int64_t>(point[d]), sizes[d] - 1);
      next[d] = std::min(at[d] + 1, sizes[d] - 1);
      part[d] = at[d] == sizes[d] - 1 ? 0 : point[d] - static_cast<float>(at[d]);
    }
    const auto value = [&](int64_t i, int64_t j) {
      return static_cast<float>(Load(plane[i * s.cols + j]));
    };
    parts[0] = (1 - part[0]) * (1 - part[1]) * value(at[0], at[1]);
    parts[1] = (1 - part[0]) * part[1] * value(at[0], next[1]);
    parts[2] = part[0] * (1 - part[1]) * value(next[0], at[1]);
    parts[3] = part[0] * part[1] * value(next[0], next[1]);
  }

  bool average_, half_pixel_;
  int64_t sampling_;
};

Status MakeRoiAlign(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 3));
  const std::string mode = node.String("mode", "avg");
  const std::string transformation = node.String("coordinate_transformation_mode", "half_pixel");
  if (mode != "avg" && mode != "max") {
    return Status::BadModel("mode " + Quoted(mode) + " is unknown");
  }
  if (transformation != "half_pixel" && transformation != "output_half_pixel") {
    return Status::BadModel("coordinate_transformation_mode " + Quoted(transformation) +
                            " is unknown");
  }
  *out = std::make_unique<RoiAlignOp>(node, mode == "avg", transformation == "half_pixel");
  return Status();
}

}  // namespace

extern const OpDef kRoiAlign = {kOnnxDomain, "RoiAlign", 22, 25, &MakeRoiAlign};

}  // namespace mosaic
