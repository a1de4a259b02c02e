// Pow: y = a ^ b, of a's type; the exponent may be of another type.
//
// Integers with an integer exponent of the same type are computed exactly and wrap; a negative
// exponent gives 0 but for the bases 1 and -1. Mixed types are computed in double.
//
// Of floats with one constant exponent, float32 and by it the 16-bit types are the kernel's
// (kernel/unary.h); float64 takes no logarithm either where the exponent is whole and at most 64,
// or 1/2.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

using BaseTypes = Types<float, double, Float16, BFloat16, int32_t, int64_t>;

template <typename T>
T IntegerPow(T base, T exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  const auto multiply = [](T a, T b) {
    return Wrapping(a, b, [](auto x, auto y) { return x * y; });
  };
  T result = 1;
  for (;; base = multiply(base, base)) {
    if (exponent & 1) result = multiply(result, base);
    exponent = static_cast<T>(exponent >> 1);
    if (exponent == 0) return result;
  }
}

template <typename T>
T Power(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return IntegerPow(a, b);
  } else {
    return std::pow(a, b);
  }
}

struct PowState {
  StridedWalk walk;
  bool constant;  // floats with one constant exponent
};

// Within about 0.52 ulp, of small powers 0.502, where long double has 11 bits of a number more, and
// four of its exponent: what is infinite or 0 on the way is so in the end. Zeros, infinities and
// NaN are those of std::pow.
double WholePower(double x, int n) {
  long double base = static_cast<long double>(x), result = 1;
  for (int left = std::abs(n); left > 0; left >>= 1, base *= base) {
    if (left & 1) result *= base;
  }
  return static_cast<double>(n < 0 ? 1 / result : result);
}
constexpr bool kWholePowers = std::numeric_limits<long double>::digits == 64;

void PowersOf(const double* x, double e, double* y, int64_t n) {
  if (e == 2) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * x[i];
  } else if (e == 0.5) {  // the root of -0 is -0, of an infinity NaN
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] > 0 ? std::sqrt(x[i]) : std::pow(x[i], e);
  } else if (kWholePowers && std::fabs(e) <= 64 && e == std::floor(e)) {
    for (int64_t i = 0; i < n; ++i) y[i] = WholePower(x[i], static_cast<int>(e));
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = std::pow(x[i], e);
  }
}

template <typename T>
void PowersOf(const T* x, double e, T* y, int64_t n) {
  ByFloats(x, y, n,
           [&](const float* from, float* to, int64_t count) { ComputePower(from, e, to, count); });
}

double ScalarOf(const Tensor& t) {
  double v = 0;
  Dispatch(NumericTypes(), t.dtype(), [&](auto type) {
    v = static_cast<double>(Load(*t.data<typename decltype(type)::T>()));
  });
  return v;
}

class PowOp : public Op {
 public:
  Status Infer(InferContext& c) const override {
    MOSAIC_RETURN_IF_ERROR(CheckType<BaseTypes>(c.dtype(0), "a base"));
    MOSAIC_RETURN_IF_ERROR(CheckType<NumericTypes>(c.dtype(1), "an exponent"));
    return InferBroadcast(c, c.dtype(0));
  }
  Status Start(Call& c) const override {
    const Shape& shape = c.outputs[0].shape();
    const Tensor& exponent = c.facts[1].value;
    // Whether the exponent is constant does not depend on how many items there are; its size may.
    const bool constant = exponent.defined() && exponent.raw() != nullptr && exponent.size() == 1;
    c.NewState<PowState>(PowState{
        StridedWalk(shape, {{BroadcastStrides(c.inputs[0].shape(), shape), 0},
                            {BroadcastStrides(c.inputs[1].shape(), shape), 0}}),
        constant && c.inputs[0].dtype() != MOSAIC_INT32 && c.inputs[0].dtype() != MOSAIC_INT64});
    StartElements(c, 40);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    Dispatch(BaseTypes(), c.inputs[0].dtype(), [&](auto base) {
      using A = typename decltype(base)::T;
      if constexpr (std::is_floating_point_v<ComputeType<A>>) {
        if (c.state<PowState>().constant) {
          PowersOf(c.inputs[0].data<A>() + begin, ScalarOf(c.inputs[1]),
                   c.outputs[0].mutable_data<A>() + begin, end - begin);
          return;
        }
      }
      if (c.inputs[1].dtype() == c.inputs[0].dtype()) {
        Map<A, A>(c, begin, end, [](auto a, auto b) { return Power(a, b); });
        return;
      }
      Dispatch(NumericTypes(), c.inputs[1].dtype(), [&](auto exponent) {
        using B = typename decltype(exponent)::T;
        Map<A, B>(c, begin, end, [](auto a, auto b) {
          return ConvertTo<ComputeType<A>>(
              std::pow(static_cast<double>(a), static_cast<double>(b)));
        });
      });
    });
    return Status();
  }
  bool in_place(int i) const override { return i == 0; }

 private:
  template <typename A, typename B, typename F>
  static void Map(Call& c, int64_t begin, int64_t end, F f) {
    const StridedWalk& walk = c.state<PowState>().walk;
    walk.ForEachRun(begin, end, [&](int64_t at, const int64_t* offset, int64_t n) {
      MapRun(c.inputs[0].data<A>() + offset[0], walk.run_stride(0),
             c.inputs[1].data<B>() + offset[1], walk.run_stride(1),
             c.outputs[0].mutable_data<A>() + at, n, f);
    });
  }
};

}  // namespace

extern const OpDef kPow = {kOnnxDomain, "Pow", 15, 25, &MakePlain<PowOp, 2, 2>};

}  // namespace mosaic
