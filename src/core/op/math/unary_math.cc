// Abs, Ceil, Erf, Exp, Floor, Log, Neg, Reciprocal, Round, Sign, Sqrt.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct FloatMath {
  using List = FloatTypes;
  static constexpr double kCost = 20;
};

struct AbsFn {
  static constexpr Unary kKernel = Unary::kAbs;
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
  static constexpr Unary kKernel = Unary::kNeg;
  using List = SignedTypes;
  static constexpr double kCost = 1;
  static Dim OfDims(const Dim& x, bool) { return Dim(0) - x; }
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
  static constexpr Unary kKernel = Unary::kSign;
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
// Of a size: itself, as it is whole.
struct Rounding : FloatMath {
  static Dim OfDims(const Dim& x, bool) { return x; }
};
struct CeilFn : Rounding {
  static constexpr Unary kKernel = Unary::kCeil;
  template <typename T>
  T operator()(T x) const {
    return std::ceil(x);
  }
};
struct FloorFn : Rounding {
  static constexpr Unary kKernel = Unary::kFloor;
  template <typename T>
  T operator()(T x) const {
    return std::floor(x);
  }
};
struct RoundFn : Rounding {  // halves to even
  static constexpr Unary kKernel = Unary::kRound;
  template <typename T>
  T operator()(T x) const {
    return std::nearbyint(x);
  }
};
struct ErfFn : FloatMath {
  static constexpr Unary kKernel = Unary::kErf;
  template <typename T>
  T operator()(T x) const {
    return std::erf(x);
  }
};
struct ExpFn : FloatMath {
  static constexpr Unary kKernel = Unary::kExp;
  template <typename T>
  T operator()(T x) const {
    return std::exp(x);
  }
};
struct LogFn : FloatMath {
  static constexpr Unary kKernel = Unary::kLog;
  template <typename T>
  T operator()(T x) const {
    return std::log(x);
  }
};
struct SqrtFn : FloatMath {
  static constexpr Unary kKernel = Unary::kSqrt;
  template <typename T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct ReciprocalFn : FloatMath {
  static constexpr Unary kKernel = Unary::kReciprocal;
  template <typename T>
  T operator()(T x) const {
    return T(1) / x;
  }
};

}  // namespace

extern const OpDef kAbs = {kOnnxDomain, "Abs", 13, 25, &MakePlain<UnaryOp<AbsFn>, 1, 1>};
extern const OpDef kCeil = {kOnnxDomain, "Ceil", 13, 25, &MakePlain<UnaryOp<CeilFn>, 1, 1>};
extern const OpDef kErf = {kOnnxDomain, "Erf", 13, 25, &MakePlain<UnaryOp<ErfFn>, 1, 1>};
extern const OpDef kExp = {kOnnxDomain, "Exp", 13, 25, &MakePlain<UnaryOp<ExpFn>, 1, 1>};
extern const OpDef kFloor = {kOnnxDomain, "Floor", 13, 25, &MakePlain<UnaryOp<FloorFn>, 1, 1>};
extern const OpDef kLog = {kOnnxDomain, "Log", 13, 25, &MakePlain<UnaryOp<LogFn>, 1, 1>};
extern const OpDef kNeg = {kOnnxDomain, "Neg", 13, 25, &MakePlain<UnaryOp<NegFn>, 1, 1>};
extern const OpDef kReciprocal = {kOnnxDomain, "Reciprocal", 13, 25,
                                  &MakePlain<UnaryOp<ReciprocalFn>, 1, 1>};
extern const OpDef kRound = {kOnnxDomain, "Round", 22, 25, &MakePlain<UnaryOp<RoundFn>, 1, 1>};
extern const OpDef kSign = {kOnnxDomain, "Sign", 13, 25, &MakePlain<UnaryOp<SignFn>, 1, 1>};
extern const OpDef kSqrt = {kOnnxDomain, "Sqrt", 13, 25, &MakePlain<UnaryOp<SqrtFn>, 1, 1>};

}  // namespace mosaic
