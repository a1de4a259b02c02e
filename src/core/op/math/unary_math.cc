// Abs, Ceil, Cos, Erf, Exp, Floor, Log, Neg, Reciprocal, Sign, Sin, Sqrt.
#include "core/op/elementwise.h"

namespace mosaic {
namespace {

struct FloatMath {
  using List = FloatTypes;
  static constexpr double kCost = 20;
};

struct AbsFn {
  using List = NumericTypes;
  static constexpr double kCost = 1;
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_unsigned_v<T>) {
      return x;
    } else if constexpr (std::is_integral_v<T>) {
      return x < 0 ? Wrapping(T(0), x, [](auto a, auto b) { return a - b; }) : x;
    } else {
      return std::fabs(x);
    }
  }
};
struct NegFn {
  using List = SignedTypes;
  static constexpr double kCost = 1;
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return Wrapping(T(0), x, [](auto a, auto b) { return a - b; });
    } else {
      return -x;
    }
  }
};
struct SignFn {  // 0 and NaN stay
  using List = NumericTypes;
  static constexpr double kCost = 1;
  template <typename T>
  T operator()(T x) const {
    if constexpr (!std::is_unsigned_v<T>) {
      if (x < 0) return T(-1);
    }
    return x > 0 ? T(1) : x;
  }
};
struct CeilFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::ceil(x);
  }
};
struct FloorFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::floor(x);
  }
};
struct CosFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::cos(x);
  }
};
struct SinFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::sin(x);
  }
};
struct ErfFn : FloatMath {
  static constexpr Activation kFused = Activation::kErf;
  template <typename T>
  T operator()(T x) const {
    return std::erf(x);
  }
};
struct ExpFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::exp(x);
  }
};
struct LogFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::log(x);
  }
};
struct SqrtFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct ReciprocalFn : FloatMath {
  template <typename T>
  T operator()(T x) const {
    return T(1) / x;
  }
};

}  // namespace

extern const OpDef kAbs = {"Abs", 9, 17, &MakePlain<UnaryOp<AbsFn>, 1, 1>};
extern const OpDef kCeil = {"Ceil", 9, 17, &MakePlain<UnaryOp<CeilFn>, 1, 1>};
extern const OpDef kCos = {"Cos", 9, 17, &MakePlain<UnaryOp<CosFn>, 1, 1>};
extern const OpDef kErf = {"Erf", 9, 17, &MakePlain<UnaryOp<ErfFn>, 1, 1>};
extern const OpDef kExp = {"Exp", 9, 17, &MakePlain<UnaryOp<ExpFn>, 1, 1>};
extern const OpDef kFloor = {"Floor", 9, 17, &MakePlain<UnaryOp<FloorFn>, 1, 1>};
extern const OpDef kLog = {"Log", 9, 17, &MakePlain<UnaryOp<LogFn>, 1, 1>};
extern const OpDef kNeg = {"Neg", 9, 17, &MakePlain<UnaryOp<NegFn>, 1, 1>};
extern const OpDef kReciprocal = {"Reciprocal", 9, 17, &MakePlain<UnaryOp<ReciprocalFn>, 1, 1>};
extern const OpDef kSign = {"Sign", 9, 17, &MakePlain<UnaryOp<SignFn>, 1, 1>};
extern const OpDef kSin = {"Sin", 9, 17, &MakePlain<UnaryOp<SinFn>, 1, 1>};
extern const OpDef kSqrt = {"Sqrt", 9, 17, &MakePlain<UnaryOp<SqrtFn>, 1, 1>};

}  // namespace mosaic
