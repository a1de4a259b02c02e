// ArgMax, ArgMin: the index (int64) of the extreme element along an axis; of several equal ones the
// first, or with select_last_index the last. NaN counts as extreme.
// Hardmax: 1 at the first largest element along an axis, 0 elsewhere.
#include "core/op/reduce/vectors.h"

namespace mosaic {
namespace {

struct Choice {
  bool max, last;

  // Whether an element after the one chosen so far is to be chosen instead.
  template <typename V>
  bool Better(V value, V chosen) const {
    const bool nan = value != value, chosen_nan = chosen != chosen;
    if (value == chosen || (nan && chosen_nan)) return last;
    return !chosen_nan && (nan || (max ? value > chosen : value < chosen));
  }
  // Among elements [begin, end) of a vector. REQUIRES: there is one.
  template <typename T>
  int64_t Of(const T* x, int64_t inner, int64_t begin, int64_t end) const {
    int64_t best = begin;
    auto chosen = Load(x[begin * inner]);
    for (int64_t i = begin + 1; i < end; ++i) {
      const auto value = Load(x[i * inner]);
      if (!Better(value, chosen)) continue;
      best = i;
      chosen = value;
    }
    return best;
  }
  // Among the choices of its parts.
  template <typename T>
  int64_t OfParts(const T* x, int64_t inner, const int64_t* parts, int64_t n) const {
    int64_t best = parts[0];
    for (int64_t p = 1; p < n; ++p) {
      if (Better(Load(x[parts[p] * inner]), Load(x[best * inner]))) best = parts[p];
    }
    return best;
  }
};

class ArgExtremumOp : public Op {
 public:
  ArgExtremumOp(bool max, const Node& node)
      : choice_{max, node.Int("select_last_index", 0) != 0},
        keepdims_(node.Int("keepdims", 1) != 0),
        axis_(node.Int("axis", 0)) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an input"));
    if (!c.in(0).ranked) {
      c.SetUnranked(0, MOSAIC_INT64);
      return Status();
    }
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.in(0).rank(), &axis));
    Dims out = c.dims(0);
    if (keepdims_) {
      out[static_cast<size_t>(axis)] = 1;
    } else {
      out.erase(out.begin() + axis);
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, MOSAIC_INT64, std::move(out)));
    const int items = c.item_axis(0);
    c.ItemsAt(0, items == axis ? kMixed : items > axis && !keepdims_ ? items - 1 : items);
    return Status();
  }

  Status Start(Call& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
    const Vectors& v = c.NewState<Vectors>(c.inputs[0].shape(), axis);
    if (c.outputs[0].size() > 0 && v.length == 0) {
      return Status::Invalid("there is no element to choose along an axis of length 0");
    }
    c.OnePhase(v.units(), v.unit_cost(2));
    if (v.parts > 1) {
      c.phases.push_back(Phase{v.count, static_cast<double>(v.parts)});
      c.scratch_bytes = v.units() * 8;
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<Vectors>();
    int64_t* y = c.outputs[0].mutable_data<int64_t>();
    int64_t* parts = static_cast<int64_t*>(c.scratch);
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      const T* x = c.inputs[0].data<T>();
      if (v.parts == 1) {
        for (int64_t k = begin * v.per_unit; k < std::min(end * v.per_unit, v.count); ++k) {
          y[k] = choice_.Of(x + v.Begin(k), v.inner, 0, v.length);
        }
      } else if (phase == 0) {
        for (int64_t u = begin; u < end; ++u) {
          parts[u] = choice_.Of(x + v.Begin(u / v.parts), v.inner, v.PartBegin(u), v.PartEnd(u));
        }
      } else {
        for (int64_t k = begin; k < end; ++k) {
          y[k] = choice_.OfParts(x + v.Begin(k), v.inner, parts + k * v.parts, v.parts);
        }
      }
    });
    return Status();
  }

 private:
  Choice choice_;
  bool keepdims_;
  int64_t axis_;
};

class HardmaxOp : public Op {
 public:
  explicit HardmaxOp(const Node& node) : axis_(node.Int("axis", -1)) {}

  Status Infer(InferContext& c) const override { return InferAlongAxis(c, axis_); }

  // Phase 0 chooses in each part, phase 1 writes.
  Status Start(Call& c) const override {
    int axis = 0;
    MOSAIC_RETURN_IF_ERROR(NormalizeAxis(axis_, c.inputs[0].rank(), &axis));
    const Vectors& v = c.NewState<Vectors>(c.inputs[0].shape(), axis);
    const Phase both{v.units(), v.unit_cost(2)};
    c.phases = {both, both};
    c.scratch_bytes = v.count * v.parts * 8;
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const Vectors& v = c.state<Vectors>();
    Dispatch(FloatTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (v.parts > 1) {
        for (int64_t u = begin; u < end; ++u) {
          OnePart<T>(c, v, phase, u / v.parts, u, v.PartBegin(u), v.PartEnd(u));
        }
      } else {
        for (int64_t k = begin * v.per_unit; k < std::min(end * v.per_unit, v.count); ++k) {
          OnePart<T>(c, v, phase, k, k, 0, v.length);
        }
      }
    });
    return Status();
  }

 private:
  template <typename T>
  static void OnePart(Call& c, const Vectors& v, int phase, int64_t k, int64_t part, int64_t begin,
                      int64_t end) {
    constexpr Choice kFirstLargest{true, false};
    int64_t* parts = static_cast<int64_t*>(c.scratch);
    const T* x = c.inputs[0].data<T>() + v.Begin(k);
    T* y = c.outputs[0].mutable_data<T>() + v.Begin(k);
    if (phase == 0) {
      parts[part] = kFirstLargest.Of(x, v.inner, begin, end);
      return;
    }
    const int64_t best = kFirstLargest.OfParts(x, v.inner, parts + k * v.parts, v.parts);
    for (int64_t i = begin; i < end; ++i) y[i * v.inner] = Store<T>(i == best ? 1 : 0);
  }

  int64_t axis_;
};

template <bool kMax>
Status MakeArgExtremum(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 1));
  *out = std::make_unique<ArgExtremumOp>(kMax, node);
  return Status();
}

}  // namespace

extern const OpDef kArgMax = {kOnnxDomain, "ArgMax", 13, 25, &MakeArgExtremum<true>};
extern const OpDef kArgMin = {kOnnxDomain, "ArgMin", 13, 25, &MakeArgExtremum<false>};
extern const OpDef kHardmax = {kOnnxDomain, "Hardmax", 13, 25, &MakeOf<HardmaxOp, 1, 1>};

}  // namespace mosaic
