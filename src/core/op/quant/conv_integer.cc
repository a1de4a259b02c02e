// ConvInteger: convolution of (x - zero point) and (w - zero points) in int32. QLinearConv: the
// same with a bias, scaled and rounded to bytes; and fused (conv_integer.h), the same of what
// DequantizeLinear makes of the operands, with a bias of float32. One to three dimensions; padding
// is the zero point.
//
// A product of patches [pixels x K] with the kernels [K x M], K = (taps, channels of a group), as
// MatMulInteger's (kernel/integer_product.h). The input is laid out with its channels last, so that
// patches are runs of bytes; with one tap at every pixel it is the patches itself. Kernels are
// packed once for a plan. Sums are exact (they wrap around).
#include "core/op/quant/conv_integer.h"

#include <algorithm>
#include <cstring>

#include "core/kernel/integer_product.h"
#include "core/kernel/integer_rows.h"
#include "core/kernel/transpose_bytes.h"
#include "core/kernel/vector/transpose.h"
#include "core/op/conv/window.h"
#include "core/op/preparing.h"
#include "core/op/quant/requantize.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kPatchBytes = 192 << 10;  // with a part of the kernels, in the L2 cache
constexpr int64_t kMostPixels = 1 << 14;    // of a piece
constexpr int64_t kPanels = 4;              // of a unit
constexpr int64_t kFilters = kPanels * kIntegerColumns;
constexpr int64_t kWork = 1 << 24;   // products of a unit, about
constexpr int64_t kMostRows = 480;   // pixels of a unit
constexpr int64_t kSidePixels = 64;  // that are laid out at a time
constexpr int64_t kKeptKernels = 8 << 20;

// Which inputs are what.
struct Inputs {
  size_t x, w, x_zero, w_zero;
  bool scaled;
  size_t x_scale, w_scale, y_scale, y_zero, bias;
};
constexpr Inputs kInteger = {0, 1, 2, 3, false, 0, 0, 0, 0, 0};
constexpr Inputs kLinear = {0, 3, 2, 5, true, 1, 4, 6, 7, 8};

enum class Part { kChannelsLast, kPatches, kProduct };

struct PartOf {
  Part part;
  int64_t begin = 0, end = 0;  // pixels
  int64_t group = 0;
};

struct State {
  Window window;
  int64_t images = 0, channels = 0, filters = 0, groups = 1;
  int64_t k = 0, padded = 0;    // of a group; as it is packed
  int64_t piece = 0, rows = 0;  // pixels; those of a unit
  int64_t pitch = 0;            // of a pixel of the input, laid out
  bool direct = false;          // the input is the patches
  int64_t last_at = 0, patches_at = 0, sums_at = 0, bytes_at = 0;
  const uint8_t* kernels = nullptr;  // panels, then the sums of their columns
  std::vector<PartOf> parts;         // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t panels() const { return Panels(group_filters()); }
  int64_t panel_bytes() const { return kIntegerColumns * padded; }
  int64_t pixels() const { return images * window.outputs(); }
  static int64_t Panels(int64_t columns) {
    return (columns + kIntegerColumns - 1) / kIntegerColumns;
  }
};

// Which part of the pixels and of the filters of a group a unit is.
struct Place {
  int64_t begin, rows, panel, panels, filters;
};
Place PlaceOf(const State& s, const PartOf& p, int64_t unit) {
  const int64_t n = p.end - p.begin, parts = (n + s.rows - 1) / s.rows;
  Place at;
  at.begin = unit % parts * s.rows;
  at.rows = std::min(s.rows, n - at.begin);
  at.panel = unit / parts * kPanels;
  at.panels = std::min(kPanels, s.panels() - at.panel);
  at.filters = std::min(kFilters, s.group_filters() - at.panel * kIntegerColumns);
  return at;
}

class IntegerConv : public PreparingOp {
 public:
  // fused: the bias is float32. relu: what is below 0 becomes 0.
  IntegerConv(const Node& node, const Inputs& in, bool fused = false, bool relu = false)
      : in_(in), a_(node), groups_(node.Int("group", 1)), fused_(fused), relu_(relu) {}

  Status Check() const {
    if (groups_ < 1) return Status::BadModel("attribute group is below 1");
    MOSAIC_RETURN_IF_ERROR(CheckGroups(groups_));
    return a_.Check();
  }

  Status Infer(InferContext& c) const override {
    int dtype = MOSAIC_INT32;
    MOSAIC_RETURN_IF_ERROR(CheckTypes(c, &dtype));
    if (!c.in(0).ranked || !c.in(in_.w).ranked) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    const Dims &x = c.dims(0), &w = c.dims(in_.w);
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
    MOSAIC_RETURN_IF_ERROR(CheckSizes(c, w[0]));
    out.insert(out.begin(), {x[0], w[0]});
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(out)));
    c.ItemsOf(0, c.item_axis(0) == 0);
    return Status();
  }

  // ---- kernels ----

  bool prepares(int i) const override { return i == static_cast<int>(in_.w); }
  bool keeps(int64_t bytes) const override { return bytes <= kKeptKernels; }
  Status StartPreparing(Call& c, int64_t* bytes) const override {
    const Shape& w = c.inputs[in_.w].shape();
    const int64_t k = w[0] == 0 ? 0 : NumElements(w) / w[0];
    const int64_t panels = groups_ * State::Panels(w[0] / groups_);
    *bytes = panels * kIntegerColumns * (PaddedDepth(k) + static_cast<int64_t>(sizeof(uint32_t)));
    c.OnePhase(panels, static_cast<double>(2 * kIntegerColumns * k));
    return Status();
  }
  Status RunPreparing(Call& c, int, int64_t begin, int64_t end) const override {
    const Tensor& w = c.inputs[in_.w];
    const int64_t m = w.dim(0) / groups_, channels = w.dim(1), k = w.size() / w.dim(0);
    const int64_t taps = channels == 0 ? 0 : k / channels, panels = State::Panels(m);
    const int64_t padded = PaddedDepth(k), all = groups_ * panels * kIntegerColumns * padded;
    uint8_t* to = c.outputs[0].mutable_data<uint8_t>();
    uint32_t* sums = reinterpret_cast<uint32_t*>(to + all);
    for (int64_t u = begin; u < end; ++u) {
      const int64_t first = u % panels * kIntegerColumns;
      for (int64_t j = 0; j < std::min(kIntegerColumns, m - first); ++j) {
        const int64_t filter = u / panels * m + first + j;
        const uint8_t* from = static_cast<const uint8_t*>(w.raw()) + filter * k;
        uint8_t* column = to + u * kIntegerColumns * padded + 4 * j;
        uint32_t sum = 0;
        for (int64_t t = 0, i = 0; t < taps; ++t) {
          for (int64_t ch = 0; ch < channels; ++ch, ++i) {
            const uint8_t v = from[ch * taps + t];
            column[i / 4 * 4 * kIntegerColumns + i % 4] = v;
            sum += static_cast<uint32_t>(w.dtype() == MOSAIC_UINT8 ? int32_t{v} - 128
                                                                   : static_cast<int8_t>(v));
          }
        }
        sums[u * kIntegerColumns + j] = sum;
      }
    }
    return Status();
  }
  void UsePrepared(Call& c, const void* prepared) const override {
    c.state<State>().kernels = static_cast<const uint8_t*>(prepared);
  }

  // ---- a call ----

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &w = c.inputs[in_.w].shape();
    MOSAIC_RETURN_IF_ERROR(
        MakeWindow(a_, x, Shape(w.begin() + 2, w.end()), c.outputs[0].shape(), &s.window));
    s.images = x[0];
    s.channels = x[1];
    s.filters = w[0];
    s.groups = groups_;
    s.k = s.group_channels() * s.window.taps();
    s.padded = PaddedDepth(s.k);
    if (c.outputs[0].size() == 0) return Status();
    const Window& win = s.window;
    s.direct = groups_ == 1 && win.IsOneTap();
    s.pitch = s.direct ? s.padded : s.channels;
    s.last_at = ReserveScratch(&c, s.images * win.inputs() * s.pitch);
    const int64_t depth = std::max<int64_t>(s.padded, 1);
    s.piece = std::clamp<int64_t>(kPatchBytes / depth, 12, kMostPixels);
    if (s.direct) s.piece = kMostPixels;
    s.piece = std::min(s.piece, s.pixels());
    if (!s.direct) s.patches_at = ReserveScratch(&c, s.piece * s.padded);
    s.rows = std::clamp<int64_t>(kWork / (kFilters * depth) / 12 * 12, 12, kMostRows);
    s.sums_at = ReserveScratch(&c, s.rows * kFilters * 4);
    if (in_.scaled) s.bytes_at = ReserveScratch(&c, s.rows * kFilters);
    StartPhases(c);
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const PartOf& p = c.state<State>().parts[static_cast<size_t>(phase)];
    for (int64_t u = begin; u < end; ++u) {
      switch (p.part) {
        case Part::kChannelsLast:
          ChannelsLast(c, u);
          break;
        case Part::kPatches:
          Patch(c, p, u);
          break;
        case Part::kProduct:
          Product(c, p, u);
          break;
      }
    }
    return Status();
  }

 private:
  Status CheckTypes(const InferContext& c, int* dtype) const {
    for (const auto& [i, zero] : {std::pair{in_.x, in_.x_zero}, {in_.w, in_.w_zero}}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(c.dtype(i), "an operand"));
      if (c.Has(zero)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, i, zero));
    }
    if (!in_.scaled) return Status();
    *dtype = c.dtype(in_.y_zero);
    MOSAIC_RETURN_IF_ERROR(CheckType<ByteTypes>(*dtype, "an output"));
    for (size_t i : {in_.x_scale, in_.w_scale, in_.y_scale}) {
      MOSAIC_RETURN_IF_ERROR(CheckType<Types<float>>(c.dtype(i), "a scale"));
    }
    if (!c.Has(in_.bias)) return Status();
    if (fused_) return CheckType<Types<float>>(c.dtype(in_.bias), "B");
    return CheckType<Types<int32_t>>(c.dtype(in_.bias), "B");
  }

  // Of the input and the output there is one scale, of the kernels one or one for each.
  Status CheckSizes(InferContext& c, const Dim& filters) const {
    const auto one = [&](size_t i) { return !c.in(i).ranked || mosaic::Product(c.dims(i)).Is(1); };
    if ((c.Has(in_.x_zero) && !one(in_.x_zero)) ||
        (in_.scaled && (!one(in_.x_scale) || !one(in_.y_scale) || !one(in_.y_zero)))) {
      return Status::BadModel("a scale or zero point of the input or output is not one element");
    }
    std::vector<size_t> each = {in_.w_zero};
    if (in_.scaled) each.push_back(in_.w_scale);
    for (size_t i : each) {
      if (!c.Has(i) || one(i)) continue;
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(mosaic::Product(c.dims(i)), filters,
                                            "scales or zero points of shape " +
                                                ShapeString(c.dims(i)) +
                                                " are not one for each kernel"));
    }
    if (!in_.scaled || !c.Has(in_.bias) || !c.in(in_.bias).ranked) return Status();
    return c.RequireEqual(mosaic::Product(c.dims(in_.bias)), filters,
                          "B and the kernels do not fit");
  }

  static void Add(Call& c, const PartOf& part, int64_t units, double cost) {
    c.phases.push_back(Phase{units, cost});
    c.state<State>().parts.push_back(part);
  }
  static void StartPhases(Call& c) {
    const State& s = c.state<State>();
    const int64_t sides = (s.window.inputs() + kSidePixels - 1) / kSidePixels;
    Add(c, {Part::kChannelsLast}, s.images * sides, static_cast<double>(kSidePixels * s.pitch) / 2);
    for (int64_t at = 0; at < s.pixels(); at += s.piece) {
      const int64_t n = std::min(s.piece, s.pixels() - at), parts = (n + s.rows - 1) / s.rows;
      for (int64_t g = 0; g < s.groups; ++g) {
        const PartOf patches = {Part::kPatches, at, at + n, g};
        if (!s.direct)
          Add(c, patches, n,
              static_cast<double>(s.k) / 8 + 8 * static_cast<double>(s.window.taps()));
        Add(c, {Part::kProduct, at, at + n, g}, parts * ((s.panels() + kPanels - 1) / kPanels),
            static_cast<double>(std::min(s.rows, n) * kFilters) *
                (static_cast<double>(s.padded) / 16 + 4));
      }
    }
  }

  // Bytes of the input are moved to those of uint8, and with them their zero point.
  static uint8_t FlipOf(const Tensor& x) { return x.dtype() == MOSAIC_INT8 ? 0x80 : 0; }
  uint8_t ZeroOfInput(const Call& c) const {
    const int32_t zero = c.Given(in_.x_zero) ? ByteAt(c.inputs[in_.x_zero], 0) : 0;
    return static_cast<uint8_t>(zero + FlipOf(c.inputs[0]));
  }

  // Some positions of an image, with all their channels side by side.
  void ChannelsLast(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t plane = s.window.inputs(), sides = (plane + kSidePixels - 1) / kSidePixels;
    const int64_t image = unit / sides, begin = unit % sides * kSidePixels;
    const int64_t n = std::min(kSidePixels, plane - begin);
    const uint8_t* x =
        static_cast<const uint8_t*>(c.inputs[0].raw()) + image * s.channels * plane + begin;
    uint8_t* to = ScratchAt<uint8_t>(c, s.last_at) + (image * plane + begin) * s.pitch;
    TransposeBytes(x, plane, s.channels, n, FlipOf(c.inputs[0]), to, s.pitch);
    for (int64_t i = 0; i < n && s.pitch > s.channels; ++i) {
      std::fill(to + i * s.pitch + s.channels, to + (i + 1) * s.pitch, uint8_t{0});
    }
  }

  // What the kernels of a group meet at one pixel; row by row of taps that are neighbours.
  void Patch(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t pixel = p.begin + unit, image = pixel / w.outputs();
    const int64_t channels = s.group_channels(), step = w.dilation[2] * s.channels;
    const uint8_t zero = ZeroOfInput(c);
    int64_t at[3];
    Window::Unravel(pixel % w.outputs(), w.out, at);
    const uint8_t* x =
        ScratchAt<uint8_t>(c, s.last_at) + image * w.inputs() * s.channels + p.group * channels;
    uint8_t* to = ScratchAt<uint8_t>(c, s.patches_at) + unit * s.padded;
    uint8_t* const end = to + s.padded;
    const int64_t left = at[2] * w.stride[2] - w.pad[2];
    for (int64_t r = 0; r < w.kernel[0] * w.kernel[1]; ++r) {
      const int64_t i = at[0] * w.stride[0] - w.pad[0] + r / w.kernel[1] * w.dilation[0];
      const int64_t j = at[1] * w.stride[1] - w.pad[1] + r % w.kernel[1] * w.dilation[1];
      const bool inside = i >= 0 && i < w.in[0] && j >= 0 && j < w.in[1];
      const uint8_t* from = x + ((i * w.in[1] + j) * w.in[2] + left) * s.channels;
      if (inside && step == channels && left >= 0 && left + w.kernel[2] <= w.in[2]) {
        std::memcpy(to, from, static_cast<size_t>(w.kernel[2] * channels));
        to += w.kernel[2] * channels;
        continue;
      }
      for (int64_t k = 0, col = left; k < w.kernel[2]; ++k, col += w.dilation[2], to += channels) {
        if (inside && col >= 0 && col < w.in[2]) {
          std::memcpy(to, from + k * step, static_cast<size_t>(channels));
        } else {
          std::memset(to, zero, static_cast<size_t>(channels));
        }
      }
    }
    std::fill(to, end, uint8_t{0});
  }

  // Some filters of a group at some pixels.
  void Product(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const Place at = PlaceOf(s, p, unit);
    const void* panels[kPanels];
    for (int64_t i = 0; i < at.panels; ++i) {
      panels[i] = s.kernels + (p.group * s.panels() + at.panel + i) * s.panel_bytes();
    }
    IntegerProductArgs g = {};
    g.a = s.direct ? ScratchAt<uint8_t>(c, s.last_at) + (p.begin + at.begin) * s.padded
                   : ScratchAt<uint8_t>(c, s.patches_at) + at.begin * s.padded;
    g.a_pitch = s.padded;
    g.rows = at.rows;
    g.panels = panels;
    g.count = at.panels;
    g.quads = s.padded / 4;
    g.moved = c.inputs[in_.w].dtype() == MOSAIC_UINT8;
    g.c = ScratchAt<uint32_t>(c, s.sums_at);
    g.pitch = kFilters;
    IntegerProduct(g);
    Finish(c, p, at, g);
    Output(c, p, at);
  }

  // One factor for all filters, or one for each.
  static float OfFilter(const Tensor& t, int64_t filter) {
    return t.data<float>()[t.size() == 1 ? 0 : filter];
  }

  // (A - a)(B - b), where what was moved by 128 is in a and b; scaled, or in the place of the sums.
  void Finish(Call& c, const PartOf& p, const Place& at, const IntegerProductArgs& g) const {
    const State& s = c.state<State>();
    const int64_t first = p.group * s.group_filters() + at.panel * kIntegerColumns;
    uint32_t zeros[kFilters];
    bool moved = false;
    for (int64_t j = 0; j < at.filters; ++j) {
      const bool given = c.Given(in_.w_zero);
      const int32_t zero =
          given ? ByteAt(c.inputs[in_.w_zero], c.inputs[in_.w_zero].size() == 1 ? 0 : first + j)
                : 0;
      zeros[j] = static_cast<uint32_t>(zero - (g.moved ? 128 : 0));
      moved = moved || zeros[j] != 0;
    }
    const uint32_t* columns =
        reinterpret_cast<const uint32_t*>(s.kernels + s.groups * s.panels() * s.panel_bytes());
    const uint32_t a_zero = ZeroOfInput(c);
    IntegerRow row = {nullptr, columns + (p.group * s.panels() + at.panel) * kIntegerColumns,
                      zeros,   a_zero,
                      0,       at.filters};
    Scales scales;
    if (in_.scaled) scales = ScalesOf(c, first, at.filters);
    for (int64_t i = 0; i < at.rows; ++i) {
      row.sums = g.c + i * kFilters;
      if (moved) {
        uint32_t sum = 0;
        for (int64_t l = 0; l < s.k; ++l) sum += g.a[i * g.a_pitch + l];
        row.rest = sum - static_cast<uint32_t>(s.k) * a_zero;
      }
      if (in_.scaled) {
        FinishBytes(row,
                    {scales.scale, scales.added, fused_ ? scales.bias : nullptr, scales.step,
                     scales.zero, scales.least, scales.most},
                    ScratchAt<uint8_t>(c, s.bytes_at) + i * kFilters);
      } else {
        FinishIntegers(row, ScratchAt<int32_t>(c, s.sums_at) + i * kFilters);
      }
    }
  }

  struct Scales {
    float scale[kFilters], bias[kFilters], step = 1;
    int32_t added[kFilters];
    int zero = 0, least = 0, most = 0;
  };
  Scales ScalesOf(const Call& c, int64_t first, int64_t n) const {
    Scales s;
    const float x = *c.inputs[in_.x_scale].data<float>();
    s.step = *c.inputs[in_.y_scale].data<float>();
    for (int64_t j = 0; j < n; ++j) {
      s.scale[j] = x * OfFilter(c.inputs[in_.w_scale], first + j);
      if (!fused_) s.scale[j] /= s.step;
      s.added[j] = !fused_ && c.Given(in_.bias) ? c.inputs[in_.bias].data<int32_t>()[first + j] : 0;
      s.bias[j] = fused_ && c.Given(in_.bias) ? c.inputs[in_.bias].data<float>()[first + j] : 0;
    }
    const bool is_signed = c.outputs[0].dtype() == MOSAIC_INT8;
    s.zero = ByteAt(c.inputs[in_.y_zero], 0);
    s.least = is_signed ? -128 : 0;
    s.most = is_signed ? 127 : 255;
    if (relu_) (s.step < 0 ? s.most : s.least) = s.zero;
    return s;
  }

  // What is finished, as planes of the output.
  void Output(Call& c, const PartOf& p, const Place& at) const {
    const State& s = c.state<State>();
    const int64_t plane = s.window.outputs(), end = p.begin + at.begin + at.rows;
    const int64_t filter = p.group * s.group_filters() + at.panel * kIntegerColumns;
    for (int64_t i = p.begin + at.begin; i < end;) {  // pixels of one image
      const int64_t n = std::min(end - i, plane - i % plane);
      const int64_t from = (i - p.begin - at.begin) * kFilters;
      const int64_t to = (i / plane * s.filters + filter) * plane + i % plane;
      if (in_.scaled) {
        TransposeBytes(ScratchAt<uint8_t>(c, s.bytes_at) + from, kFilters, n, at.filters, 0,
                       static_cast<uint8_t*>(c.outputs[0].mutable_raw()) + to, plane);
      } else {
        TransposeWords(ScratchAt<float>(c, s.sums_at) + from, kFilters, n, at.filters,
                       static_cast<float*>(c.outputs[0].mutable_raw()) + to, plane);
      }
      i += n;
    }
  }

  const Inputs& in_;
  WindowAttributes a_;
  int64_t groups_;
  bool fused_, relu_;
};

template <const Inputs& kInputs, int kLeast, int kMost>
Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, kLeast, kMost));
  auto op = std::make_unique<IntegerConv>(node, kInputs);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

std::unique_ptr<Op> MakeQuantisedConv(const Node& node, bool relu) {
  auto op = std::make_unique<IntegerConv>(node, kLinear, true, relu);
  return op->Check().ok() ? std::move(op) : nullptr;
}

extern const OpDef kConvInteger = {kOnnxDomain, "ConvInteger", 10, 25, &Make<kInteger, 2, 4>};
extern const OpDef kQLinearConv = {kOnnxDomain, "QLinearConv", 10, 25, &Make<kLinear, 8, 9>};

}  // namespace mosaic
