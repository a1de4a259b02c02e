// ConvInteger: convolution of (x - zero point) and (w - zero points) in int32. QLinearConv: the
// same with a bias, scaled and rounded to bytes. One to three dimensions; padding is the zero
// point.
//
// What the kernels meet at a pixel is put together as 16-bit integers, and multiplied by the
// kernels of its group. Sums are exact (they wrap around).
#include <algorithm>

#include "core/kernel/integer_dot.h"
#include "core/op/conv/window.h"
#include "core/op/quant/requantize.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kPatchBytes = int64_t{1} << 20;
constexpr int64_t kFilters = 64;  // of a unit

// Which inputs are what.
struct Inputs {
  size_t x, w, x_zero, w_zero;
  bool scaled;
  size_t x_scale, w_scale, y_scale, y_zero, bias;
};
constexpr Inputs kInteger = {0, 1, 2, 3, false, 0, 0, 0, 0, 0};
constexpr Inputs kLinear = {0, 3, 2, 5, true, 1, 4, 6, 7, 8};

enum class Part { kKernels, kPatches, kProduct };

struct PartOf {
  Part part;
  int64_t begin = 0, end = 0;  // pixels
  int64_t group = 0;
};

struct State {
  Window window;
  int64_t images = 0, channels = 0, filters = 0, groups = 1;
  int64_t k = 0, piece = 0;
  int64_t kernels_at = 0, patches_at = 0;
  std::vector<PartOf> parts;  // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t pixels() const { return images * window.outputs(); }
};

class IntegerConv : public Op {
 public:
  IntegerConv(const Node& node, const Inputs& in)
      : in_(in), a_(node), groups_(node.Int("group", 1)) {}

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
    if (c.outputs[0].size() == 0) return Status();
    const int64_t m = s.group_filters();
    s.kernels_at = ReserveScratch(&c, s.filters * s.k * 2);
    Add(c, {Part::kKernels}, s.filters, static_cast<double>(2 * s.k));
    s.piece = std::clamp<int64_t>(kPatchBytes / std::max<int64_t>(2 * s.k, 1), 1, s.pixels());
    s.patches_at = ReserveScratch(&c, s.piece * s.k * 2);
    for (int64_t at = 0; at < s.pixels(); at += s.piece) {
      const int64_t end = std::min(at + s.piece, s.pixels());
      for (int64_t g = 0; g < s.groups; ++g) {
        Add(c, {Part::kPatches, at, end, g}, end - at, static_cast<double>(4 * s.k));
        Add(c, {Part::kProduct, at, end, g}, (end - at) * ((m + kFilters - 1) / kFilters),
            static_cast<double>(std::min(m, kFilters) * (s.k / 8 + 8)));
      }
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const PartOf& p = c.state<State>().parts[static_cast<size_t>(phase)];
    for (int64_t u = begin; u < end; ++u) {
      switch (p.part) {
        case Part::kKernels:
          ReadKernel(c, u);
          break;
        case Part::kPatches:
          Dispatch(ByteTypes(), c.inputs[0].dtype(),
                   [&](auto type) { Patch<typename decltype(type)::T>(c, p, u); });
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
    return CheckType<Types<int32_t>>(c.dtype(in_.bias), "B");
  }

  // Of the input and the output there is one scale, of the kernels one or one for each.
  Status CheckSizes(InferContext& c, const Dim& filters) const {
    const auto one = [&](size_t i) {
      return !c.in(i).ranked || mosaic::Product(c.dims(i)).Is(1);
    };
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

  int32_t ZeroOf(const Call& c, size_t i, int64_t at) const {
    if (!c.Given(i)) return 0;
    return ByteAt(c.inputs[i], c.inputs[i].size() == 1 ? 0 : at);
  }

  void ReadKernel(Call& c, int64_t filter) const {
    const State& s = c.state<State>();
    const int32_t zero = ZeroOf(c, in_.w_zero, filter);
    int16_t* to = ScratchAt<int16_t>(c, s.kernels_at) + filter * s.k;
    for (int64_t i = 0; i < s.k; ++i) {
      to[i] = static_cast<int16_t>(ByteAt(c.inputs[in_.w], filter * s.k + i) - zero);
    }
  }

  // What the kernels of a group meet at one pixel.
  template <typename X>
  void Patch(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t pixel = p.begin + unit, image = pixel / w.outputs();
    const int64_t channels = s.group_channels(), taps = w.taps();
    const int32_t zero = ZeroOf(c, in_.x_zero, 0);
    int64_t at[3], tap[3];
    Window::Unravel(pixel % w.outputs(), w.out, at);
    const X* x = c.inputs[0].data<X>() + (image * s.channels + p.group * channels) * w.inputs();
    int16_t* to = ScratchAt<int16_t>(c, s.patches_at) + unit * s.k;
    for (int64_t t = 0; t < taps; ++t) {
      Window::Unravel(t, w.kernel, tap);
      const int64_t offset = w.Offset(at, tap);
      for (int64_t ch = 0; ch < channels; ++ch) {
        to[ch * taps + t] =
            offset < 0
                ? int16_t{0}
                : static_cast<int16_t>(static_cast<int32_t>(x[ch * w.inputs() + offset]) - zero);
      }
    }
  }

  // Some filters of a group at one pixel.
  void Product(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), chunks = (m + kFilters - 1) / kFilters;
    const int64_t pixel = unit / chunks, first = unit % chunks * kFilters;
    const int64_t n = std::min(kFilters, m - first), filter = p.group * m + first;
    int32_t sums[kFilters];
    IntegerDots(ScratchAt<int16_t>(c, s.patches_at) + pixel * s.k,
                ScratchAt<int16_t>(c, s.kernels_at) + filter * s.k, s.k, n, s.k, sums);
    const int64_t plane = s.window.outputs(), image = (p.begin + pixel) / plane;
    const int64_t at = (image * s.filters + filter) * plane + (p.begin + pixel) % plane;
    for (int64_t j = 0; j < n; ++j) {
      if (in_.scaled) {
        Finish(c, sums[j], filter + j, at + j * plane);
      } else {
        c.outputs[0].mutable_data<int32_t>()[at + j * plane] = sums[j];
      }
    }
  }

  void Finish(Call& c, int32_t sum, int64_t filter, int64_t at) const {
    if (c.Given(in_.bias)) {
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                                 static_cast<uint32_t>(c.inputs[in_.bias].data<int32_t>()[filter]));
    }
    const Tensor& w_scale = c.inputs[in_.w_scale];
    const float multiplier = *c.inputs[in_.x_scale].data<float>() *
                             w_scale.data<float>()[w_scale.size() == 1 ? 0 : filter] /
                             *c.inputs[in_.y_scale].data<float>();
    const int32_t zero = ByteAt(c.inputs[in_.y_zero], 0);
    if (c.outputs[0].dtype() == MOSAIC_UINT8) {
      c.outputs[0].mutable_data<uint8_t>()[at] = Requantize<uint8_t>(sum, multiplier, zero);
    } else {
      c.outputs[0].mutable_data<int8_t>()[at] = Requantize<int8_t>(sum, multiplier, zero);
    }
  }

  const Inputs& in_;
  WindowAttributes a_;
  int64_t groups_;
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

extern const OpDef kConvInteger = {kOnnxDomain, "ConvInteger", 10, 25, &Make<kInteger, 2, 4>};
extern const OpDef kQLinearConv = {kOnnxDomain, "QLinearConv", 10, 25, &Make<kLinear, 8, 9>};

}  // namespace mosaic
