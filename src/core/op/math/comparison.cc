// Equal, Greater, GreaterOrEqual, Less, LessOrEqual: broadcasting, the result is bool.
#include "core/op/elementwise.h"

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

extern const OpDef kEqual = {"Equal", 9, 17, &MakePlain<BinaryOp<EqualFn>, 2, 2>};
extern const OpDef kGreater = {"Greater", 9, 17, &MakePlain<BinaryOp<GreaterFn>, 2, 2>};
extern const OpDef kGreaterOrEqual = {"GreaterOrEqual", 12, 17,
                                      &MakePlain<BinaryOp<GreaterOrEqualFn>, 2, 2>};
extern const OpDef kLess = {"Less", 9, 17, &MakePlain<BinaryOp<LessFn>, 2, 2>};
extern const OpDef kLessOrEqual = {"LessOrEqual", 12, 17,
                                   &MakePlain<BinaryOp<LessOrEqualFn>, 2, 2>};

}  // namespace mosaic
