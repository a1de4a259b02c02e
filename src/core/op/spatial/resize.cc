// Resize: nearest, linear and cubic, of any number of dimensions. Axes that keep their size are
// left alone. "nearest" moves elements of any type; the others are separable, and are done axis by
// axis: each output row is the sum of weighted input rows, in the order of the taps.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/op/array/array_support.h"
#include "core/op/scratch.h"
#include "core/op/spatial/resize_axis.h"
#include "core/op/spatial/resize_sums.h"
#include "core/util/quote.h"

namespace mosaic {
namespace {

constexpr int64_t kChunk = 8192;  // elements of a unit

enum class Policy { kStretch, kNotLarger, kNotSmaller };
enum class Part { kTable, kConvert, kAxis, kStore, kNearest };

using MovedTypes = Types<float, double, Float16, BFloat16, int8_t, int16_t, int32_t, int64_t,
                         uint8_t, uint16_t, uint32_t, uint64_t>;

// An axis that changes, with its table of taps, and the array as it is before the axis is done.
struct Stage {
  ResizeAxis axis;
  int64_t taps = 1, index_at = 0, weight_at = 0;  // the table, in the scratch memory
  int64_t outer = 1, inner = 1;
  int64_t from_at = -1, to_at = -1;  // scratch memory; -1: the input, the output
  int64_t rows = 1, chunk = 1;       // of a unit: of the table, elements
  bool last = false;                 // the axis is the last one, whatever lies behind others

  int64_t elements() const { return outer * axis.out * inner; }
};

struct PartOf {
  Part part;
  size_t stage = 0;
};

struct State {
  std::vector<Stage> stages;
  std::vector<PartOf> parts;  // per phase
  int64_t converted_at = -1, sums_at = -1;
  bool wide = false;  // computed in float64
};

// A result as an element, integers within their range: cut off as a conversion does, or rounded to
// nearest even where it is of filters that are wider than two elements, as ONNX Runtime.
template <typename T, typename V>
T Result(V v, bool rounded) {
  using C = ComputeType<T>;
  if (std::is_integral_v<C> && rounded) v = std::nearbyint(v);
  return Store<T>(ConvertTo<C>(v));
}

// The floats of an input that decides shapes; false where they are not known.
bool KnownFloats(const Fact& f, std::vector<float>* out) {
  if (f.value.defined() && f.value.size() == 0) return true;
  if (!f.value.defined() || f.value.raw() == nullptr) return false;
  Dispatch(FloatTypes(), f.value.dtype(), [&](auto type) {
    using T = typename decltype(type)::T;
    const T* from = f.value.data<T>();
    for (int64_t k = 0; k < f.value.size(); ++k) out->push_back(static_cast<float>(Load(from[k])));
  });
  return true;
}

class ResizeOp : public Op {
 public:
  explicit ResizeOp(const Node& node)
      : axes_(node.Ints("axes")),
        has_axes_(HasAttribute(node, "axes")),
        scales_(HasInput(node, 2)),
        sizes_(HasInput(node, 3)) {
    config_.antialias = node.Int("antialias", 0) != 0;
    config_.exclude_outside = node.Int("exclude_outside", 0) != 0;
    config_.cubic_a = node.Float("cubic_coeff_a", -0.75F);
    config_.extrapolation = node.Float("extrapolation_value", 0);
  }

  Status ReadModes(const Node& node) {
    MOSAIC_RETURN_IF_ERROR(ParseResizeMode(node.String("mode", "nearest"), &config_.mode));
    MOSAIC_RETURN_IF_ERROR(
        ParseNearestMode(node.String("nearest_mode", "round_prefer_floor"), &config_.nearest));
    config_.ceil_where_smaller = node.Int("ceil_where_smaller", 0) != 0;
    MOSAIC_RETURN_IF_ERROR(ParseTransformation(
        node.String("coordinate_transformation_mode", "half_pixel"), &config_.transformation));
    const std::string policy = node.String("keep_aspect_ratio_policy", "stretch");
    if (policy == "not_larger") {
      policy_ = Policy::kNotLarger;
    } else if (policy == "not_smaller") {
      policy_ = Policy::kNotSmaller;
    } else if (policy != "stretch") {
      return Status::BadModel("keep_aspect_ratio_policy " + Quoted(policy) + " is unknown");
    }
    if (config_.antialias && config_.mode == ResizeMode::kNearest) {
      return Status::BadModel("mode nearest has no antialias");
    }
    if (!scales_ && !sizes_) return Status::BadModel("neither scales nor sizes are given");
    return Status();
  }

  bool shape_input(int i) const override { return i >= 1; }

  Status Infer(InferContext& c) const override {
    const int dtype = c.dtype(0);
    if (config_.mode != ResizeMode::kNearest || Crops()) {
      MOSAIC_RETURN_IF_ERROR(CheckType<MovedTypes>(dtype, "an input"));
    }
    for (size_t i : {1, 2}) {
      if (c.Has(i))
        MOSAIC_RETURN_IF_ERROR(CheckType<FloatTypes>(c.dtype(i), i == 1 ? "roi" : "scales"));
    }
    if (!c.in(0).ranked) {
      c.SetUnranked(0, dtype);
      return Status();
    }
    std::vector<int64_t> axes;
    MOSAIC_RETURN_IF_ERROR(Axes(c.in(0).rank(), &axes));
    std::vector<float> scales, roi;
    const bool known_scales = c.Has(2) && KnownFloats(c.in(2), &scales);
    const bool known_roi = c.Has(1) && KnownFloats(c.in(1), &roi);
    Dims sizes;
    bool known_sizes = false;
    if (c.Has(3)) MOSAIC_RETURN_IF_ERROR(TargetShape(c, 3, "sizes", &sizes, &known_sizes));
    Dims out = c.dims(0);
    std::vector<bool> changed(axes.size(), true);
    if (c.Has(3) && !known_sizes && LengthOf(c.in(3)) != 0) {
      for (int64_t a : axes) out[static_cast<size_t>(a)] = c.NewDim();
    } else if (!sizes.empty() || (known_sizes && !c.Has(2))) {
      MOSAIC_RETURN_IF_ERROR(CheckLength("sizes", sizes.size(), axes.size()));
      if (!scales.empty()) return Status::BadModel("both scales and sizes are given");
      for (const Dim& d : sizes) {
        if (d.is_number() && d.number() < 0)
          return Status::BadModel("size " + d.ToString() + " is negative");
      }
      SizesOf(c, axes, sizes, &out, &changed);
    } else if (!known_scales) {
      for (int64_t a : axes) out[static_cast<size_t>(a)] = c.NewDim();
    } else {
      MOSAIC_RETURN_IF_ERROR(CheckLength("scales", scales.size(), axes.size()));
      MOSAIC_RETURN_IF_ERROR(ScaledSizes(c, axes, scales, &out, &changed));
    }
    if (Crops()) {
      if (!c.Has(1)) return Status::BadModel("roi is missing");
      if (known_roi) MOSAIC_RETURN_IF_ERROR(CheckLength("roi", roi.size(), 2 * axes.size()));
      if (!known_roi) c.Defer();
      changed.assign(changed.size(), true);
    }
    MOSAIC_RETURN_IF_ERROR(c.Set(0, dtype, std::move(out)));
    bool apart = true;
    for (size_t k = 0; k < axes.size(); ++k) {
      apart = apart && (!changed[k] || axes[k] != c.item_axis(0));
    }
    ItemsKept(c, apart ? c.item_axis(0) : kMixed);
    return Status();
  }

  Status Start(Call& c) const override {
    State& s = c.NewState<State>();
    MOSAIC_RETURN_IF_ERROR(FindStages(c, &s.stages));
    const Tensor &x = c.inputs[0], &y = c.outputs[0];
    if (y.size() == 0) return Status();
    if (x.size() == 0) {
      return Status::Invalid("an input of shape " + ShapeString(x.shape()) +
                             " has no elements to resize");
    }
    Order(&s.stages);  // parts name their stage by its place
    for (size_t i = 0; i < s.stages.size(); ++i) StartTable(c, i);
    if (config_.mode == ResizeMode::kNearest || s.stages.empty()) {
      Add(c, Part::kNearest, 0, Chunks(y.size(), kChunk), 12.0 * kChunk);
    } else {
      StartSums(c);
    }
    return Status();
  }

  Status Run(Call& c, int phase, int64_t begin, int64_t end) const override {
    const State& s = c.state<State>();
    const PartOf& p = s.parts[static_cast<size_t>(phase)];
    for (int64_t u = begin; u < end; ++u) {
      switch (p.part) {
        case Part::kTable:
          FillTable(c, s.stages[p.stage], u);
          break;
        case Part::kConvert:
        case Part::kStore:
          s.wide ? ConvertUnit<double>(c, p.part, u) : ConvertUnit<float>(c, p.part, u);
          break;
        case Part::kAxis:
          s.wide ? Sum<double>(c, s.stages[p.stage], u) : Sum<float>(c, s.stages[p.stage], u);
          break;
        case Part::kNearest:
          Move(c, u);
          break;
      }
    }
    return Status();
  }

 private:
  bool Crops() const { return config_.transformation == Transformation::kTfCropAndResize; }

  static Status CheckLength(const char* what, size_t length, size_t expected) {
    if (length == expected) return Status();
    return Status::BadModel(std::string(what) + " has " + std::to_string(length) +
                            " elements instead of " + std::to_string(expected));
  }

  Status Axes(int rank, std::vector<int64_t>* axes) const {
    *axes = axes_;
    for (int d = 0; !has_axes_ && d < rank; ++d) axes->push_back(d);
    std::vector<bool> marked;
    MOSAIC_RETURN_IF_ERROR(MarkAxes(*axes, rank, &marked));
    for (int64_t& a : *axes) a += a < 0 ? rank : 0;
    return Status();
  }

  // ---- sizes of the output ----

  void SizesOf(InferContext& c, const std::vector<int64_t>& axes, const Dims& sizes, Dims* out,
               std::vector<bool>* changed) const {
    Shape wanted;
    const bool numbers = NumbersOf(sizes, &wanted);
    const float common = policy_ != Policy::kStretch && numbers ? CommonScale(c, axes, wanted) : -1;
    for (size_t k = 0; k < axes.size(); ++k) {
      Dim& d = (*out)[static_cast<size_t>(axes[k])];
      if (policy_ == Policy::kStretch) {
        (*changed)[k] = !Same(d, sizes[k]);
        d = sizes[k];
      } else {
        d = common >= 0 ? Dim(Nearest(common, d.number())) : c.NewDim();
      }
    }
  }
  // The scale that keeps the ratio; -1 where not all sizes are known.
  float CommonScale(const InferContext& c, const std::vector<int64_t>& axes,
                    const Shape& wanted) const {
    float scale = -1;
    for (size_t k = 0; k < axes.size(); ++k) {
      const Dim& d = c.dims(0)[static_cast<size_t>(axes[k])];
      if (!d.is_number()) return -1;
      const float s =
          static_cast<float>(wanted[k]) / static_cast<float>(std::max<int64_t>(1, d.number()));
      const bool smaller = policy_ == Policy::kNotLarger;
      scale = scale < 0 ? s : smaller ? std::min(scale, s) : std::max(scale, s);
    }
    return scale;
  }
  static int64_t Nearest(float scale, int64_t size) {
    const float v = std::floor(scale * static_cast<float>(size) + 0.5F);
    return ConvertTo<int64_t>(v);
  }

  static Status ScaledSizes(InferContext& c, const std::vector<int64_t>& axes,
                            const std::vector<float>& scales, Dims* out,
                            std::vector<bool>* changed) {
    for (size_t k = 0; k < axes.size(); ++k) {
      Dim& d = (*out)[static_cast<size_t>(axes[k])];
      const float s = scales[k];
      if (!(s > 0)) return Status::BadModel("scale " + std::to_string(s) + " is not above 0");
      (*changed)[k] = s != 1;
      if (s == 1) continue;
      if (d.is_number()) {
        d = ConvertTo<int64_t>(std::floor(s * static_cast<float>(d.number())));
      } else if (s == std::floor(s) && s < 1e6F) {
        d = d * Dim(static_cast<int64_t>(s));
      } else if (1 / s == std::floor(1 / s) && 1 / s < 1e6F) {
        d = FloorDiv(d, Dim(static_cast<int64_t>(1 / s)));
      } else {
        d = c.NewDim();
      }
      if (d.is_unknown()) d = c.NewDim();
    }
    return Status();
  }

  // ---- start ----

  Status FindStages(const Call& c, std::vector<Stage>* stages) const {
    const Shape &x = c.inputs[0].shape(), &y = c.outputs[0].shape();
    std::vector<int64_t> axes;
    MOSAIC_RETURN_IF_ERROR(Axes(c.inputs[0].rank(), &axes));
    std::vector<float> scales, roi;
    if (c.Given(2)) KnownFloats(c.facts[2], &scales);
    if (c.Given(1)) KnownFloats(c.facts[1], &roi);
    std::vector<int64_t> sizes;
    if (scales.empty() && c.Given(3)) MOSAIC_RETURN_IF_ERROR(c.Ints(3, "sizes", &sizes));
    if (scales.size() + sizes.size() != axes.size() || (Crops() && roi.size() != 2 * axes.size())) {
      return Status::Internal("what Resize needs is not known");
    }
    float common = -1;
    for (size_t k = 0; k < axes.size() && policy_ != Policy::kStretch && scales.empty(); ++k) {
      const float s = static_cast<float>(sizes[k]) /
                      static_cast<float>(std::max<int64_t>(1, x[static_cast<size_t>(axes[k])]));
      const bool smaller = policy_ == Policy::kNotLarger;
      common = common < 0 ? s : smaller ? std::min(common, s) : std::max(common, s);
    }
    for (size_t k = 0; k < axes.size(); ++k) {
      const size_t d = static_cast<size_t>(axes[k]);
      Stage g;
      g.axis.axis = static_cast<int>(d);
      g.axis.in = x[d];
      g.axis.out = y[d];
      g.axis.scale = !scales.empty() ? scales[k]
                     : common >= 0   ? common
                                     : static_cast<float>(y[d]) / static_cast<float>(x[d]);
      if (Crops()) {
        g.axis.roi_begin = roi[k];
        g.axis.roi_end = roi[k + axes.size()];
      }
      const bool all = g.axis.roi_begin == 0 && g.axis.roi_end == 1;
      if (x[d] == y[d] && g.axis.scale == 1 && all) continue;
      stages->push_back(g);
    }
    return Status();
  }

  static void Add(Call& c, Part part, size_t stage, int64_t units, double cost) {
    c.phases.push_back(Phase{units, cost});
    c.state<State>().parts.push_back({part, stage});
  }

  void StartTable(Call& c, size_t i) const {
    Stage& g = c.state<State>().stages[i];
    g.taps = g.axis.Taps(config_);
    g.index_at = ReserveScratch(&c, g.axis.out * g.taps * 8);
    g.weight_at = ReserveScratch(&c, g.axis.out * g.taps * 4);
    g.rows = std::clamp<int64_t>(4096 / g.taps, 1, g.axis.out);
    Add(c, Part::kTable, i, Chunks(g.axis.out, g.rows),
        60.0 * static_cast<double>(g.rows * g.taps));
  }

  void StartSums(Call& c) const {
    State& s = c.state<State>();
    const int dtype = c.inputs[0].dtype();
    s.wide = dtype == MOSAIC_DOUBLE || (!IsFloat(dtype) && DTypeSize(dtype) >= 4);
    const bool plain = dtype == MOSAIC_FLOAT || dtype == MOSAIC_DOUBLE;
    const int64_t size = s.wide ? 8 : 4;
    if (!plain) {
      s.converted_at = ReserveScratch(&c, c.inputs[0].size() * size);
      s.sums_at = ReserveScratch(&c, c.outputs[0].size() * size);
      Add(c, Part::kConvert, 0, Chunks(c.inputs[0].size(), kChunk), 2.0 * kChunk);
    }
    Shape now = c.inputs[0].shape();
    int64_t from = s.converted_at;
    for (size_t i = 0; i < s.stages.size(); ++i) {
      Stage& g = s.stages[i];
      const size_t a = static_cast<size_t>(g.axis.axis);
      for (size_t d = 0; d < a; ++d) g.outer *= now[d];
      for (size_t d = a + 1; d < now.size(); ++d) g.inner *= now[d];
      g.last = a + 1 == now.size();
      now[a] = g.axis.out;
      g.from_at = from;
      g.to_at = i + 1 == s.stages.size() ? s.sums_at : ReserveScratch(&c, g.elements() * size);
      from = g.to_at;
      g.chunk = std::clamp<int64_t>(100000 / g.taps, 1, kChunk);
      Add(c, Part::kAxis, i, Chunks(g.elements(), g.chunk),
          2.0 * static_cast<double>(g.chunk * g.taps));
    }
    if (!plain) Add(c, Part::kStore, 0, Chunks(c.outputs[0].size(), kChunk), 4.0 * kChunk);
  }

  // The axes in the order that is least work: those that shrink most first.
  static void Order(std::vector<Stage>* stages) {
    std::stable_sort(stages->begin(), stages->end(), [](const Stage& a, const Stage& b) {
      const double grows_a = static_cast<double>(a.axis.out) / static_cast<double>(a.axis.in);
      const double grows_b = static_cast<double>(b.axis.out) / static_cast<double>(b.axis.in);
      return grows_a != grows_b ? grows_a < grows_b : grows_a > 1 && a.axis.axis > b.axis.axis;
    });
  }

  // ---- run ----

  void FillTable(Call& c, const Stage& g, int64_t unit) const {
    const int64_t end = std::min((unit + 1) * g.rows, g.axis.out);
    for (int64_t i = unit * g.rows; i < end; ++i) {
      int64_t* index = ScratchAt<int64_t>(c, g.index_at) + i * g.taps;
      float* weight = ScratchAt<float>(c, g.weight_at) + i * g.taps;
      if (!g.axis.Fill(config_, i, index, weight)) index[0] = -1;
    }
  }

  template <typename V>
  void ConvertUnit(Call& c, Part part, int64_t unit) const {
    const State& s = c.state<State>();
    const Tensor& t = part == Part::kConvert ? c.inputs[0] : c.outputs[0];
    const int64_t begin = unit * kChunk, end = std::min(begin + kChunk, t.size());
    V* values = ScratchAt<V>(c, part == Part::kConvert ? s.converted_at : s.sums_at);
    Dispatch(MovedTypes(), t.dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      if (part == Part::kConvert) {
        const T* x = t.data<T>();
        for (int64_t i = begin; i < end; ++i) values[i] = static_cast<V>(Load(x[i]));
      } else {
        T* y = c.outputs[0].mutable_data<T>();
        for (int64_t i = begin; i < end; ++i) y[i] = Result<T>(values[i], config_.antialias);
      }
    });
  }

  // Some elements of what an axis makes, row by row; the last axis element by element.
  template <typename V>
  void Sum(Call& c, const Stage& g, int64_t unit) const {
    const V* from = g.from_at < 0 ? c.inputs[0].data<V>() : ScratchAt<V>(c, g.from_at);
    V* to = g.to_at < 0 ? c.outputs[0].mutable_data<V>() : ScratchAt<V>(c, g.to_at);
    const int64_t last = std::min((unit + 1) * g.chunk, g.elements());
    const bool along = g.last;  // not by "inner", which may count items: the two round differently
    for (int64_t at = unit * g.chunk; at < last;) {
      const int64_t row = at / g.inner, column = at % g.inner, i = row % g.axis.out;
      const int64_t n = std::min(along ? g.axis.out - i : g.inner - column, last - at);
      const V* plane = from + row / g.axis.out * g.axis.in * g.inner + column;
      const AxisTaps taps = {ScratchAt<int64_t>(c, g.index_at) + i * g.taps,
                             ScratchAt<float>(c, g.weight_at) + i * g.taps, g.taps};
      const V outside = static_cast<V>(config_.extrapolation);
      if (along) {
        SumAlong(plane, taps, outside, n, to + at);
      } else if (taps.index[0] < 0) {
        std::fill(to + at, to + at + n, outside);
      } else {
        SumRows(plane, taps, g.inner, n, to + at);
      }
      at += n;
    }
  }

  // Some elements of the output, moved from the nearest of the input.
  void Move(Call& c, int64_t unit) const {
    if (!Crops()) {
      DispatchSize(c.inputs[0].dtype(), [&](auto type) {
        using T = typename decltype(type)::T;
        MoveAs<T>(c, unit, T());
      });
      return;
    }
    Dispatch(MovedTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      MoveAs<T>(c, unit, Result<T>(config_.extrapolation, false));
    });
  }
  template <typename T>
  static void MoveAs(Call& c, int64_t unit, T outside) {
    const State& s = c.state<State>();
    const Shape &in = c.inputs[0].shape(), &out = c.outputs[0].shape();
    const T* x = c.inputs[0].data<T>();
    T* y = c.outputs[0].mutable_data<T>();
    const size_t rank = out.size();
    const int64_t* tables[MOSAIC_MAX_DIMS] = {};
    for (const Stage& g : s.stages) tables[g.axis.axis] = ScratchAt<int64_t>(c, g.index_at);
    const int64_t end = std::min((unit + 1) * kChunk, c.outputs[0].size());
    const int64_t row = rank == 0 ? 1 : out[rank - 1];
    int64_t base_before = -1;  // of a whole row just before
    for (int64_t at = unit * kChunk; at < end;) {
      const int64_t column = at % row, n = std::min(row - column, end - at);
      int64_t rest = at / row, base = 0, stride = rank == 0 ? 1 : in[rank - 1];
      bool inside = true;
      for (size_t d = rank; d-- > 1;) {
        const size_t a = d - 1;
        const int64_t i = rest % out[a], from = tables[a] == nullptr ? i : tables[a][i];
        inside = inside && from >= 0;
        base += from * stride;
        stride *= in[a];
        rest /= out[a];
      }
      const int64_t* last = rank == 0 ? nullptr : tables[rank - 1];
      if (inside && base == base_before && n == row) {
        std::copy_n(y + at - row, row, y + at);
      } else {
        for (int64_t k = 0; k < n; ++k) {
          const int64_t from = last == nullptr ? column + k : last[column + k];
          y[at + k] = inside && from >= 0 ? x[base + from] : outside;
        }
      }
      base_before = inside && n == row ? base : -1;
      at += n;
    }
  }

  std::vector<int64_t> axes_;
  bool has_axes_, scales_, sizes_;
  ResizeConfig config_;
  Policy policy_ = Policy::kStretch;
};

Status MakeResize(const Node& node, std::unique_ptr<Op>* out) {
  MOSAIC_RETURN_IF_ERROR(CheckArity(node, 1, 4));
  auto op = std::make_unique<ResizeOp>(node);
  MOSAIC_RETURN_IF_ERROR(op->ReadModes(node));
  *out = std::move(op);
  return Status();
}

}  // namespace

extern const OpDef kResize = {kOnnxDomain, "Resize", 19, 25, &MakeResize};

}  // namespace mosaic
