// GridSample: the input at the points of a grid, nearest, linear or cubic, in one to three
// dimensions. A point is -1 to 1 from the first to the last element (with align_corners: their
// middles); what lies outside is 0, the border, or reflected at it.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

enum class Mode { kNearest, kLinear, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

constexpr int kMostDims = 3, kMostTaps = 64;
constexpr int64_t kChannels = 256;  // of a unit

struct State {
  int64_t images = 0, channels = 0, points = 0, plane = 1, dims = 0;
  int64_t size[kMostDims] = {};
  int64_t taps = 1, per_unit = 1, pieces = 1, channel_pieces = 1;
};

// What an output is made of: offsets in a plane, and their weights. Offsets outside are left out.
template <typename V>
struct Taps {
  int64_t offset[kMostTaps];
  V weight[kMostTaps];
  int n = 0;
};

template <typename V>
V Reflected(V v, V low, V high) {
  const V range = high - low;
  if (!(range > 0)) return low;
  const V beyond = v < low ? low - v : v - high;
  if (beyond <= 0) return v;
  const V times = std::floor(beyond / range), rest = beyond - times * range;
  const bool even = std::fmod(times, V(2)) == 0;
  return (v < low) == even ? low + rest : high - rest;
}

template <typename V>
void CubicWeights(V x, V* w) {
  constexpr V a = V(-0.75);
  const auto near = [](V d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](V d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  w[0] = far(x + 1);
  w[1] = near(x);
  w[2] = near(1 - x);
  w[3] = far(2 - x);
}

class GridSampleOp : public Op {
 public:
  Status ReadModes(const Node& node) {
    align_ = node.Int("align_corners", 0) != 0;
    const std::string mode = node.String("mode", "linear");
    const std::string padding = node.String("padding_mode", "zeros");
    if (mode == "nearest") {
      mode_ = Mode::kNearest;
    } else if (mode == "cubic") {
      mode_ = Mode::kCubic;
    } else if (mode != "linear") {
      return Status::BadModel("mode " + Quoted(mode) + " is unknown");
    }
    if (padding == "border") {
      padding_ = Padding::kBorder;
    } else if (padding == "reflection") {
      padding_ = Padding::kReflection;
    } else if (padding != "zeros") {
      return Status::BadModel("padding_mode " + Quoted(padding) + " is unknown");
    }
    return Status();
  }

  Status Infer(InferContext& c) const override {
    for (size_t i : {0, 1}) MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(i), "an input"));
    if (!c.Ranked()) {
      c.SetUnranked(0, c.dtype(0));
      return Status();
    }
    const Dims &x = c.dims(0), &grid = c.dims(1);
    const size_t n = x.size() - 2;
    if (x.size() < 3 || n > kMostDims || grid.size() != x.size() ||
        Differ(grid.back(), static_cast<int64_t>(n))) {
      return Status::BadModel("a grid of shape " + ShapeString(grid) +
                              " does not fit an input of shape " + ShapeString(x) +
                              " (1 to 3 spatial dimensions are supported)");
    }
    MOSAIC_RETURN_IF_ERROR(
        c.RequireEqual(x[0], grid[0], "an input and a grid are not of as many images"));
    Dims out = {x[0], x[1]};
    out.insert(out.end(), grid.begin() + 1, grid.end() - 1);
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), std::move(out)));
    const bool both = c.Itemised(0) && c.Itemised(1);
    if (both && c.item_axis(0) == 0 && c.item_axis(1) == 0) {
      c.out(0).item_axis = 0;
    } else if (c.itemised()) {
      c.Mix();
    }
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &y = c.outputs[0].shape();
    s.images = x[0];
    s.channels = x[1];
    s.points = 1;
    for (size_t d = 2; d < x.size(); ++d) {
      s.size[d - 2] = x[d];
      s.plane *= x[d];
      s.points *= y[d];
      s.taps *= mode_ == Mode::kNearest ? 1 : mode_ == Mode::kLinear ? 2 : 4;
    }
    s.dims = static_cast<int64_t>(x.size()) - 2;
    if (c.outputs[0].size() == 0) return Status();
    if (s.plane == 0) {
      return Status::Invalid("an input of shape " + ShapeString(x) + " has no elements to sample");
    }
    const int64_t channels = std::min(s.channels, kChannels);
    s.per_unit = std::clamp<int64_t>(50000 / (channels * s.taps), 1, s.points);
    s.pieces = (s.points + s.per_unit - 1) / s.per_unit;
    s.channel_pieces = (s.channels + kChannels - 1) / kChannels;
    c.OnePhase(s.images * s.channel_pieces * s.pieces,
               static_cast<double>(s.per_unit * (channels + 10) * s.taps * 8));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using X = typename decltype(type)::T;
      Dispatch(FloatTypes(), c.inputs[1].dtype(), [&](auto of_grid) {
        using G = typename decltype(of_grid)::T;
        for (int64_t u = begin; u < end; ++u) Sample<X, G>(c, u);
      });
    });
    return Status();
  }

 private:
  template <typename X, typename G>
  void Sample(Call& c, int64_t unit) const {
    using V = ComputeType<X>;
    const State& s = c.state<State>();
    const int64_t first = unit % s.pieces * s.per_unit;
    const int64_t last = std::min(first + s.per_unit, s.points);
    const int64_t part = unit / s.pieces % s.channel_pieces;
    const int64_t image = unit / s.pieces / s.channel_pieces;
    const int64_t from = part * kChannels, to = std::min(from + kChannels, s.channels);
    const X* x = c.inputs[0].data<X>() + image * s.channels * s.plane;
    X* y = c.outputs[0].mutable_data<X>() + image * s.channels * s.points;
    Taps<V> taps;
    for (int64_t p = first; p < last; ++p) {
      const G* grid = c.inputs[1].data<G>() + (image * s.points + p) * s.dims;
      V point[kMostDims];
      for (int64_t d = 0; d < s.dims; ++d) {
        point[d] = static_cast<V>(Load(grid[s.dims - 1 - d]));  // x comes first in a grid
      }
      FindTaps(s, point, &taps);
      for (int64_t ch = from; ch < to; ++ch) {
        V sum = 0;
        for (int t = 0; t < taps.n; ++t) {
          sum += taps.weight[t] * static_cast<V>(Load(x[ch * s.plane + taps.offset[t]]));
        }
        y[ch * s.points + p] = Store<X>(sum);
      }
    }
  }

  template <typename V>
  void FindTaps(const State& s, const V* point, Taps<V>* out) const {
    out->n = 1;
    out->offset[0] = 0;
    out->weight[0] = 1;
    for (int64_t d = 0; d < s.dims; ++d) {
      int64_t index[4];
      V weight[4];
      const int n = TapsOf(point[d], s.size[d], index, weight);
      Taps<V> next;
      for (int t = 0; t < out->n; ++t) {
        for (int k = 0; k < n; ++k) {
          if (index[k] < 0) continue;
          next.offset[next.n] = out->offset[t] * s.size[d] + index[k];
          next.weight[next.n++] = out->weight[t] * weight[k];
        }
      }
      *out = next;
    }
  }

  // Along one dimension: indexes (-1: a zero) and weights.
  template <typename V>
  int TapsOf(V point, int64_t size, int64_t* index, V* weight) const {
    const V n = static_cast<V>(size);
    const V low = align_ ? V(0) : V(-0.5), high = align_ ? n - 1 : n - V(0.5);
    V x = align_ ? (point + 1) / 2 * (n - 1) : ((point + 1) * n - 1) / 2;
    if (mode_ == Mode::kNearest) x = std::nearbyint(x);
    if (!std::isfinite(x)) x = -4;
    if (padding_ == Padding::kReflection) x = Reflected(x, low, high);
    x = std::clamp(x, V(-4), n + 4);  // farther outside, all is the same
    // Of four taps each is moved inside on its own (Inside), as in ONNX Runtime and PyTorch.
    if (padding_ == Padding::kBorder && mode_ != Mode::kCubic && (x < low || x > high)) {
      x = std::clamp(x, V(0), n - 1);
    }
    const V floor = std::floor(x);
    int64_t first = static_cast<int64_t>(floor);
    int taps = 1;
    weight[0] = 1;
    if (mode_ == Mode::kLinear) {
      weight[0] = 1 - (x - floor);
      weight[1] = x - floor;
      taps = 2;
    } else if (mode_ == Mode::kCubic) {
      CubicWeights(x - floor, weight);
      --first;
      taps = 4;
    }
    for (int t = 0; t < taps; ++t) index[t] = Inside(first + t, size, low, high);
    return taps;
  }

  template <typename V>
  int64_t Inside(int64_t i, int64_t size, V low, V high) const {
    if (i >= 0 && i < size) return i;
    if (padding_ == Padding::kZeros) return -1;
    if (padding_ == Padding::kReflection) {
      i = static_cast<int64_t>(Reflected(static_cast<V>(i), low, high));
    }
    return std::clamp<int64_t>(i, 0, size - 1);
  }

  Mode mode_ = Mode::kLinear;
  Padding padding_ = Padding::kZeros;
  bool align_ = false;
};

Status MakeGridSample(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 2));
  auto op = std::make_unique<GridSampleOp>();
  MOSAIC_RETURN_IF_ERROR(op->ReadModes(node));
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kGridSample = {kOnnxDomain, "GridSample", 22, 25, &MakeGridSample};

}  // namespace mosaic
