// CausalConvWithState: a convolution of each channel along a sequence that sees no later positions,
// and begins with what an earlier call left: the last k - 1 positions, which it hands on.
//
// Sums are of float32, in the order of the taps, the bias first.
#include <algorithm>
#include <cmath>

#include "core/op/op_support.h"

namespace mosaic {
namespace {

constexpr int64_t kWork = 1 << 18;    // products of a unit, about
constexpr int64_t kPositions = 2048;  // of a unit
constexpr int64_t kMostTaps = 1 << 16;
constexpr int64_t kCopied = 8192;  // elements of the state in a unit

enum Input : size_t { kX, kWeight, kBias, kPast };

using HalfTypes = Types<float, Float16, BFloat16>;

struct State {
  int64_t rows = 0, channels = 0, length = 0, taps = 0;
  int64_t chunk = 1, chunks = 0;  // positions of a unit, units of a row
};

class CausalConv : public Op {
 public:
  explicit CausalConv(bool silu) : silu_(silu) {}

  Status Infer(InferContext& c) const override {
    const int dtype = c.dtype(kX);
    MOSAIC_RETURN_IF_ERROR(CheckType<HalfTypes>(dtype, "an input"));
    for (size_t i = 1; i < c.inputs(); ++i) {
      if (c.Has(i)) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, kX, i));
    }
    if (!c.Ranked()) {
      c.SetUnranked(0, dtype);
      c.SetUnranked(1, dtype);
      return Status();
    }
    const Dims &x = c.dims(kX), &w = c.dims(kWeight);
    const std::string shapes = "shapes " + ShapeString(x) + " and " + ShapeString(w);
    if (x.size() != 3 || w.size() != 3) {
      return Status::BadModel(shapes + " are not [batch, channels, length] and [channels, 1, k]");
    }
    if (Differ(w[1], 1))
      return Status::BadModel(shapes + " do not fit: one kernel for each channel");
    if (w[2].Is(0)) return Status::BadModel("a kernel has no elements");
    MOSAIC_RETURN_IF_ERROR(c.RequireEqual(x[1], w[0], shapes + " do not fit"));
    if (c.Has(kBias)) {
      const Dims& bias = c.dims(kBias);
      if (bias.size() != 1) return Status::BadModel("a bias has shape " + ShapeString(bias));
      MOSAIC_RETURN_IF_ERROR(c.RequireEqual(bias[0], x[1], "the bias does not fit the channels"));
    }
    const Dims state = {x[0], x[1], w[2] - Dim(1)};
    if (c.Has(kPast)) {
      const Dims& past = c.dims(kPast);
      const std::string what =
          "past_state has shape " + ShapeString(past) + ", should have " + ShapeString(state);
      if (past.size() != 3) return Status::BadModel(what);
      for (size_t d = 0; d < 3; ++d)
        MOSAIC_RETURN_IF_ERROR(c.RequireEqual(past[d], state[d], what));
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, x));
    MOSAIC_RETURN_IF_ERROR(c.Set(1, dtype, state));
    StateItems(c);
    return Status();
  }

  Status Start(Call& c) const override {
    const Shape &x = c.inputs[kX].shape(), &w = c.inputs[kWeight].shape();
    State& s = c.NewState<State>();
    s.rows = x[0] * x[1];
    s.channels = x[1];
    s.length = x[2];
    s.taps = w[2];
    if (s.taps > kMostTaps) {
      return Status::Limit("a kernel has " + std::to_string(s.taps) + " elements, at most " +
                           std::to_string(kMostTaps) + " are supported");
    }
    s.chunk = std::clamp<int64_t>(kWork / std::max<int64_t>(s.taps, 1), 1, kPositions);
    s.chunks = (s.length + s.chunk - 1) / s.chunk;
    c.phases.clear();
    const double cost = static_cast<double>(std::min(s.chunk, s.length) * (2 * s.taps + 20));
    if (s.rows * s.length > 0) c.phases.push_back(Phase{s.rows * s.chunks, cost + 16});
    if (c.outputs.size() > 1 && c.outputs[1].defined() && c.outputs[1].size() > 0) {
      c.phases.push_back(Phase{(c.outputs[1].size() + kCopied - 1) / kCopied, 4.0 * kCopied});
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    const bool state = phase == 1 || s.rows * s.length == 0;
    Dispatch(HalfTypes(), c.inputs[kX].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (state) {
        HandOn<T>(c, begin * kCopied, std::min(end * kCopied, c.outputs[1].size()));
      } else {
        for (int64_t u = begin; u < end; ++u) Convolve<T>(c, u);
      }
    });
    return Status();
  }

 private:
  // Items are rows of the batch.
  static void StateItems(InferContext& c) {
    if (!c.itemised()) return;
    const bool apart = c.item_axis(kX) == 0 && (!c.Has(kPast) || c.item_axis(kPast) == 0) &&
                       !c.Itemised(kWeight) && !(c.Has(kBias) && c.Itemised(kBias));
    if (!apart) return c.Mix();
    for (size_t o = 0; o < c.outputs(); ++o) c.out(o).item_axis = 0;
  }

  // Element t of what was before, then of x, of a row.
  template <typename T>
  static T At(const Call& c, const State& s, int64_t row, int64_t t) {
    const int64_t before = s.taps - 1;
    if (t >= before) return c.inputs[kX].data<T>()[row * s.length + t - before];
    return c.Given(kPast) ? c.inputs[kPast].data<T>()[row * before + t] : Store<T>(0);
  }

  template <typename T>
  void Convolve(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const int64_t row = unit / s.chunks, channel = row % s.channels;
    const int64_t first = unit % s.chunks * s.chunk, n = std::min(s.chunk, s.length - first);
    const T* x = c.inputs[kX].data<T>() + row * s.length;
    const T* w = c.inputs[kWeight].data<T>() + channel * s.taps;
    float sums[kPositions];
    std::fill_n(sums, n, c.Given(kBias) ? Load(c.inputs[kBias].data<T>()[channel]) : 0.0F);
    for (int64_t j = 0; j < s.taps; ++j) {
      const float tap = Load(w[j]);
      const int64_t from = first + j - (s.taps - 1);  // of x, for the first position
      const int64_t early = std::clamp<int64_t>(-from, 0, n);
      for (int64_t i = 0; i < early; ++i) sums[i] += tap * Load(At<T>(c, s, row, first + i + j));
      for (int64_t i = early; i < n; ++i) sums[i] += tap * Load(x[from + i]);
    }
    T* y = c.outputs[0].mutable_data<T>() + row * s.length + first;
    for (int64_t i = 0; i < n; ++i) {
      y[i] = Store<T>(silu_ ? sums[i] / (1 + std::exp(-sums[i])) : sums[i]);
    }
  }

  template <typename T>
  static void HandOn(Call& c, int64_t begin, int64_t end) {
    const State& s = c.state<State>();
    const int64_t size = s.taps - 1;
    for (int64_t i = begin; i < end; ++i) {
      c.outputs[1].mutable_data<T>()[i] = At<T>(c, s, i / size, s.length + i % size);
    }
  }

  bool silu_;
};

Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 2, 4, 2));
  const std::string activation = node.String("activation", "none");
  const bool silu = activation == "silu" || activation == "swish";
  if (!silu && activation != "none") {
    return Status::Unsupported("activation " + activation + " is not supported");
  }
  *out = std::make_unique<CausalConv>(silu);
  return Status();
}

}  // namespace

extern const OpDef kCausalConvWithState = {kOnnxDomain, "CausalConvWithState", 27, 27, &Make};

}  // namespace mosaic
