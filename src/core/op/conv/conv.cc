// Conv: convolution of one to three dimensions, with groups, strides, dilations and padding; and
// com.microsoft's FusedConv without a second addend.
//
// A product of patches [pixels x K] with the kernels [K x M], K = (taps, channels of a group): the
// order in which strips hold them, so that patches are runs of channels of an input that is laid
// out with its channels last. Kernels are read in place where they are strips. Pixels are taken in
// pieces whose patches fit in kPatchBytes. Padding multiplies zeros. Where a group has no whole
// strips (depthwise convolutions), sums are taken plane by plane, in the same order.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/op/conv/window.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kPatchBytes = int64_t{2} << 20;

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
  bool streamed = false, planes = false;
  int64_t last_at = 0, kernels_at = 0, patches_at = 0, sums_at = 0, pack_at = 0;
  std::vector<PartOf> parts;  // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t pixels() const { return images * window.outputs(); }
};

// Element i of a floating-point array as float32.
float Element(const Tensor& t, int64_t i) {
  float v = 0;
  Dispatch(FloatTypes(), t.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    v = static_cast<float>(Load(t.data<T>()[i]));
  });
  return v;
}

class Conv : public Op {
 public:
  Conv(const Node& node, Activation f) : a_(node), groups_(node.Int("group", 1)), activation_(f) {}

  Status Check() const {
    if (groups_ < 1) return Status::BadModel("attribute group is below 1");
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
    MOSAIC_RETURN_IF_ERROR(
        MakeWindow(a_, x, Shape(w.begin() + 2, w.end()), c.outputs[0].shape(), &s.window));
    s.images = x[0];
    s.channels = x[1];
    s.filters = w[0];
    s.groups = groups_;
    s.k = s.group_channels() * s.window.taps();
    s.streamed = c.weight(1) != nullptr;
    s.planes = groups_ > 1 && !s.streamed && s.group_filters() < MOSAIC_STRIP_COLS;
    if (c.outputs[0].size() == 0) return Status();
    if (s.planes) {
      StartPlanes(c, &s);
    } else {
      StartProducts(c, &s);
    }
    return Status();
  }

  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    const State& s = c.state<State>();
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    const size_t first = out->size();
    ProductOf(c, p).Blocks(begin, end, out);
    const int64_t skipped = p.group * s.blocking.blocks();
    for (size_t i = first; i < out->size(); ++i) (*out)[i] += static_cast<int32_t>(skipped);
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
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
        for (int64_t u = begin; u < end; ++u) Plane(c, u);
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
    s->piece = std::clamp<int64_t>(kPatchBytes / std::max<int64_t>(4 * s->k, 1), 64,
                                   s->pixels() < 64 ? 64 : s->pixels());
    s->piece = std::min(s->piece, s->pixels());
    s->patches_at = ReserveScratch(&c, s->piece * s->k * 4);
    s->sums_at = ReserveScratch(&c, s->piece * m * 4);
    Add(c, s, {Part::kChannelsLast}, s->images * ((plane + 63) / 64),
        static_cast<double>(64 * s->channels));
    for (int64_t at = 0; at < s->pixels(); at += s->piece) {
      const int64_t end = std::min(at + s->piece, s->pixels());
      for (int64_t g = 0; g < s->groups; ++g) {
        Add(c, s, {Part::kPatches, at, end, g}, end - at, static_cast<double>(s->k) / 4 + 8);
        const StripProduct product(end - at, s->blocking, c.working_set);
        Add(c, s, {Part::kProduct, at, end, g}, product.units(), product.unit_cost(),
            product.grain(), s->streamed ? 0 : -1);
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

  void RunProduct(Call& c, const PartOf& p, int64_t begin, int64_t end) const {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters();
    std::vector<float> bias;
    if (c.Given(2)) {
      for (int64_t j = 0; j < m; ++j) bias.push_back(Element(c.inputs[2], p.group * m + j));
    }
    const StripProduct::Operands x{ScratchAt<float>(c, s.patches_at),    s.k,
                                   ScratchAt<float>(c, s.sums_at),       m,
                                   bias.empty() ? nullptr : bias.data(), activation_};
    if (s.streamed) return ProductOf(c, p).Run(x, begin, end, c.blocks, nullptr);
    ProductOf(c, p).RunDense(x, begin, end, ScratchAt<float>(c, s.kernels_at) + p.group * m * s.k,
                             1, s.k, ScratchAt<char>(c, s.pack_at), nullptr);
  }

  // 64 pixels of the sums, as planes of the output.
  static void Output(Call& c, const PartOf& p, int64_t unit) {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), plane = s.window.outputs();
    const int64_t begin = p.begin + unit * 64, end = std::min(begin + 64, p.end);
    const float* sums = ScratchAt<float>(c, s.sums_at);
    Dispatch(FloatTypes(), c.outputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      T* y = c.outputs[0].mutable_data<T>();
      for (int64_t j = 0; j < m; ++j) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t image = i / plane, at = i % plane;
          y[(image * s.filters + p.group * m + j) * plane + at] =
              Store<T>(static_cast<ComputeType<T>>(sums[(i - p.begin) * m + j]));
        }
      }
    });
  }

  // ---- few filters in a group: plane by plane ----

  static int64_t RowsOf(const State& s) {
    const int64_t cost = std::max<int64_t>(1, s.window.out[2] * s.k);
    return std::clamp<int64_t>(200000 / cost, 1, s.window.out[0] * s.window.out[1]);
  }

  static void StartPlanes(Call& c, State* s) {
    const int64_t rows = s->window.out[0] * s->window.out[1], per_unit = RowsOf(*s);
    s->kernels_at = ReserveScratch(&c, s->filters * s->k * 4);
    Add(c, s, {Part::kKernels}, s->filters, static_cast<double>(2 * s->k));
    Add(c, s, {Part::kPlanes}, s->images * s->filters * ((rows + per_unit - 1) / per_unit),
        static_cast<double>(per_unit * s->window.out[2] * s->k));
  }

  // Some rows of one plane of the output.
  void Plane(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t rows = w.out[0] * w.out[1], per_unit = RowsOf(s);
    const int64_t pieces = (rows + per_unit - 1) / per_unit;
    const int64_t image = unit / pieces / s.filters, filter = unit / pieces % s.filters;
    const int64_t group = filter / s.group_filters(), channels = s.group_channels();
    const float* kernel = ScratchAt<float>(c, s.kernels_at) + filter * s.k;
    const float bias = c.Given(2) ? Element(c.inputs[2], filter) : 0.0F;
    const int64_t first = unit % pieces * per_unit, last = std::min(first + per_unit, rows);
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>() + (image * s.channels + group * channels) * w.inputs();
      T* y = c.outputs[0].mutable_data<T>() + (image * s.filters + filter) * w.outputs();
      std::vector<float> sums(static_cast<size_t>(w.out[2]));
      for (int64_t row = first; row < last; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0F);
        SumRow(w, x, kernel, channels, row, sums.data());
        for (float& v : sums) v += bias;
        Activate(activation_, sums.data(), sums.data(), w.out[2]);
        for (int64_t i = 0; i < w.out[2]; ++i) {
          y[row * w.out[2] + i] =
              Store<T>(static_cast<ComputeType<T>>(sums[static_cast<size_t>(i)]));
        }
      }
    });
  }

  template <typename T>
  static void SumRow(const Window& w, const T* x, const float* kernel, int64_t channels,
                     int64_t row, float* sums) {
    int64_t tap[3];
    const int64_t at[2] = {row / w.out[1], row % w.out[1]};
    for (int64_t t = 0; t < w.taps(); ++t) {
      Window::Unravel(t, w.kernel, tap);
      int64_t in[2];
      bool inside = true;
      for (int d = 0; d < 2; ++d) {
        in[d] = at[d] * w.stride[d] - w.pad[d] + tap[d] * w.dilation[d];
        inside = inside && in[d] >= 0 && in[d] < w.in[d];
      }
      if (!inside) continue;
      // The outputs whose inputs are inside: stride * i + shift in [0, in).
      const int64_t shift = tap[2] * w.dilation[2] - w.pad[2], stride = w.stride[2];
      const int64_t begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
      const int64_t end =
          w.in[2] - shift <= 0 ? 0 : std::min(w.out[2], (w.in[2] - shift + stride - 1) / stride);
      for (int64_t ch = 0; ch < channels; ++ch) {
        const float weight = kernel[t * channels + ch];
        const T* from = x + ((ch * w.in[0] + in[0]) * w.in[1] + in[1]) * w.in[2] + shift;
        for (int64_t i = begin; i < end; ++i) {
          sums[i] += weight * static_cast<float>(Load(from[i * stride]));
        }
      }
    }
  }

  WindowAttributes a_;
  int64_t groups_;
  Activation activation_;
};

Status MakeConv(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  auto op = std::make_unique<Conv>(node, Activation::kNone);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

Status MakeFusedConv(const Node& node, std::unique_ptr<Op>* out) {
  if (HasInput(node, 3)) return Status::Unsupported("a second addend is not supported");
  const std::string name = node.String("activation", "");
  Activation f = Activation::kNone;
  if (name == "Relu") {
    f = Activation::kRelu;
  } else if (name == "Sigmoid") {
    f = Activation::kSigmoid;
  } else if (name == "Tanh") {
    f = Activation::kTanh;
  } else if (!name.empty()) {
    return Status::Unsupported("activation " + name + " is not supported");
  }
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 4));
  auto op = std::make_unique<Conv>(node, f);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kConv = {kOnnxDomain, "Conv", 22, 25, &MakeConv};
extern const OpDef kFusedConv = {kMicrosoftDomain, "FusedConv", 1, 1, &MakeFusedConv};

}  // namespace mosaic
