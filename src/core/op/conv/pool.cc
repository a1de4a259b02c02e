// MaxPool (with the indices of the largest), AveragePool, LpPool, and GlobalMaxPool, GlobalLpPool:
// one number for each window of each plane. A unit is some outputs of one plane; of MaxPool in
// float32 and two dimensions some rows, each the largest of the rows that its taps are. Of a window
// that is as long as a plane may be, a unit is some of its taps; it goes on where the unit before
// it ended.
#include <cmath>
#include <cstring>
#include <limits>

#include "core/op/conv/window_rows.h"
#include "core/op/scratch.h"

namespace mosaic {
namespace {

// Of what is met, and of taps, row by row.
constexpr int64_t kMetFloats = 32 << 10, kMostTaps = 256;

enum class PoolKind { kMax, kAverage, kLp };

using MaxTypes = Types<float, double, Float16, BFloat16, int8_t, uint8_t>;

constexpr int64_t kUnitTaps = 100000;

// What was met of a window so far.
template <typename V>
struct Met {
  double sum = 0;
  int64_t n = 0, where = 0;
  bool any = false;
  V most = V();
};

struct State {
  Window window;
  int64_t planes = 0, per_unit = 1, pieces = 1;
  int64_t window_pieces = 1;  // units of an output
  bool rows = false;          // row by row
  WindowRows met;             // what a unit reads of the input
  int64_t largest_at = 0;
};

class Pool : public Op {
 public:
  Pool(PoolKind kind, bool global, const Node& node)
      : kind_(kind),
        global_(global),
        a_(node),
        indices_(HasOutput(node, 1)),
        column_major_(node.Int("storage_order", 0) != 0),
        count_pads_(node.Int("count_include_pad", 0) != 0),
        p_(node.Int("p", 2)) {}

  Status Check() const {
    if (!global_ && a_.kernel.empty()) return Status::BadModel("attribute kernel_shape is missing");
    if (kind_ == PoolKind::kLp && p_ < 1) return Status::BadModel("attribute p is below 1");
    return a_.Check();
  }

  Status Infer(InferContext& c) const override {
    if (kind_ == PoolKind::kMax && !global_) {
      MOSAIC_RETURN_IF_ERROR(CheckType<MaxTypes>(c.dtype(0), "an input"));
    } else {
      MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(0), "an input"));
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, c.dtype(0));
      if (indices_) c.SetUnranked(1, MOSAIC_INT64);
      return Status();
    }
    const Dims& x = c.dims(0);
    Dims out;
    if (global_) {
      if (x.size() < 3) return Status::BadModel("an input has shape " + ShapeString(x));
      out.assign(x.size() - 2, Dim(1));
    } else {
      MOSAIC_RETURN_IF_ERROR(InferWindow(c, a_, Dims(a_.kernel.begin(), a_.kernel.end()), &out));
    }
    out.insert(out.begin(), {x[0], x[1]});
    MOSAIC_RETURN_IF_ERROR(c.Set(0, c.dtype(0), out));
    if (indices_) MOSAIC_RETURN_IF_ERROR(c.Set(1, MOSAIC_INT64, out));
    // Indices count elements of all images.
    c.ItemsOf(0, (c.item_axis(0) == 0 || c.item_axis(0) == 1) && !indices_);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    const Shape &x = c.inputs[0].shape(), &y = c.outputs[0].shape();
    if (global_) {
      s.window.in[2] = s.window.kernel[2] = 1;
      for (size_t d = 2; d < x.size(); ++d) s.window.in[2] *= x[d];
      s.window.kernel[2] = s.window.in[2];
      if (s.window.in[2] == 0 && c.outputs[0].size() > 0) {
        return Status::Invalid("a window of no elements has no value; the input has shape " +
                               ShapeString(x));
      }
    } else {
      MOSAIC_RETURN_IF_ERROR(MakeWindow(a_, x, Shape(a_.kernel), y, &s.window));
    }
    s.planes = x[0] * x[1];
    if (StartRows(c, &s)) return Status();
    const int64_t outputs = s.window.outputs(), taps = std::max<int64_t>(1, s.window.taps());
    s.per_unit = std::clamp<int64_t>(kUnitTaps / taps, 1, std::max<int64_t>(outputs, 1));
    s.pieces = (outputs + s.per_unit - 1) / s.per_unit;
    s.window_pieces = (taps + kUnitTaps - 1) / kUnitTaps;
    if (s.window_pieces > 1) ReserveScratch(&c, sizeof(Met<double>));
    c.OnePhase(s.planes * s.pieces * s.window_pieces,
               static_cast<double>(s.per_unit) *
                   (TapCost() * static_cast<double>(std::min(taps, kUnitTaps)) + 40));
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    if (c.state<State>().rows) {
      for (int64_t u = begin; u < end; ++u) Rows(c, u);
      return Status();
    }
    Dispatch(MaxTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const bool whole = c.state<State>().window_pieces == 1;
      for (int64_t u = begin; u < end; ++u) whole ? Some<T>(c, u) : Piece<T>(c, u);
    });
    return Status();
  }

 private:
  // Of an element of a window; powers other than the first two are libm's.
  double TapCost() const { return kind_ == PoolKind::kLp && p_ > 2 ? 60 : 4; }

  // Whether it is computed row by row.
  bool StartRows(Call& c, State* s) const {
    const Window& w = s->window;
    if (kind_ != PoolKind::kMax || global_ || indices_ || c.inputs[0].dtype() != MOSAIC_FLOAT ||
        w.kernel[0] * w.in[0] * w.out[0] != 1 || w.pad[0] != 0 || w.outputs() == 0 ||
        w.inputs() == 0 || w.taps() < 1 || w.taps() > kMostTaps) {
      return false;
    }
    const double one = WindowRows(w, 1, 1).floats(w);
    if (one > kMetFloats) return false;
    const double more = std::max(1.0, WindowRows(w, 1, 2).floats(w) - one);
    const double rows = std::min(1 + (kMetFloats - one) / more, static_cast<double>(w.out[1]));
    s->rows = true;
    s->met = WindowRows(w, 1, static_cast<int64_t>(rows));
    s->pieces = (w.out[1] + s->met.rows - 1) / s->met.rows;
    ReserveScratch(&c, static_cast<int64_t>(s->met.floats(w)) * 4);
    s->largest_at = ReserveScratch(&c, s->met.rows * s->met.length * 4);
    const double outputs = static_cast<double>(s->met.rows * w.out[2]);
    c.OnePhase(s->planes * s->pieces,
               outputs * static_cast<double>(w.taps()) / 4 + s->met.floats(w));
    return true;
  }

  void Rows(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t plane = unit / s.pieces, first = unit % s.pieces * s.met.rows;
    const int64_t last = std::min(first + s.met.rows, w.out[1]);
    float *met = ScratchAt<float>(c, 0), *largest = ScratchAt<float>(c, s.largest_at);
    s.met.Read(w, c.inputs[0].data<float>() + plane * w.inputs(), 0, first, met,
               -std::numeric_limits<float>::infinity());
    const float* taps[kMostTaps];
    int64_t n = 0;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      for (int64_t k = 0; k < w.kernel[2]; ++k) {
        taps[n++] = met + s.met.Row(w, 0, 0, b * w.dilation[1]) + s.met.Column(w, k);
      }
    }
    for (int64_t row = 0; row < last - first; row += s.met.AtOnce(w)) {
      const int64_t count = std::min(s.met.AtOnce(w), last - first - row);
      LargestOfRows(taps, n, (count - 1) * s.met.length + w.out[2], largest + row * s.met.length);
      for (int64_t i = 0; i < n; ++i) taps[i] += count * s.met.length;
    }
    float* y = c.outputs[0].mutable_data<float>() + plane * w.outputs() + first * w.out[2];
    for (int64_t row = 0; row < last - first; ++row) {
      std::memcpy(y + row * w.out[2], largest + row * s.met.length,
                  static_cast<size_t>(w.out[2]) * sizeof(float));
    }
  }

  template <typename T>
  void Some(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t plane = unit / s.pieces, first = unit % s.pieces * s.per_unit;
    const int64_t last = std::min(first + s.per_unit, w.outputs());
    const T* x = c.inputs[0].data<T>() + plane * w.inputs();
    T* y = c.outputs[0].mutable_data<T>() + plane * w.outputs();
    int64_t* index =
        indices_ ? c.outputs[1].mutable_data<int64_t>() + plane * w.outputs() : nullptr;
    for (int64_t o = first; o < last; ++o) {
      int64_t at[3], lo[3], hi[3];
      Window::Unravel(o, w.out, at);
      for (int d = 0; d < 3; ++d) Taps(w, d, at[d], &lo[d], &hi[d]);
      Met<ComputeType<T>> met;
      Meet(w, x, at, lo, hi, &met);
      Finish(w, plane, at, met, y + o, index == nullptr ? nullptr : index + o);
    }
  }

  // Some taps of one window.
  template <typename T>
  void Piece(Call& c, int64_t unit) const {
    const State& s = c.state<State>();
    const Window& w = s.window;
    const int64_t piece = unit % s.window_pieces, at_output = unit / s.window_pieces;
    const int64_t plane = at_output / w.outputs(), o = at_output % w.outputs();
    auto* met = ScratchAt<Met<ComputeType<T>>>(c, 0);
    if (piece == 0) *met = Met<ComputeType<T>>();
    int64_t at[3], lo[3], hi[3], part_lo[3], part_hi[3];
    Window::Unravel(o, w.out, at);
    for (int d = 0; d < 3; ++d) Taps(w, d, at[d], &lo[d], &hi[d]);
    for (int d = 0; d < 3; ++d) hi[d] = std::max(hi[d], lo[d]);  // all of it in the padding
    const int64_t rows = hi[1] - lo[1], n = hi[2] - lo[2];
    const int64_t end = std::min((piece + 1) * kUnitTaps, (hi[0] - lo[0]) * rows * n);
    // Row by row: taps in the order of a window that is met at once.
    for (int64_t t = piece * kUnitTaps; t < end;) {
      const int64_t from = t % n, to = std::min(n, from + end - t), row = t / n % rows,
                    slab = t / n / rows;
      part_lo[0] = lo[0] + slab, part_lo[1] = lo[1] + row, part_lo[2] = lo[2] + from;
      part_hi[0] = part_lo[0] + 1, part_hi[1] = part_lo[1] + 1, part_hi[2] = lo[2] + to;
      Meet(w, c.inputs[0].data<T>() + plane * w.inputs(), at, part_lo, part_hi, met);
      t += to - from;
    }
    if (piece + 1 < s.window_pieces) return;
    int64_t* index = indices_ ? c.outputs[1].mutable_data<int64_t>() + at_output : nullptr;
    Finish(w, plane, at, *met, c.outputs[0].mutable_data<T>() + at_output, index);
  }

  // The taps of a window that are inside the input.
  static void Taps(const Window& w, int d, int64_t at, int64_t* lo, int64_t* hi) {
    const int64_t start = at * w.stride[d] - w.pad[d], step = w.dilation[d];
    *lo = start >= 0 ? 0 : (-start + step - 1) / step;
    *hi = start >= w.in[d] ? 0 : std::min(w.kernel[d], (w.in[d] - start + step - 1) / step);
  }

  template <typename T, typename F>
  static void ForEach(const Window& w, const T* x, const int64_t* at, const int64_t* lo,
                      const int64_t* hi, F&& f) {
    for (int64_t a = lo[0]; a < hi[0]; ++a) {
      const int64_t i = at[0] * w.stride[0] - w.pad[0] + a * w.dilation[0];
      for (int64_t b = lo[1]; b < hi[1]; ++b) {
        const int64_t j = at[1] * w.stride[1] - w.pad[1] + b * w.dilation[1];
        for (int64_t k = lo[2]; k < hi[2]; ++k) {
          const int64_t l = at[2] * w.stride[2] - w.pad[2] + k * w.dilation[2];
          const int64_t offset = (i * w.in[1] + j) * w.in[2] + l;
          f(Load(x[offset]), i, j, l);
        }
      }
    }
  }

  template <typename T, typename V>
  void Meet(const Window& w, const T* x, const int64_t* at, const int64_t* lo, const int64_t* hi,
            Met<V>* met) const {
    if (kind_ == PoolKind::kMax) return Largest(w, x, at, lo, hi, met);
    if constexpr (!std::is_integral_v<V>) AddUp(w, x, at, lo, hi, met);
  }

  template <typename T, typename V>
  void Largest(const Window& w, const T* x, const int64_t* at, const int64_t* lo, const int64_t* hi,
               Met<V>* met) const {
    bool any = met->any;
    V most = met->most;
    int64_t where = met->where;
    ForEach(w, x, at, lo, hi, [&](V v, int64_t i, int64_t j, int64_t l) {
      if (any && !(v > most) && !(v != v && most == most)) return;
      any = true;
      most = v;
      where = column_major_ ? (l * w.in[1] + j) * w.in[0] + i : (i * w.in[1] + j) * w.in[2] + l;
    });
    met->any = any;
    met->most = most;
    met->where = where;
  }

  template <typename T, typename V>
  void AddUp(const Window& w, const T* x, const int64_t* at, const int64_t* lo, const int64_t* hi,
             Met<V>* met) const {
    double sum = met->sum;
    int64_t n = met->n;
    ForEach(w, x, at, lo, hi, [&](auto v, int64_t, int64_t, int64_t) {
      const double d = static_cast<double>(v);
      ++n;
      if (kind_ == PoolKind::kAverage) {
        sum += d;
      } else {
        sum += p_ == 1   ? std::fabs(d)
               : p_ == 2 ? d * d
                         : std::pow(std::fabs(d), static_cast<double>(p_));
      }
    });
    met->sum = sum;
    met->n = n;
  }

  template <typename T, typename V>
  void Finish(const Window& w, int64_t plane, const int64_t* at, const Met<V>& met, T* y,
              int64_t* index) const {
    if (index != nullptr) *index = plane * w.inputs() + met.where;
    if (kind_ == PoolKind::kMax) {
      V least = std::numeric_limits<V>::lowest();
      if constexpr (std::is_floating_point_v<V>) least = -std::numeric_limits<V>::infinity();
      *y = Store<T>(met.any ? met.most : least);
      return;
    }
    double sum = met.sum;
    if (kind_ == PoolKind::kAverage) {
      const int64_t n = count_pads_ ? Counted(w, at) : met.n;
      sum = n == 0 ? 0 : sum / static_cast<double>(n);
    } else {
      sum = p_ == 1 ? sum : p_ == 2 ? std::sqrt(sum) : std::pow(sum, 1.0 / static_cast<double>(p_));
    }
    *y = Store<T>(static_cast<V>(sum));
  }

  // Taps of a window that are in the input or its declared padding.
  static int64_t Counted(const Window& w, const int64_t* at) {
    int64_t n = 1;
    for (int d = 0; d < 3; ++d) {
      const int64_t start = at[d] * w.stride[d] - w.pad[d], step = w.dilation[d];
      const int64_t room = w.in[d] + w.pad_end[d] - start;
      n *= std::clamp<int64_t>((room + step - 1) / step, 0, w.kernel[d]);
    }
    return n;
  }

  PoolKind kind_;
  bool global_;
  WindowAttributes a_;
  bool indices_, column_major_, count_pads_;
  int64_t p_;
};

template <PoolKind kKind, bool kGlobal, int kOutputs>
Status Make(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1, kOutputs));
  auto op = std::make_unique<Pool>(kKind, kGlobal, node);
  MOSAIC_RETURN_IF_ERROR(op->Check());
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kAveragePool = {kOnnxDomain, "AveragePool", 22, 25,
                                   &Make<PoolKind::kAverage, false, 1>};
extern const OpDef kGlobalLpPool = {kOnnxDomain, "GlobalLpPool", 22, 25,
                                    &Make<PoolKind::kLp, true, 1>};
extern const OpDef kGlobalMaxPool = {kOnnxDomain, "GlobalMaxPool", 22, 25,
                                     &Make<PoolKind::kMax, true, 1>};
extern const OpDef kLpPool = {kOnnxDomain, "LpPool", 22, 25, &Make<PoolKind::kLp, false, 1>};
extern const OpDef kMaxPool = {kOnnxDomain, "MaxPool", 22, 25, &Make<PoolKind::kMax, false, 2>};

}  // namespace mosaic
