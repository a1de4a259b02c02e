// Acos, Acosh, Asin, Asinh, Atan, Atanh, Cos, Cosh, Sin, Sinh, Tan.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

// An operator that is a function of the C library.
#define MOSAIC_FUNCTION(Name, function)                                                           \
  struct Name##Fn {                                                                               \
    using List = FloatTypes;                                                                      \
    static constexpr double kCost = 40;                                                           \
    template <typename T>                                                                         \
    T operator()(T x) const {                                                                     \
      return function(x);                                                                         \
    }                                                                                             \
  };                                                                                              \
  }                                                                                               \
  extern const OpDef k##Name = {kOnnxDomain, #Name, 22, 25, &MakePlain<UnaryOp<Name##Fn>, 1, 1>}; \
  namespace {

MOSAIC_FUNCTION(Acos, std::acos)
MOSAIC_FUNCTION(Acosh, std::acosh)
MOSAIC_FUNCTION(Asin, std::asin)
MOSAIC_FUNCTION(Asinh, std::asinh)
MOSAIC_FUNCTION(Atan, std::atan)
MOSAIC_FUNCTION(Atanh, std::atanh)
MOSAIC_FUNCTION(Cosh, std::cosh)
MOSAIC_FUNCTION(Sinh, std::sinh)
MOSAIC_FUNCTION(Tan, std::tan)

#undef MOSAIC_FUNCTION

struct CosFn {
  using List = FloatTypes;
  static constexpr double kCost = 20;
  static constexpr Unary kKernel = Unary::kCos;
  template <typename T>
  T operator()(T x) const {
    return std::cos(x);
  }
};
struct SinFn {
  using List = FloatTypes;
  static constexpr double kCost = 20;
  static constexpr Unary kKernel = Unary::kSin;
  template <typename T>
  T operator()(T x) const {
    return std::sin(x);
  }
};

}  // namespace

extern const OpDef kCos = {kOnnxDomain, "Cos", 22, 25, &MakePlain<UnaryOp<CosFn>, 1, 1>};
extern const OpDef kSin = {kOnnxDomain, "Sin", 22, 25, &MakePlain<UnaryOp<SinFn>, 1, 1>};

}  // namespace mosaic
