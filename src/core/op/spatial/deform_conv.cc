// DeformConv: a convolution of two dimensions whose taps are moved by offsets that are inputs, and
// weighted by a mask. What the kernels meet at a pixel is sampled (bilinear, 0 outside) and
// multiplied by the kernels, as in Conv.
#include <algorithm>
#include <cmath>

#include "core/op/conv/window.h"
#include "core/op/product/strip_product.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

constexpr int64_t kPatchBytes = int64_t{2} << 20;

enum class Part { kKernels, kPatches, kProduct, kOutput };

struct PartOf {
  Part part;
  int64_t begin = 0, end = 0;  // pixels
  int64_t group = 0;
};

struct State {
  Window window;
  int64_t images = 0, channels = 0, filters = 0, groups = 1;
  int64_t k = 0, piece = 0;
  Blocking blocking;
  int64_t kernels_at = 0, patches_at = 0, sums_at = 0, pack_at = 0;
  std::vector<PartOf> parts;  // per phase

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t pixels() const { return images * window.outputs(); }
};

class DeformConvOp : public Op {
 public:
  explicit DeformConvOp(const Node& node)
      : a_(node), groups_(node.Int("group", 1)), offset_groups_(node.Int("offset_group", 1)) {}

  Status Check() const {
    MOSAIC_RETURN_IF_ERROR(CheckGroups(groups_));
    if (groups_ < 1 || offset_groups_ < 1) {
      return Status::BadModel("attribute group or offset_group is below 1");
    }
    return a_.Check();
  }

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    for (size_t i = 1; i < 5; ++i) {
      if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
    }
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &x = c.dims(0), &w = c.dims(1);
    if (x.size() != 4 || w.size() != 4) {
      return Status::Unsupported("an input of shape " + ShapeString(x) + " and kernels of shape " +
                                 ShapeString(w) + " are not supported, only of 2 dimensions");
    }
    Dims out;
    const Dims kernel(w.begin() + 2, w.end());
    MOSAIC_RETURN_IF_ERROR(InferWindow(c, a_, kernel, &out));
    for (size_t d = 0; d < kernel.size(); ++d) {
      if (d < a_.kernel.size() && Differ(kernel[d], a_.kernel[d])) {
        return Status::BadModel("kernel_shape does not fit kernels of shape " + ShapeString(w));
      }
    }
    MOSAIC_RETURN_IF_ERROR(CheckChannels(c, x, w));
    out.insert(out.begin(), {x[0], w[0]});
    const Dim taps = Product(kernel) * Dim(offset_groups_);
    MOSAIC_RETURN_IF_ERROR(CheckMoves(c, 2, "offset", {x[0], taps * 2, out[2], out[3]}));
    if (c.Has(4)) {
      MOSAIC_RETURN_IF_ERROR(CheckMoves(c, 4, "mask", {x[0], taps, out[2], out[3]}));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    StateItems(c);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &w = c.inputs[1].shape();
    MOSAIC_RETURN_IF_ERROR(
        MakeWindow(a_, x, Shape(w.begin() + 2, w.end()), c.outputs[0].shape(), &s.window));
    s.images = x[0];
    s.channels = x[1];
    s.filters = w[0];
    s.groups = groups_;
    s.k = s.group_channels() * s.window.taps();
    if (c.outputs[0].size() == 0) return Status();
    const int64_t m = s.group_filters();
    s.blocking = StripProduct::DenseBlocking(s.k, m);
    s.kernels_at = ReserveScratch(&c, s.filters * s.k * 4);
    s.pack_at = ReserveScratch(&c, StripProduct::kPackBlocks * s.blocking.payload_bytes());
    s.piece =
        std::min(std::max<int64_t>(kPatchBytes / std::max<int64_t>(4 * s.k, 1), 64), s.pixels());
    s.patches_at = ReserveScratch(&c, s.piece * s.k * 4);
    s.sums_at = ReserveScratch(&c, s.piece * m * 4);
    Add(c, {Part::kKernels}, s.filters, static_cast<double>(2 * s.k));
    for (int64_t at = 0; at < s.pixels(); at += s.piece) {
      const int64_t end = std::min(at + s.piece, s.pixels());
      for (int64_t g = 0; g < s.groups; ++g) {
        Add(c, {Part::kPatches, at, end, g}, end - at, static_cast<double>(20 * s.k));
        const StripProduct product(end - at, s.blocking, c.working_set);
        Add(c, {Part::kProduct, at, end, g}, product.units(), product.dense_unit_cost(1),
            product.grain());
        Add(c, {Part::kOutput, at, end, g}, (end - at + 63) / 64, static_cast<double>(64 * m));
      }
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    if (p.part == Part::kProduct) {
      RunProduct(c, p, begin, end);
      return Status();
    }
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      for (int64_t u = begin; u < end; ++u) {
        if (p.part == Part::kKernels) {
          ReadKernel<T>(c, u);
        } else if (p.part == Part::kPatches) {
          Patch<T>(c, p, u);
        } else {
          Output<T>(c, p, u);
        }
      }
    });
    return Status();
  }

 private:
  Status CheckChannels(InferContext& c, const Dims& x, const Dims& w) const {
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[1], w[1] * Dim(groups_),
                                          "the channels of shapes " + ShapeString(x) + " and " +
                                              ShapeString(w) + " do not fit (group " +
                                              std::to_string(groups_) + ")"));
    if ((w[0].is_number() && w[0].number() % groups_ != 0) ||
        (x[1].is_number() && x[1].number() % offset_groups_ != 0)) {
      return Status::BadModel("the channels of shapes " + ShapeString(x) + " and " +
                              ShapeString(w) + " do not fit group and offset_group");
    }
    if (!c.Has(3)) return Status();
    if (c.in(3).rank() != 1) return Status::BadModel("B has shape " + ShapeString(c.dims(3)));
    return c.RequireEqual(c.dims(3)[0], w[0], "B and the kernels do not fit");
  }

  static Status CheckMoves(InferContext& c, size_t i, const char* what, const Dims& expected) {
    const Dims& got = c.dims(i);
    const std::string text = std::string(what) + " of shape " + ShapeString(got) +
                             " is not of shape " + ShapeString(expected);
    if (got.size() != expected.size()) return Status::BadModel(text);
    for (size_t d = 0; d < got.size(); ++d) {
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(got[d], expected[d], text));
    }
    return Status();
  }

  // Images stay apart where input, offsets and mask are all those of the items.
  static void StateItems(InferContext& c) {
    if (!c.itemised()) return;
    bool apart = !c.Itemised(1) && !c.Itemised(3);
    for (size_t i : {0, 2, 4}) apart = apart && (!c.Has(i) || c.item_axis(i) == 0);
    if (!apart) return c.Mix();
    c.out(0).item_axis = 0;
  }

  static void Add(Call& c, const PartOf& part, int64_t units, double cost, int64_t grain = 1) {
    c.phases.push_back(Phase{units, cost, grain});
    c.state<State>().parts.push_back(part);
  }

  template <typename T>
  static void ReadKernel(Call& c, int64_t filter) {
    const State& s = c.state<State>();
    const T* w = c.inputs[1].data<T>() + filter * s.k;
    float* to = ScratchAt<float>(c, s.kernels_at) + filter * s.k;
    for (int64_t i = 0; i < s.k; ++i) to[i] = static_cast<float>(Load(w[i]));
  }

  // What the kernels of a group meet at one pixel.
  template <typename T>
  void Patch(Call& c, const PartOf& p, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t pixel = p.begin + unit, image = pixel / w.outputs(), at = pixel % w.outputs();
    const int64_t taps = w.taps(), channels = s.group_channels();
    const int64_t each = s.channels / offset_groups_;  // channels of an offset group
    const T* offsets = c.inputs[2].data<T>() + image * offset_groups_ * taps * 2 * w.outputs() + at;
    const T* masks = !c.Given(4)
                         ? nullptr
                         : c.inputs[4].data<T>() + image * offset_groups_ * taps * w.outputs() + at;
    float* to = ScratchAt<float>(c, s.patches_at) + unit * s.k;
    for (int64_t ch = 0; ch < channels; ++ch) {
      const int64_t channel = p.group * channels + ch, moved = channel / each;
      const T* plane = c.inputs[0].data<T>() + (image * s.channels + channel) * w.inputs();
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t move = moved * taps + t;
        const float row = static_cast<float>(at / w.out[2] * w.stride[1] - w.pad[1] +
                                             t / w.kernel[2] * w.dilation[1]) +
                          static_cast<float>(Load(offsets[2 * move * w.outputs()]));
        const float col = static_cast<float>(at % w.out[2] * w.stride[2] - w.pad[2] +
                                             t % w.kernel[2] * w.dilation[2]) +
                          static_cast<float>(Load(offsets[(2 * move + 1) * w.outputs()]));
        float v = Sampled(w, plane, row, col);
        if (masks != nullptr) v *= static_cast<float>(Load(masks[move * w.outputs()]));
        to[ch * taps + t] = v;
      }
    }
  }

  template <typename T>
  static float Sampled(const Window& w, const T* plane, float row, float col) {
    if (!(row > -1 && col > -1 && row < static_cast<float>(w.in[1]) &&
          col < static_cast<float>(w.in[2]))) {
      return 0;
    }
    const float top = std::floor(row), left = std::floor(col);
    const float down = row - top, right = col - left;
    const int64_t i = static_cast<int64_t>(top), j = static_cast<int64_t>(left);
    const auto value = [&](int64_t y, int64_t x) {
      if (y < 0 || x < 0 || y >= w.in[1] || x >= w.in[2]) return 0.0F;
      return static_cast<float>(Load(plane[y * w.in[2] + x]));
    };
    return (1 - down) * (1 - right) * value(i, j) + (1 - down) * right * value(i, j + 1) +
           down * (1 - right) * value(i + 1, j) + down * right * value(i + 1, j + 1);
  }

  static void RunProduct(Call& c, const PartOf& p, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters();
    const StripProduct::Operands x{ScratchAt<float>(c, s.patches_at),
                                   s.k,
                                   ScratchAt<float>(c, s.sums_at),
                                   m,
                                   nullptr,
                                   Activation::kNone};
    StripProduct(p.end - p.begin, s.blocking, c.working_set)
        .RunDense(x, begin, end, ScratchAt<float>(c, s.kernels_at) + p.group * m * s.k, 1, s.k,
                  ScratchAt<char>(c, s.pack_at), nullptr);
  }

  // 64 pixels of the sums, as planes of the output.
  template <typename T>
  static void Output(Call& c, const PartOf& p, int64_t unit) {
    const State& s = c.state<State>();
    const int64_t m = s.group_filters(), plane = s.window.outputs();
    const int64_t begin = p.begin + unit * 64, end = std::min(begin + 64, p.end);
    const float* sums = ScratchAt<float>(c, s.sums_at);
    T* y = c.outputs[0].mutable_data<T>();
    for (int64_t j = 0; j < m; ++j) {
      const int64_t filter = p.group * m + j;
      const float bias = c.Given(3) ? static_cast<float>(Load(c.inputs[3].data<T>()[filter])) : 0;
      for (int64_t i = begin; i < end; ++i) {
        y[(i / plane * s.filters + filter) * plane + i % plane] =
            Store<T>(static_cast<ComputeType<T>>(sums[(i - p.begin) * m + j] + bias));
      }
    }
  }

  WindowAttributes a_;
  int64_t groups_, offset_groups_;
};

Status MakeDeformConv(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 3, 5));
  auto op = std::make_unique<DeformConvOp>(node);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kDeformConv = {kOnnxDomain, "DeformConv", 22, 25, &MakeDeformConv};

}  // namespace mosaic
