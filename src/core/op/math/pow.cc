// Pow: y = a ^ b, of a's type; the exponent may be of another type.
//
// Integers with an integer exponent of the same type are computed exactly and wrap; a negative
// exponent gives 0 but for the bases 1 and -1. Mixed types are computed in double.
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
  bool by_kernel;  // one constant exponent, of float32
};

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
    c.NewState<PowState>(
        PowState{StridedWalk(shape, {{BroadcastStrides(c.inputs[0].shape(), shape), 0},
                                     {BroadcastStrides(c.inputs[1].shape(), shape), 0}}),
                 constant && c.inputs[0].dtype() == MOSAIC_FLOAT});
    StartElements(c, 40);
    return Status();
  }

  Status Run(Call& c, int, int64_t begin, int64_t end) const override {
    end = ElementRange(c, &begin, end);
    if (c.state<PowState>().by_kernel) {
      ComputePower(c.inputs[0].data<float>() + begin, ScalarOf(c.inputs[1]),
                   c.outputs[0].mutable_data<float>() + begin, end - begin);
      return Status();
    }
    Dispatch(BaseTypes(), c.inputs[0].dtype(), [&](auto base) {
      using A = typename decltype(base)::T;
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
