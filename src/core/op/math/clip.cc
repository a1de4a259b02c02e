// Clip: min(max(x, low), high); NaN stays. The bounds are inputs 1 and 2, either may be omitted.
// They are of the input's type, or, where attributes of an old form became inputs, float32.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

class ClipOp : public Op {
 public:
  explicit ClipOp(const Node& node) : float_bounds_(node.Int("float_bounds", 0) != 0) {}

  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(0), "an input"));
    for (size_t i = 1; i < c.inputs(); ++i) {
      if (!c.Has(i)) continue;
      if (!float_bounds_) MOSAIC_RETURN_IF_ERROR(CheckSameType(c, 0, i));
      if (c.in(i).ranked && Differ(Product(c.dims(i)), 1)) {
        return Status::BadModel("a bound must be a scalar, has shape " + ShapeString(c.dims(i)));
      }
    }
    MOSAIC_RETURN_IF_ERROR(InferSame(c));
    FollowBounds(c);
    return Status();
  }

  Status Start(Call& c) const override {
    StartElements(c, 2);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    Dispatch(NumericTypes(), c.inputs[0].dtype(), [&](auto type) {
      using T = typename decltype(type)::T;
      using V = ComputeType<T>;
      using Limits = std::numeric_limits<V>;
      V low = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
      V high = Limits::has_infinity ? Limits::infinity() : Limits::max();
      if (c.Given(1)) low = Bound<T>(c.inputs[1]);
      if (c.Given(2)) high = Bound<T>(c.inputs[2]);
      const T* x = c.inputs[0].data<T>();
      T* y = c.outputs[0].mutable_data<T>();
      if constexpr (std::is_same_v<T, float>) {
        return ComputeUnary(Unary::kClip, {low, high}, x + begin, y + begin, end - begin);
      }
      for (int64_t i = begin; i < end; ++i) {
        V v = Load(x[i]);
        v = v < low ? low : v;
        y[i] = Store<T>(v > high ? high : v);
      }
    });
    return Status();
  }
  bool in_place(int i) const override { return i == 0; }

 private:
  template <typename T>
  ComputeType<T> Bound(const Tensor& t) const {
    return float_bounds_ ? ConvertTo<ComputeType<T>>(*t.data<float>()) : Load(*t.data<T>());
  }

  static void FollowBounds(InferContext& c) {
    Dims x, low, high;
    if (c.concrete() || c.in(0).ints == nullptr || !c.Known(0, &x)) return;
    if (c.Has(1) && (!c.Known(1, &low) || low.size() != 1)) return;
    if (c.Has(2) && (!c.Known(2, &high) || high.size() != 1)) return;
    for (Dim& d : x) {
      if (!low.empty()) d = Max(d, low[0]);
      if (!high.empty()) d = Min(d, high[0]);
      if (d.is_unknown()) return;
    }
    c.out(0).ints = std::make_shared<const Dims>(std::move(x));
  }

  bool float_bounds_;
};

}  // namespace

extern const OpDef kClip = {kOnnxDomain, "Clip", 13, 25, &MakeOf<ClipOp, 1, 3>};

}  // namespace mosaic
