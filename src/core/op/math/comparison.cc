// Equal, Greater, GreaterOrEqual, Less, LessOrEqual: broadcasting, the result is bool.
#include "core/op/math/elementwise.h"

namespace mosaic {
namespace {

struct Comparison {
  using List = NumericTypes;
  static constexpr double kCost = 1;
  static constexpr bool kPredicate = true;
  static constexpr bool kDivides = false;
};

struct EqualFn : Comparison {
  using List = AllTypes;
  static Dim OfDims(const Dim& a, const Dim& b, bool) {
    return Same(a, b) ? Dim(1) : Differ(a, b) ? Dim(0) : Dim();
  }
  template <typename T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct GreaterFn : Comparison {
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterOrEqualFn : Comparison {
  template <typename T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct LessFn : Comparison {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqualFn : Comparison {
  template <typename T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};

}  // namespace

extern const OpDef kEqual = {kOnnxDomain, "Equal", 19, 25, &MakePlain<BinaryOp<EqualFn>, 2, 2>};
extern const OpDef kGreater = {kOnnxDomain, "Greater", 13, 25,
                               &MakePlain<BinaryOp<GreaterFn>, 2, 2>};
extern const OpDef kGreaterOrEqual = {kOnnxDomain, "GreaterOrEqual", 16, 25,
                                      &MakePlain<BinaryOp<GreaterOrEqualFn>, 2, 2>};
extern const OpDef kLess = {kOnnxDomain, "Less", 13, 25, &MakePlain<BinaryOp<LessFn>, 2, 2>};
extern const OpDef kLessOrEqual = {kOnnxDomain, "LessOrEqual", 16, 25,
                                   &MakePlain<BinaryOp<LessOrEqualFn>, 2, 2>};

}  // namespace mosaic
