// ConvTranspose of one to three dimensions, with groups, strides, dilations and padding.
//
// A product of the input, channels last [pixels x C], with the kernels [C x (filters, taps)] says
// what each pixel adds to the outputs that it reaches; these are then summed, input by input in
// ascending order. The kernels lie in the file as that matrix, and are read in place where they are
// strips. Where a group has few filters (depthwise), sums are taken plane by plane.
#include <algorithm>
#include <cmath>
#include <optional>

#include "core/kernel/vector/transpose.h"
#include "core/kernel/window_sum.h"
#include "core/op/conv/window.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"
#include "core/tensor/convert.h"

namespace mosaic {
namespace {

constexpr int64_t kProductBytes = int64_t{2} << 20;  // of a piece
constexpr int64_t kPixels = 16;                      // of a unit that scatters

enum class Part { kKernels, kChannelsLast, kClear, kProduct, kScatter, kOutput, kPlanes };

struct PartOf {
  Part part;
  int64_t begin = 0, end = 0;  // pixels of the input
  int64_t group = 0;
};

struct State {
  Window window;  // of the output over the input: tap t of input i is output i * stride - pad + t
  int64_t images = 0, channels = 0, filters = 0, groups = 1;
  int64_t piece = 0;  // pixels
  Blocking blocking;  // of a group's kernels
  bool streamed = false;
  int64_t kernels_at = -1, last_at = 0, product_at = 0, sums_at = 0, pack_at = 0;
  std::vector<PartOf> parts;  // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t columns() const { return group_filters() * window.taps(); }
  int64_t pixels() const { return images * window.inputs(); }
};

class ConvTranspose : public Op {
 public:
  explicit ConvTranspose(const Node& node)
      : a_(node),
        groups_(node.Int("group", 1)),
        output_padding_(node.Ints("output_padding")),
        output_shape_(node.Ints("output_shape")) {}

  Status Check() const {
    constexpr int64_t kMost = int64_t{1} << 30;  // as of strides and pads
    if (groups_ < 1) return Status::BadModel("attribute group is below 1");
    if (groups_ > kMost) return Status::Limit("attribute group is above 2^30");
    for (const std::vector<int64_t>* list : {&output_padding_, &output_shape_}) {
      for (int64_t v : *list) {
        if (v < 0) return Status::BadModel("output_padding or output_shape is negative");
        if (v > 4 * kMost) return Status::Limit("output_padding or output_shape is above 2^32");
      }
    }
    return a_.Check();
  }

  std::vector<WeightStream> streams() const override {
    if (groups_ != 1) return {};
    WeightStream s{1};
    s.form = WeightForm::kConvolution;
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
    if (x.size() != w.size() || w.size() < 3 || w.size() > Window::kDims + 2) {
      return Status::BadModel("an input of shape " + ShapeString(x) +
                              " does not fit kernels of shape " + ShapeString(w) +
                              " (1 to 3 spatial dimensions are supported)");
    }
    MOSAIC_RETURN_IF_ERROR(CheckLengths(w));
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(
        x[1], w[0],
        "the channels of shapes " + ShapeString(x) + " and " + ShapeString(w) + " do not fit"));
    if (w[0].is_number() && w[0].number() % groups_ != 0) {
      return Status::BadModel("kernels of shape " + ShapeString(w) + " are not " +
                              std::to_string(groups_) + " groups");
    }
    const Dim filters = w[1] * Dim(groups_);
    if (c.Has(2)) {
      MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, 2));
      if (c.in(2).ranked && c.in(2).rank() != 1) {
        return Status::BadModel("B has shape " + ShapeString(c.dims(2)));
      }
      if (c.in(2).ranked) {
        MOSAIC_RETURN_IF_ERROR(
            c.RequireEqual(c.dims(2)[0], filters, "B and the kernels do not fit"));
      }
    }
    Dims out = {x[0], filters};
    for (size_t d = 0; d < w.size() - 2; ++d) {
      out.push_back(Size(x[d + 2], w[d + 2], d, w.size() - 2));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &w = c.shape(1);
    SetWindow(x, w, c.outputs[0].shape(), &s.window);
    s.images = x[0];
    s.channels = x[1];
    s.groups = groups_;
    s.filters = w[1] * groups_;
    s.streamed = c.weight(1) != nullptr;
    if (c.outputs[0].size() == 0) return Status();
    if (!s.streamed && c.inputs[1].dtype() != MOSAIC_FLOAT) {
      s.kernels_at = ReserveScratch(&c, c.inputs[1].size() * 4);
      Add(c, {Part::kKernels}, (c.inputs[1].size() + kConverted - 1) / kConverted,
          2.0 * kConverted);
    }
    if (groups_ > 1 && s.group_filters() < MOSAIC_STRIP_COLS) {
      StartPlanes(c, &s);
    } else {
      StartProducts(c, &s);
    }
    return Status();
  }

  void Blocks(const Call& c, int phase, int64_t begin, int64_t end,
              std::vector<int32_t>* out) const override {
    ProductOf(c, c.state<State>().parts[static_cast<size_t>(phase)]).Blocks(begin, end, out);
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    if (p.part == Part::kProduct) {
      RunProduct(c, p, begin, end);
      return Status();
    }
    for (int64_t u = begin; u < end; ++u) {
      switch (p.part) {
        case Part::kKernels:
          ReadKernels(c, u);
          break;
        case Part::kChannelsLast:
          ChannelsLast(c, u);
          break;
        case Part::kClear:
          Clear(c, u);
          break;
        case Part::kScatter:
          Scatter(c, p, u);
          break;
        case Part::kOutput:
          Output(c, p, u);
          break;
        case Part::kPlanes:
          Plane(c, u);
          break;
        case Part::kProduct:
          break;
      }
    }
    return Status();
  }

 private:
  static constexpr int64_t kConverted = 8192;    // elements of a unit
  static constexpr int64_t kPlaneWork = 200000;  // products of a unit

  bool Same() const {
    return a_.auto_pad == AutoPad::kSameUpper || a_.auto_pad == AutoPad::kSameLower;
  }
  // Size of output_shape for spatial dimension d of n (it may name all dimensions); -1: not given.
  int64_t Given(size_t d, size_t n) const {
    if (output_shape_.empty()) return -1;
    return output_shape_[output_shape_.size() - n + d];
  }

  Status CheckLengths(const Dims& w) const {
    const size_t n = w.size() - 2;
    for (const std::vector<int64_t>* list : {&a_.strides, &a_.dilations, &output_padding_}) {
      if (!list->empty() && list->size() != n) {
        return Status::BadModel(
            "strides, dilations or output_padding are not one for each spatial dimension");
      }
    }
    if (!a_.pads.empty() && a_.pads.size() != 2 * n) {
      return Status::BadModel("pads are not two for each spatial dimension");
    }
    if (!output_shape_.empty() && output_shape_.size() != n && output_shape_.size() != n + 2) {
      return Status::BadModel("output_shape is not one for each spatial dimension");
    }
    for (size_t d = 0; d < n; ++d) {
      if (d < a_.kernel.size() && Differ(w[d + 2], a_.kernel[d])) {
        return Status::BadModel("kernel_shape does not fit kernels of shape " + ShapeString(w));
      }
    }
    return Status();
  }

  Dim Size(const Dim& in, const Dim& kernel, size_t d, size_t n) const {
    if (Given(d, n) >= 0) return Given(d, n);
    const int64_t stride = ValueAt(a_.strides, d, 1);
    if (Same()) return in * Dim(stride);
    const bool valid = a_.auto_pad == AutoPad::kValid;
    const int64_t pads = valid ? 0 : ValueAt(a_.pads, d, 0) + ValueAt(a_.pads, n + d, 0);
    return (in - 1) * Dim(stride) + (kernel - 1) * Dim(ValueAt(a_.dilations, d, 1)) + 1 +
           Dim(ValueAt(output_padding_, d, 0)) - Dim(pads);
  }

  void SetWindow(const Shape& x, const Shape& kernel, const Shape& y, Window* w) const {
    const size_t n = x.size() - 2;
    for (size_t i = 0; i < n; ++i) {
      const size_t d = Window::kDims - n + i;
      w->in[d] = x[i + 2];
      w->out[d] = y[i + 2];
      w->kernel[d] = kernel[i + 2];
      w->stride[d] = ValueAt(a_.strides, i, 1);
      w->dilation[d] = ValueAt(a_.dilations, i, 1);
      w->pad[d] = a_.auto_pad == AutoPad::kValid ? 0 : ValueAt(a_.pads, i, 0);
      if (!Same() && Given(i, n) < 0) continue;
      const int64_t full = (w->in[d] - 1) * w->stride[d] + ValueAt(output_padding_, i, 0) +
                           (w->kernel[d] - 1) * w->dilation[d] + 1;
      const int64_t total = std::max<int64_t>(0, full - w->out[d]);
      w->pad[d] = a_.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    }
  }

  static void Add(Call& c, const PartOf& part, int64_t units, double cost, int64_t grain = 1,
                  int stream = -1) {
    Phase p{units, cost, grain};
    p.stream = stream;
    c.phases.push_back(p);
    c.state<State>().parts.push_back(part);
  }

  static const float* Kernels(const Call& c) {
    const State& s = c.state<State>();
    return s.kernels_at < 0 ? c.inputs[1].data<float>() : ScratchAt<float>(c, s.kernels_at);
  }

  static void ReadKernels(Call& c, int64_t unit) {
    const int64_t end = std::min((unit + 1) * kConverted, c.inputs[1].size());
    float* to = ScratchAt<float>(c, c.state<State>().kernels_at);
    Dispatch(FloatTypes(), c.inputs[1].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* w = c.inputs[1].data<T>();
      for (int64_t i = unit * kConverted; i < end; ++i) to[i] = static_cast<float>(Load(w[i]));
    });
  }

  // ---- as a product ----

  void StartProducts(Call& c, State* s) const {
    const int64_t k = s->group_channels(), m = s->group_filters(), columns = s->columns();
    s->blocking = s->streamed ? c.weight(1)->blocking : StripProduct::DenseBlocking(k, columns);
    if (!s->streamed) {
      s->pack_at = ReserveScratch(&c, StripProduct::kPackBlocks * s->blocking.payload_bytes());
    }
    s->last_at = ReserveScratch(&c, s->images * s->channels * s->window.inputs() * 4);
    s->piece = std::clamp<int64_t>(kProductBytes / std::max<int64_t>(4 * columns, 1), 64,
                                   std::max<int64_t>(s->pixels(), 64));
    s->product_at = ReserveScratch(&c, s->piece * columns * 4);
    const int64_t outputs = s->images * s->window.outputs();
    s->sums_at = ReserveScratch(&c, outputs * m * 4);
    Add(c, {Part::kChannelsLast}, s->images * ((s->window.inputs() + 63) / 64),
        static_cast<double>(64 * s->channels));
    for (int64_t g = 0; g < s->groups; ++g) {
      Add(c, {Part::kClear, 0, 0, g}, (outputs + 63) / 64, static_cast<double>(16 * m));
      for (int64_t at = 0; at < s->pixels(); at += s->piece) {
        const int64_t end = std::min(at + s->piece, s->pixels());
        const StripProduct product(end - at, s->blocking, c.working_set);
        const double cost = s->streamed ? product.unit_cost() : product.dense_unit_cost(columns);
        Add(c, {Part::kProduct, at, end, g}, product.units(), cost, product.grain(),
            s->streamed ? 0 : -1);
        Add(c, {Part::kScatter, at, end, g}, (end - at + kPixels - 1) / kPixels,
            static_cast<double>(2 * kPixels * columns));
      }
      Add(c, {Part::kOutput, 0, 0, g}, (outputs + 63) / 64, static_cast<double>(64 * m));
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

  static void Clear(Call& c, int64_t unit) {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), end = s.images * s.window.outputs();
    float* sums = ScratchAt<float>(c, s.sums_at);
    std::fill(sums + unit * 64 * m, sums + std::min((unit + 1) * 64, end) * m, 0.0F);
  }

  static void RunProduct(Call& c, const PartOf& p, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t k = s.group_channels(), columns = s.columns();
    const float* pixels = ScratchAt<float>(c, s.last_at) + p.begin * s.channels + p.group * k;
    float* products = ScratchAt<float>(c, s.product_at);
    const StripProduct::Operands x{pixels,  s.channels, products,
                                   columns, nullptr,    Activation::kNone};
    if (s.streamed) return ProductOf(c, p).Run(x, begin, end, c.blocks, nullptr);
    ProductOf(c, p).RunDense(x, begin, end, Kernels(c) + p.group * k * columns, columns, 1,
                             ScratchAt<char>(c, s.pack_at), nullptr);
  }

  // Adds what some pixels of the input make to the outputs.
  static void Scatter(Call& c, const PartOf& p, int64_t unit) {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t m = s.group_filters(), taps = w.taps();
    const int64_t first = p.begin + unit * kPixels, last = std::min(first + kPixels, p.end);
    std::vector<float> turned(static_cast<size_t>(s.columns()));
    for (int64_t pixel = first; pixel < last; ++pixel) {
      const float* row = ScratchAt<float>(c, s.product_at) + (pixel - p.begin) * s.columns();
      float* image = ScratchAt<float>(c, s.sums_at) + pixel / w.inputs() * w.outputs() * m;
      int64_t at[3], tap[3];
      Window::Unravel(pixel % w.inputs(), w.in, at);
      TransposeWords(row, taps, m, taps, turned.data(), m);
      const float* of_tap = turned.data();
      for (int64_t t = 0; t < taps; ++t, of_tap += m) {
        Window::Unravel(t, w.kernel, tap);
        const int64_t offset = OutputOf(w, at, tap);
        if (offset >= 0) AddRow(of_tap, m, image + offset * m);
      }
    }
  }

  // Offset in a plane of the output that a tap of an input adds to; -1 where it is cut off.
  static int64_t OutputOf(const Window& w, const int64_t* at, const int64_t* tap) {
    int64_t offset = 0;
    for (int d = 0; d < Window::kDims; ++d) {
      const int64_t o = at[d] * w.stride[d] - w.pad[d] + tap[d] * w.dilation[d];
      if (o < 0 || o >= w.out[d]) return -1;
      offset = offset * w.out[d] + o;
    }
    return offset;
  }

  // 64 pixels of the sums, as planes of the output.
  static void Output(Call& c, const PartOf& p, int64_t unit) {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), plane = s.window.outputs();
    const int64_t begin = unit * 64, end = std::min(begin + 64, s.images * plane);
    float part[64];
    for (int64_t i = begin; i < end;) {  // pixels of one image
      const int64_t n = std::min(end - i, plane - i % plane);
      const float* sums = ScratchAt<float>(c, s.sums_at) + i * m;
      for (int64_t j = 0; j < m; ++j) {
        const int64_t filter = p.group * m + j;
        const float bias = c.Given(2) ? FloatAt(c.inputs[2], filter) : 0.0F;
        const int64_t to = (i / plane * s.filters + filter) * plane + i % plane;
        for (int64_t k = 0; k < n; ++k) part[k] = sums[k * m + j] + bias;
        ConvertElements(MOSAIC_FLOAT, part, c.outputs[0].dtype(),
                        c.outputs[0].mutable_data<char>() + to * DTypeSize(c.outputs[0].dtype()),
                        n);
      }
      i += n;
    }
  }

  // ---- few filters in a group: plane by plane ----

  // What a unit does: some rows, or columns of one that is long.
  struct PlaneCut {
    int64_t rows, row_pieces, columns, column_pieces;
    explicit PlaneCut(const Window& w, int64_t channels) {
      const int64_t per_column = std::max<int64_t>(1, w.taps() * channels);
      columns = std::clamp<int64_t>(kPlaneWork / per_column, 64, std::max<int64_t>(w.out[2], 64));
      column_pieces = (w.out[2] + columns - 1) / columns;
      const int64_t row = std::max<int64_t>(1, w.in[2] * per_column), all = w.out[0] * w.out[1];
      rows = column_pieces > 1 ? 1 : std::clamp<int64_t>(kPlaneWork / row, 1, all);
      row_pieces = (all + rows - 1) / rows;
    }
  };

  static void StartPlanes(Call& c, State* s) {
    const PlaneCut cut(s->window, s->group_channels());
    const int64_t columns = std::min(cut.columns, s->window.out[2]);
    const int64_t cost = columns * s->window.taps() * s->group_channels();
    Add(c, {Part::kPlanes}, s->images * s->filters * cut.row_pieces * cut.column_pieces,
        static_cast<double>(cut.rows * (cost + columns)));
  }

  // Some of one plane of the output.
  static void Plane(Call& c, int64_t unit) {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const PlaneCut cut(w, s.group_channels());
    const int64_t left = unit % cut.column_pieces * cut.columns;
    const int64_t right = std::min(left + cut.columns, w.out[2]), n = right - left;
    const int64_t plane = unit / cut.column_pieces / cut.row_pieces;
    const int64_t image = plane / s.filters, filter = plane % s.filters;
    const int64_t channel = filter / s.group_filters() * s.group_channels();
    const float bias = c.Given(2) ? FloatAt(c.inputs[2], filter) : 0.0F;
    const float* kernel =
        Kernels(c) + (channel * s.group_filters() + filter % s.group_filters()) * w.taps();
    const int64_t first = unit / cut.column_pieces % cut.row_pieces * cut.rows;
    const int64_t last = std::min(first + cut.rows, w.out[0] * w.out[1]);
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>() + (image * s.channels + channel) * w.inputs();
      T* y = c.outputs[0].mutable_data<T>() + plane * w.outputs();
      std::vector<float> sums(static_cast<size_t>(n));
      for (int64_t row = first; row < last; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0F);
        SumRow(s, x, kernel, row, left, n, sums.data());
        for (int64_t i = 0; i < n; ++i) {
          y[row * w.out[2] + left + i] =
              Store<T>(static_cast<ComputeType<T>>(sums[static_cast<size_t>(i)] + bias));
        }
      }
    });
  }

  // Columns [left, left + n).
  template <typename T>
  static void SumRow(const State& s, const T* x, const float* kernel, int64_t row, int64_t left,
                     int64_t n, float* sums) {
    const Window& w = s.window;
    const int64_t at[2] = {row / w.out[1], row % w.out[1]};
    int64_t tap[3];
    for (int64_t t = 0; t < w.taps(); ++t) {
      Window::Unravel(t, w.kernel, tap);
      int64_t in[2];
      bool reaches = true;
      for (int d = 0; d < 2 && reaches; ++d) {
        const int64_t from = at[d] + w.pad[d] - tap[d] * w.dilation[d];
        in[d] = from / w.stride[d];
        reaches = from >= 0 && from % w.stride[d] == 0 && in[d] < w.in[d];
      }
      if (!reaches) continue;
      // The inputs whose outputs are among them: stride * i + shift in [0, n).
      const int64_t shift = tap[2] * w.dilation[2] - w.pad[2] - left, stride = w.stride[2];
      const int64_t begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
      const int64_t end = n - shift <= 0 ? 0 : std::min(w.in[2], (n - shift + stride - 1) / stride);
      if (end <= begin) continue;
      for (int64_t ch = 0; ch < s.group_channels(); ++ch) {
        const float weight = kernel[ch * s.columns() + t];
        const T* from = x + ((ch * w.in[0] + in[0]) * w.in[1] + in[1]) * w.in[2];
        if constexpr (std::is_same_v<T, float>) {
          AddEveryNth(from + begin, weight, end - begin, stride, sums + begin * stride + shift);
        } else {
          for (int64_t i = begin; i < end; ++i) {
            sums[i * stride + shift] += weight * static_cast<float>(Load(from[i]));
          }
        }
      }
    }
  }

  WindowAttributes a_;
  int64_t groups_;
  std::vector<int64_t> output_padding_, output_shape_;
};

Status MakeConvTranspose(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 3));
  auto op = std::make_unique<ConvTranspose>(node);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kConvTranspose = {kOnnxDomain, "ConvTranspose", 22, 25, &MakeConvTranspose};

}  // namespace mosaic
