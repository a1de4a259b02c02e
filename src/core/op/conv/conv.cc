// Conv: convolution of one to three dimensions, with groups, strides, dilations and padding.
//
// A product of patches [pixels x K] with the kernels [K x M], K = (taps, channels of a group): the
// order in which strips hold them, so that patches are runs of channels of an input that is laid
// out with its channels last. Kernels are read in place where they are strips. Pixels are taken in
// pieces whose patches and sums fit in kPatchBytes. Padding multiplies zeros. In two dimensions,
// with strips of float32, there are no patches (strip_convolution.h); where a group has no whole
// strips, it goes plane by plane (plane_convolution.h), or eight planes side by side
// (lane_convolution.h). The order of a sum is the same in all.
#include "core/op/conv/conv.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/vector/transpose.h"
#include "core/op/conv/lane_convolution.h"
#include "core/op/conv/plane_convolution.h"
#include "core/op/conv/strip_convolution.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kPatchBytes = int64_t{2} << 20;

constexpr int64_t kLongestRow = 10000000;  // products of a row that is computed at once

enum class Part { kChannelsLast, kKernels, kPatches, kProduct, kOutput, kPlanes };

struct PartOf {
  Part part;
  int64_t begin = 0, end = 0;  // pixels
  int64_t group = 0;
};

struct State {
  Window window;
  int64_t images = 0, channels = 0, filters = 0, groups = 1;
  int64_t k = 0;      // of a group
  int64_t piece = 0;  // pixels
  Blocking blocking;  // of a group's kernels
  bool streamed = false, planes = false, lanes = false, strips = false;
  bool direct = false;  // one tap at every pixel: the input itself is the patches
  int64_t last_at = 0, kernels_at = 0, patches_at = 0, sums_at = 0, pack_at = 0;
  PlaneConvolution by_plane;
  LaneConvolution by_lane;
  StripConvolution by_strip;
  int64_t met_at = 0;         // of planes
  std::vector<PartOf> parts;  // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t pixels() const { return images * window.outputs(); }
};

class Conv : public Op {
 public:
  Conv(const Node& node, ConvEpilogue epilogue)
      : a_(node), groups_(node.Int("group", 1)), epilogue_(std::move(epilogue)) {}

  Status Check() const {
    if (groups_ < 1) return Status::BadModel("attribute group is below 1");
    MOSAIC_RETURN_IF_ERROR(CheckGroups(groups_));
    return a_.Check();
  }

  std::vector<WeightStream> streams() const override {
    WeightStream s{1, MOSAIC_LAYOUT_STRIP, true};
    s.form = WeightForm::kConvolution;
    s.groups = groups_;
    return {s};
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 1));
    if (!c.in(0).ranked || !c.in(1).ranked) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &x = c.dims(0), &w = c.dims(1);
    if (w.size() < 3) return Status::BadModel("kernels have shape " + ShapeString(w));
    const Dims kernel(w.begin() + 2, w.end());
    Dims out;
    MOSAIC_RETURN_IF_ERROR(InferWindow(c, a_, kernel, &out));
    for (size_t d = 0; d < kernel.size(); ++d) {
      if (d < a_.kernel.size() && Differ(kernel[d], a_.kernel[d])) {
        return Status::BadModel("kernel_shape does not fit kernels of shape " + ShapeString(w));
      }
    }
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[1], w[1] * Dim(groups_),
                                          "the channels of shapes " + ShapeString(x) + " and " +
                                              ShapeString(w) + " do not fit (group " +
                                              std::to_string(groups_) + ")"));
    if (w[0].is_number() && w[0].number() % groups_ != 0) {
      return Status::BadModel("kernels of shape " + ShapeString(w) + " are not " +
                              std::to_string(groups_) + " groups");
    }
    if (c.Has(2) && c.in(2).ranked) {
      if (c.in(2).rank() != 1) return Status::BadModel("B has shape " + ShapeString(c.dims(2)));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(c.dims(2)[0], w[0], "B and the kernels do not fit"));
    }
    out.insert(out.begin(), {x[0], w[0]});
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &w = c.shape(1);
    MOSAIC_RETURN_IF_ERROR(epilogue_.Check(c));
    MOSAIC_RETURN_IF_ERROR(
        MakeWindow(a_, x, Shape(w.begin() + 2, w.end()), c.outputs[0].shape(), &s.window));
    s.images = x[0];
    s.channels = x[1];
    s.filters = w[0];
    s.groups = groups_;
    s.k = s.group_channels() * s.window.taps();
    s.streamed = c.weight(1) != nullptr;
    // A row is a unit there.
    const bool short_rows = s.window.out[2] <= kLongestRow / std::max<int64_t>(1, s.k);
    s.planes = groups_ > 1 && !s.streamed && s.group_filters() < MOSAIC_STRIP_COLS && short_rows;
    if (c.outputs[0].size() == 0) return Status();
    if (s.planes && s.k == s.window.taps() && s.group_filters() == 1 &&
        c.inputs[0].dtype() == MOSAIC_FLOAT) {
      s.lanes = s.by_lane.Start(&c, s.window, s.images, s.channels);
      if (s.lanes) return Status();
    }
    if (s.planes) return StartPlanes(c, &s);
    if (s.streamed && c.inputs[0].dtype() == MOSAIC_FLOAT) {
      s.strips = s.by_strip.Start(&c, s.window, {s.images, s.channels, s.filters, s.groups},
                                  c.weight(1)->blocking);
      if (s.strips) return Status();
    }
    StartProducts(c, &s);
    return Status();
  }

  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    const State& s = c.state<State>();
    if (s.strips) return s.by_strip.Blocks(static_cast<size_t>(phase), begin, end, out);
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    const size_t first = out->size();
    ProductOf(c, p).Blocks(begin, end, out);
    const int64_t skipped = p.group * s.blocking.blocks();
    for (size_t i = first; i < out->size(); ++i) (*out)[i] += static_cast<int32_t>(skipped);
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    if (s.strips) {
      s.by_strip.Run(c, static_cast<size_t>(phase), begin, end, epilogue_);
      return Status();
    }
    if (s.lanes) {
      s.by_lane.Run(c, phase, begin, end, epilogue_);
      return Status();
    }
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    switch (p.part) {
      case Part::kChannelsLast:
        for (int64_t u = begin; u < end; ++u) ChannelsLast(c, u);
        break;
      case Part::kKernels:
        for (int64_t u = begin; u < end; ++u) ReadKernels(c, u);
        break;
      case Part::kPatches:
        for (int64_t u = begin; u < end; ++u) Patch(c, p, u);
        break;
      case Part::kProduct:
        RunProduct(c, p, begin, end);
        break;
      case Part::kOutput:
        for (int64_t u = begin; u < end; ++u) Output(c, p, u);
        break;
      case Part::kPlanes:
        Planes(c, begin, end);
        break;
    }
    return Status();
  }

 private:
  static void Add(Call& c, State* s, const PartOf& part, int64_t units, double cost,
                  int64_t grain = 1, int stream = -1) {
    Phase p{units, cost, grain};
    p.stream = stream;
    c.phases.push_back(p);
    s->parts.push_back(part);
  }

  void StartProducts(Call& c, State* s) const {
    const int64_t m = s->group_filters();
    if (s->streamed) {
      s->blocking = c.weight(1)->blocking;
      s->blocking.cols = m;
    } else {
      s->blocking = StripProduct::DenseBlocking(s->k, m);
      s->kernels_at = ReserveScratch(&c, s->filters * s->k * 4);
      s->pack_at = ReserveScratch(&c, StripProduct::kPackBlocks * s->blocking.payload_bytes());
      Add(c, s, {Part::kKernels}, s->filters, static_cast<double>(2 * s->k));
    }
    s->last_at = ReserveScratch(&c, s->images * s->channels * s->window.inputs() * 4);
    const int64_t plane = s->window.inputs();
    const Window& w = s->window;
    s->direct = w.IsOneTap();
    s->piece = std::max<int64_t>(kPatchBytes / std::max<int64_t>(4 * std::max(s->k, m), 1), 64);
    s->piece = std::min(s->piece, s->pixels());
    if (!s->direct) s->patches_at = ReserveScratch(&c, s->piece * s->k * 4);
    s->sums_at = ReserveScratch(&c, s->piece * m * 4);
    Add(c, s, {Part::kChannelsLast}, s->images * ((plane + 63) / 64),
        static_cast<double>(64 * s->channels));
    for (int64_t at = 0; at < s->pixels(); at += s->piece) {
      const int64_t end = std::min(at + s->piece, s->pixels());
      for (int64_t g = 0; g < s->groups; ++g) {
        if (!s->direct) {
          Add(c, s, {Part::kPatches, at, end, g}, end - at, static_cast<double>(s->k) / 4 + 8);
        }
        const StripProduct product(end - at, s->blocking, c.working_set);
        const double cost = s->streamed ? product.unit_cost() : product.dense_unit_cost(1);
        Add(c, s, {Part::kProduct, at, end, g}, product.units(), cost, product.grain(),
            s->streamed ? 0 : -1);
        Add(c, s, {Part::kOutput, at, end, g}, (end - at + 63) / 64, static_cast<double>(64 * m));
      }
    }
  }

  static StripProduct ProductOf(const Call& c, const PartOf& p) {
    return StripProduct(p.end - p.begin, c.state<State>().blocking, c.working_set);
  }

  // 64 positions of an image, with all their channels side by side.
  static void ChannelsLast(Call& c, int64_t unit) {
    const State& s = c.state<State>();
    const int64_t plane = s.window.inputs(), per_image = (plane + 63) / 64;
    const int64_t image = unit / per_image, begin = unit % per_image * 64;
    const int64_t end = std::min(begin + 64, plane);
    float* to = ScratchAt<float>(c, s.last_at) + image * plane * s.channels;
    if (c.inputs[0].dtype() == MOSAIC_FLOAT) {
      const float* x = c.inputs[0].data<float>() + image * s.channels * plane + begin;
      return TransposeWords(x, plane, s.channels, end - begin, to + begin * s.channels, s.channels);
    }
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>() + image * s.channels * plane;
      for (int64_t ch = 0; ch < s.channels; ++ch) {
        for (int64_t i = begin; i < end; ++i) {
          to[i * s.channels + ch] = static_cast<float>(Load(x[ch * plane + i]));
        }
      }
    });
  }

  // The kernel of a filter, dense as (taps, channels).
  static void ReadKernels(Call& c, int64_t filter) {
    const State& s = c.state<State>();
    const int64_t taps = s.window.taps(), channels = s.group_channels();
    float* to = ScratchAt<float>(c, s.kernels_at) + filter * s.k;
    Dispatch(FloatTypes(), c.inputs[1].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* w = c.inputs[1].data<T>() + filter * s.k;
      for (int64_t ch = 0; ch < channels; ++ch) {
        for (int64_t t = 0; t < taps; ++t) {
          to[t * channels + ch] = static_cast<float>(Load(w[ch * taps + t]));
        }
      }
    });
  }

  // What the kernels of a group meet at one pixel.
  static void Patch(Call& c, const PartOf& p, int64_t unit) {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t pixel = p.begin + unit, channels = s.group_channels();
    const int64_t image = pixel / w.outputs();
    int64_t at[3], tap[3];
    Window::Unravel(pixel % w.outputs(), w.out, at);
    const float* x =
        ScratchAt<float>(c, s.last_at) + image * w.inputs() * s.channels + p.group * channels;
    float* to = ScratchAt<float>(c, s.patches_at) + unit * s.k;
    if (s.groups == 1 && w.dilation[2] == 1) return PatchRows(s, x, at, to);
    for (int64_t t = 0; t < w.taps(); ++t, to += channels) {
      Window::Unravel(t, w.kernel, tap);
      const int64_t offset = w.Offset(at, tap);
      if (offset < 0) {
        std::fill(to, to + channels, 0.0F);
      } else {
        std::memcpy(to, x + offset * s.channels, static_cast<size_t>(channels) * 4);
      }
    }
  }
  // The same where taps that are neighbours are neighbours in the input: row by row.
  static void PatchRows(const State& s, const float* x, const int64_t* at, float* to) {
    const Window& w = s.window;
    const int64_t left = at[2] * w.stride[2] - w.pad[2];
    const int64_t begin = std::clamp<int64_t>(-left, 0, w.kernel[2]);
    const int64_t end = std::clamp<int64_t>(w.in[2] - left, begin, w.kernel[2]);
    for (int64_t r = 0; r < w.kernel[0] * w.kernel[1]; ++r, to += w.kernel[2] * s.channels) {
      const int64_t i = at[0] * w.stride[0] - w.pad[0] + r / w.kernel[1] * w.dilation[0];
      const int64_t j = at[1] * w.stride[1] - w.pad[1] + r % w.kernel[1] * w.dilation[1];
      const bool inside = i >= 0 && i < w.in[0] && j >= 0 && j < w.in[1] && begin < end;
      if (!inside) {
        std::fill(to, to + w.kernel[2] * s.channels, 0.0F);
        continue;
      }
      const float* row = x + ((i * w.in[1] + j) * w.in[2] + left + begin) * s.channels;
      std::fill(to, to + begin * s.channels, 0.0F);
      std::memcpy(to + begin * s.channels, row,
                  static_cast<size_t>((end - begin) * s.channels) * 4);
      std::fill(to + end * s.channels, to + w.kernel[2] * s.channels, 0.0F);
    }
  }

  void RunProduct(Call& c, const PartOf& p, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters();
    std::vector<float> bias;
    if (c.Given(2)) {
      for (int64_t j = 0; j < m; ++j) bias.push_back(FloatAt(c.inputs[2], p.group * m + j));
    }
    const float* patches = s.direct ? ScratchAt<float>(c, s.last_at) + p.begin * s.channels +
                                          p.group * s.group_channels()
                                    : ScratchAt<float>(c, s.patches_at);
    const StripProduct::Operands x{
        patches, s.direct ? s.channels : s.k,          ScratchAt<float>(c, s.sums_at),
        m,       bias.empty() ? nullptr : bias.data(), Activation::kNone};
    if (s.streamed) return ProductOf(c, p).Run(x, begin, end, c.blocks, nullptr);
    ProductOf(c, p).RunDense(x, begin, end, ScratchAt<float>(c, s.kernels_at) + p.group * m * s.k,
                             1, s.k, ScratchAt<char>(c, s.pack_at), nullptr);
  }

  // 64 pixels of the sums, as planes of the output.
  void Output(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), plane = s.window.outputs();
    const int64_t begin = p.begin + unit * 64, end = std::min(begin + 64, p.end);
    for (int64_t i = begin; i < end;) {  // pixels of one image
      const int64_t n = std::min(end - i, plane - i % plane);
      const float* sums = ScratchAt<float>(c, s.sums_at) + (i - p.begin) * m;
      const int64_t first = (i / plane * s.filters + p.group * m) * plane + i % plane;
      if (c.outputs[0].dtype() == MOSAIC_FLOAT) {
        float* y = c.outputs[0].mutable_data<float>();
        TransposeWords(sums, m, n, m, y + first, plane);
        for (int64_t j = 0; j < m; ++j) Finish(c, p.group * m + j, n, y + first + j * plane);
      } else {
        OutputAs(c, p.group * m, sums, n, first);
      }
      i += n;
    }
  }
  void OutputAs(Call& c, int64_t filter, const float* sums, int64_t n, int64_t first) const {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters();
    Dispatch(FloatTypes(), c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>() + first;
      for (int64_t j = 0; j < m; ++j, y += s.window.outputs()) {
        float row[64];
        for (int64_t i = 0; i < n; ++i) row[i] = sums[i * m + j];
        epilogue_.Apply(c, filter + j, 0, row, n);
        for (int64_t i = 0; i < n; ++i) y[i] = Store<T>(static_cast<ComputeType<T>>(row[i]));
      }
    });
  }
  // What follows, for a piece of the output.
  void Finish(Call& c, int64_t filter, int64_t n, float* y) const {
    epilogue_.Apply(c, filter, y - c.outputs[0].data<float>(), y, n);
  }

  // ---- few filters in a group: plane by plane ----

  static Status StartPlanes(Call& c, State* s) {
    s->by_plane = PlaneConvolution(s->window, s->group_channels());
    const PlaneConvolution& p = s->by_plane;
    if (p.met_floats() > 1e12) return Status::Limit("the kernels reach too far beyond the input");
    s->kernels_at = ReserveScratch(&c, s->filters * s->k * 4);
    s->met_at = ReserveScratch(&c, static_cast<int64_t>(p.met_floats()) * 4);
    s->sums_at = ReserveScratch(&c, p.sums() * 4);
    Add(c, s, {Part::kKernels}, s->filters, static_cast<double>(2 * s->k));
    Add(c, s, {Part::kPlanes}, s->images * s->filters * s->window.out[0] * p.units(),
        p.unit_operations());
    return Status();
  }
  void Planes(Call& c, int64_t begin, int64_t end) const {
    Dispatch(FloatTypes(), c.inputs[0].dtype(),
             [&](auto type) { PlanesOf<typename decltype(type)::T>(c, begin, end); });
  }
  template <typename T>
  void PlanesOf(Call& c, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const PlaneConvolution& p = s.by_plane;
    float* met = ScratchAt<float>(c, s.met_at);
    const std::vector<const float*> taps = p.Taps(met);
    PlaneConvolution::Rows at = p.RowsOf(begin, s.filters);
    for (int64_t u = begin; u < end; ++u, p.Next(s.filters, &at)) {
      const int64_t channel = at.filter / s.group_filters() * s.group_channels();
      p.Read(c.inputs[0].data<T>() + (at.image * s.channels + channel) * s.window.inputs(), at,
             met);
      WritePlane<T>(c, at, taps, met);
    }
  }
  template <typename T>
  void WritePlane(Call& c, const PlaneConvolution::Rows& at, const std::vector<const float*>& taps,
                  const float* met) const {
    const State& s = c.state<State>();
    const int64_t width = s.window.out[2], n = at.last - at.first;
    const int64_t plane = (at.image * s.filters + at.filter) * s.window.out[0] + at.z;
    T* y = c.outputs[0].mutable_data<T>() + (plane * s.window.out[1] + at.first) * width;
    const float bias = c.Given(2) ? FloatAt(c.inputs[2], at.filter) : 0.0F;
    const float* kernel = ScratchAt<float>(c, s.kernels_at) + at.filter * s.k;
    if constexpr (std::is_same_v<T, float>) {
      if (s.by_plane.at_once()) {
        const bool relu = epilogue_.BeginsWithRelu();
        s.by_plane.SumAtOnce(at, taps, kernel, bias, relu, y);
        return epilogue_.Apply(c, at.filter, y - c.outputs[0].data<float>(), y, n * width, relu);
      }
    }
    float* sums = ScratchAt<float>(c, s.sums_at);
    s.by_plane.Sum(at, taps, met, kernel, bias, sums);
    for (int64_t row = 0; row < n; ++row, sums += s.by_plane.pitch()) {
      if constexpr (std::is_same_v<T, float>) {
        std::memcpy(y + row * width, sums, static_cast<size_t>(width) * sizeof(float));
      } else {
        epilogue_.Apply(c, at.filter, 0, sums, width);
        for (int64_t i = 0; i < width; ++i) {
          y[row * width + i] = Store<T>(static_cast<ComputeType<T>>(sums[i]));
        }
      }
    }
    if constexpr (std::is_same_v<T, float>) Finish(c, at.filter, n * width, y);
  }

  WindowAttributes a_;
  int64_t groups_;
  ConvEpilogue epilogue_;
};

Status MakePlainConv(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  return MakeConv(node, ConvEpilogue(), out);
}

}  // namespace

Status MakeConv(const Node& node, ConvEpilogue epilogue, std::unique_ptr<Op>* out) {
  auto op = std::make_unique<Conv>(node, std::move(epilogue));
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

extern const OpDef kConv = {kOnnxDomain, "Conv", 22, 25, &MakePlainConv};

}  // namespace mosaic
